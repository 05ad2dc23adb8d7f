"""How bad, for whom: one line about the key operation, people apart from synthetic traffic. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from decimal import Decimal
from typing import Final

from observer.components import time_format
from observer.components.number_format import count, percent, plural
from observer.components.safe_text import plain
from observer.request.parameters import spell_attribute
from store.api import Affected, Operation, Reach, Refused

PEOPLE: Final = "People"
_NAME: Final = 60


@dataclass(frozen=True, slots=True)
class ImpactSide:
    """The line of people, or of synthetic traffic."""

    who: str
    failed: str
    """`76 of 241 failed for good`."""
    details: tuple[str, ...]
    """Recovered, people, sessions, money."""
    bad: bool


@dataclass(frozen=True, slots=True)
class ImpactChoice:
    """One operation that can be chosen."""

    value: str
    label: str
    selected: bool


@dataclass(frozen=True, slots=True)
class Impact:
    """The line."""

    service: str
    operation: str
    """Empty where there is none to measure by."""
    why: str
    """How the operation was found."""
    sides: tuple[ImpactSide, ...]
    notes: tuple[str, ...]
    choices: tuple[ImpactChoice, ...]


def impact(
    of: Operation | None, why: str, found: Affected | None, offered: Sequence[Operation], zone: tzinfo
) -> Impact:
    """The line about an operation from what was counted of it."""
    sides: tuple[ImpactSide, ...] = ()
    notes: list[str] = []
    if found is not None:
        cut = found.since_unix_nano is not None
        sides = (_side(PEOPLE, found.real, cut=cut),)
        if found.synthetic.requests:
            sides += (_side("Synthetic traffic", found.synthetic, cut=cut),)
        if found.since_unix_nano is not None:
            since = time_format.stamp(found.since_unix_nano, zone)
            notes.append(f"Counted among the newest requests only, since {since}.")
    return Impact(
        service=of.service if of else "",
        operation=of.operation if of else "",
        why=why,
        sides=sides,
        notes=tuple(notes),
        choices=tuple(
            ImpactChoice(
                spell_attribute(one.service, one.operation),
                f"{plain(one.operation, _NAME)} of {plain(one.service, _NAME)}",
                one == of,
            )
            for one in offered
        ),
    )


def _side(who: str, reach: Reach, *, cut: bool) -> ImpactSide:
    least = "at least " if cut else ""
    if not reach.requests:
        return ImpactSide(who, "none tried", (), bad=False)
    lost = reach.failed_for_good
    share = f" ({percent(lost / reach.requests)})" if lost else ""
    details = [
        words for words in (_recovered(reach), _reach(reach, who), _money(reach.refused, lost)) if words
    ]
    failed = f"{least}{count(lost)} of {count(reach.requests)} failed for good{share}"
    return ImpactSide(who, failed, tuple(details), bad=bool(lost))


def _recovered(reach: Reach) -> str:
    """`164 recovered, 91 by a later try, 73 inside the request: …`."""
    later, inside = reach.recovered, reach.recovered_inside
    if not later and not inside:
        return ""
    by_try, by_itself = "by a later try", "inside the request: it went through though a call in it failed"
    if not later or not inside:
        return f"{count(later + inside)} recovered {by_try if later else by_itself}"
    return f"{count(later + inside)} recovered, {count(later)} {by_try}, {count(inside)} {by_itself}"


def _reach(reach: Reach, who: str) -> str:
    if not reach.failed:
        return ""
    if not reach.people and not reach.sessions:
        return "whom is not known: they carry neither a user nor a session"
    users = plural(reach.people, "person", "people") if who == PEOPLE else plural(reach.people, "user")
    return f"{users} in {plural(reach.sessions, 'session')} met a failure"


def _money(refused: Refused | None, lost: int) -> str:
    if refused is None or not lost:
        return ""
    if not refused.known:
        return "refused revenue not known: no failing span names an amount and its currency"
    sums = ", ".join(f"{currency} {_amount(value)}" for currency, value in sorted(refused.sums.items()))
    of = "" if refused.known == lost else f", known of {count(refused.known)} of {count(lost)}"
    return f"{sums} refused{of}"


def _amount(value: Decimal) -> str:
    """Exactly, with two decimals where it has any: `1,204`, `12.50`, `0.125`."""
    whole = value == value.to_integral_value()
    return f"{value:,.0f}" if whole else f"{value:,.2f}" if value == round(value, 2) else f"{value:,}"
