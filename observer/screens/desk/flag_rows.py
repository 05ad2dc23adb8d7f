"""The true state of every flag as rows, with the seats and tenant levels for which it differs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from classroom import SeatFault
from incidents.flag_tables import TENANT_LEVELS
from observer.lookup.flag_states import Flags, FlagState, Shopper

MOST_SEATS = 60
"""Seats of their own state that are read back: each asks every process once."""
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
    """Whom to ask for: the shopper of the page first, its tenant levels, then seats that may differ from it.

    Those are the seats with an incident other than `incident` or with repairs of their own; none on the page
    of a seat.
    """
    tenants = [Shopper(seat, level) for level in TENANT_LEVELS]
    own = [each.seat for each in faults if each.repaired or (each.incident and each.incident != incident)]
    seats = [] if seat else [Shopper(each) for each in own[:MOST_SEATS]]
    return (Shopper(seat), *tenants, *seats)


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
        if other is None or (other.people, other.synthetic) == (state.people, state.synthetic):
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
            Difference(_words(state, people, synthetic), people, _whom(shoppers))
            for (people, synthetic), shoppers in differing.items()
        ),
    )


def _words(state: FlagState, people: str, synthetic: str) -> str:
    """The other value; that of synthetic traffic too where it is another than on the page."""
    words = state.describe(people)
    if synthetic in (state.synthetic, people):
        return words
    return f"{words}, synthetic {state.describe(synthetic)}"


def _whom(shoppers: Sequence[Shopper]) -> str:
    levels = [f"tenant {each.tenant}" for each in shoppers if each.tenant]
    seats = [each.seat for each in shoppers if not each.tenant]
    more = [f"{len(seats) - _SEATS_NAMED} more"] if len(seats) > _SEATS_NAMED else []
    return ", ".join([*levels, *seats[:_SEATS_NAMED], *more])
