"""The true state of every flag as rows, with the seats and tenant levels for which it differs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from classroom import SeatFault
from incidents.flag_tables import TENANT_LEVELS
from observer.lookup.flag_states import Flags, FlagState, Shopper

MOST_SEATS = 60
"""Seats of their own state that are read back: each asks every process once."""
MOST_WITH_TENANTS = 12
"""Those of them that are read back for each tenant level, too."""
_SEATS_NAMED = 12


@dataclass(frozen=True, slots=True)
class Difference:
    """For whom a flag has another value than for the shopper of the page."""

    value: str
    value_json: str
    whom: str
    """`tenant gold`, `anna, bert`."""


@dataclass(frozen=True, slots=True)
class FlagRow:
    """One flag as one process uses it."""

    key: str
    on: bool
    """Whether it changes anything, for whomever."""
    people: str
    synthetic: str
    people_json: str
    synthetic_json: str
    service: str
    error: str
    differs: tuple[Difference, ...]


def shoppers_of(seat: str, faults: Sequence[SeatFault], incident: str) -> tuple[Shopper, ...]:
    """Whom to ask for: the shopper of the page first, then seats that may differ from it, and tenant levels.

    Those are the seats with an incident other than `incident` or with repairs of their own; none on the page
    of a seat.
    """
    own = [each.seat for each in faults if each.repaired or (each.incident and each.incident != incident)]
    seats = [] if seat else own[:MOST_SEATS]
    with_tenants = [
        Shopper(each, level) for each in (seat, *seats[:MOST_WITH_TENANTS]) for level in TENANT_LEVELS
    ]
    return (Shopper(seat), *map(Shopper, seats), *with_tenants)


def left_out(faults: Sequence[SeatFault], incident: str) -> int:
    """How many seats of their own state are not read back."""
    own = [each for each in faults if each.repaired or (each.incident and each.incident != incident)]
    return max(0, len(own) - MOST_SEATS)


def flag_rows(found: Mapping[Shopper, Flags]) -> tuple[FlagRow, ...]:
    """The flags of all processes that answered, those that are on first.

    The first shopper is that of the page.
    """
    (of_page, flags), *others = found.items()
    values = {
        shopper: {(state.service, state.key): state for state in each.states} for shopper, each in others
    }
    rows = [_row(state, of_page, values) for state in flags.states]
    return tuple(sorted(rows, key=lambda row: (not row.on, row.key)))


def _row(
    state: FlagState, of_page: Shopper, values: Mapping[Shopper, Mapping[tuple[str, str], FlagState]]
) -> FlagRow:
    differing: dict[tuple[str, str], list[Shopper]] = {}
    on = state.on
    for shopper, states in values.items():
        other = states.get((state.service, state.key))
        # Of a seat, a tenant level is worth a word only where it differs from the seat itself.
        at_seat = (
            values.get(Shopper(shopper.seat), {}).get((state.service, state.key)) if shopper.tenant else None
        )
        usual = at_seat or state
        if other is None or (other.people, other.synthetic) == (usual.people, usual.synthetic):
            continue
        on = on or other.on
        differing.setdefault((other.people, other.synthetic), []).append(shopper)
    return FlagRow(
        key=state.key,
        on=on,
        people=state.describe(state.people),
        synthetic=state.describe(state.synthetic),
        people_json=state.people,
        synthetic_json=state.synthetic,
        service=state.service,
        error=state.error,
        differs=tuple(
            Difference(_words(state, people, synthetic), people, _whom(shoppers, of_page))
            for (people, synthetic), shoppers in differing.items()
        ),
    )


def _words(state: FlagState, people: str, synthetic: str) -> str:
    """The other value; that of synthetic traffic too where it is another than on the page."""
    words = state.describe(people)
    if synthetic in (state.synthetic, people):
        return words
    return f"{words}, synthetic {state.describe(synthetic)}"


def _whom(shoppers: Sequence[Shopper], of_page: Shopper) -> str:
    levels = [each.tenant for each in shoppers if each.tenant and each.seat == of_page.seat]
    names = [f"tenant {level}" for level in levels]
    names += [
        f"{each.seat} as tenant {each.tenant}" if each.tenant else each.seat
        for each in shoppers
        if each.seat != of_page.seat
    ]
    more = [f"{len(names) - _SEATS_NAMED} more"] if len(names) > _SEATS_NAMED else []
    return ", ".join([*names[:_SEATS_NAMED], *more])
