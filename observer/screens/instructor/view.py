"""The instructor's page: counts of the class, notes on what was cut, the flags in use. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observer.components.number_format import count, plural
from observer.lookup.flag_states import Flags
from observer.screens.instructor.classroom import ACTIVE_NS, SeatRow

SESSIONS_LIMIT = 1_000
"""Sessions read, the newest."""
_MINUTE_NS = 60 * 10**9


@dataclass(frozen=True, slots=True)
class Stat:
    """One number of the head of the page."""

    name: str
    value: int


@dataclass(frozen=True, slots=True)
class FlagRow:
    """One flag as one process uses it."""

    key: str
    on: bool
    people: str
    synthetic: str
    people_json: str
    synthetic_json: str
    service: str
    error: str
    """Why the process could not read the flag; empty where it could."""


def stats(rows: Sequence[SeatRow]) -> tuple[Stat, ...]:
    """The counts of the class."""
    active_within = plural(ACTIVE_NS // _MINUTE_NS, "minute")
    return (
        Stat("Seats seen", len(rows)),
        Stat(f"Active in the last {active_within}", sum(row.activity == "active" for row in rows)),
        Stat("Made the request", sum(row.attempts > 0 for row in rows)),
        Stat("Saw it fail", sum(row.failed > 0 for row in rows)),
    )


def notes(*, sessions_cut: bool, attempts_cut: bool) -> tuple[str, ...]:
    """What was left out of the list of seats, each in one sentence."""
    found = []
    if sessions_cut:
        limit = count(SESSIONS_LIMIT)
        found.append(f"Only the newest {limit} sessions were read: a shorter time range shows all.")
    if attempts_cut:
        found.append("Attempts were counted in the newest events only: a shorter time range counts all.")
    return tuple(found)


def flag_rows(flags: Flags) -> tuple[FlagRow, ...]:
    """The flags of all processes that answered, those that are on first."""
    ranked = sorted(flags.states, key=lambda state: not state.on)
    return tuple(
        FlagRow(
            key=state.key,
            on=state.on,
            people=state.describe(state.people),
            synthetic=state.describe(state.synthetic),
            people_json=state.people,
            synthetic_json=state.synthetic,
            service=state.service,
            error=state.error,
        )
        for state in ranked
    )
