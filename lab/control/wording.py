"""How the lab says what it did: for whom, and which part of an incident. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from incidents import Incident
from lab.errors import UsageError

_SEATS_NAMED = 5
_LONGEST_NAME = 40
Names = Mapping[str, str]
"""By seat the person's name; a seat of nobody on the roster is called by itself."""


def whom(seats: Sequence[str] | None, names: Names) -> str:
    """`every seat`, or the people of these seats, the first few of many."""
    if seats is None:
        return "every seat"
    more = len(seats) - _SEATS_NAMED
    return listed([named(seat, names) for seat in seats[:_SEATS_NAMED]]) + (
        f" and {more} more" if more > 0 else ""
    )


def named(seat: str, names: Names) -> str:
    """The person of a seat, in so many characters as a sentence has room for."""
    name = names.get(seat, seat)
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"


def listed(names: Sequence[str]) -> str:
    """`anna, bert`."""
    return ", ".join(names)


def title_of(incident: Incident, repair: str) -> str:
    """The title of a repair; empty where the incident has no such one."""
    return next((each.title for each in incident.repairs if each.name == repair), "")


def known_repairs(incident: Incident, chosen: Sequence[str]) -> tuple[str, ...]:
    """The chosen repairs, all of the incident where none was chosen. Raises UsageError."""
    known = tuple(each.name for each in incident.repairs)
    unknown = [name for name in chosen if name not in known]
    if unknown:
        raise UsageError(
            f"{incident.name} has no repair {unknown[0]!r}.",
            f"Use one of: {', '.join(known)}." if known else "It has none.",
        )
    if not known:
        raise UsageError(f"The incident {incident.name} has no repair.", "Begin the incident none instead.")
    return tuple(chosen) or known


def step_of(incident: Incident, name: str) -> str:
    """`step 6, The log line that says why`. Raises UsageError where the incident has no such step."""
    for number, step in enumerate(incident.steps, 1):
        if step.name == name:
            return f"step {number}, {step.title}"
    known = ", ".join(step.name for step in incident.steps)
    raise UsageError(f"{incident.name} has no step {name}.", f"Use one of: {known}.")
