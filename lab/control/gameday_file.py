"""A game day as data: a TOML file into a schedule of incidents.

title = "Friday evening"
[[events]]
at = "2m"                        # or a random time: at = { from = "2m", to = "6m" }
lasts = "5m"                     # healthy again afterwards; without it, until the next event
incident = "slow-provider"       # or a random one: one_of = ["price-typo", "bad-database"]
seats = "all"                    # or names: ["ana"], or a random share of the class: { share = 0.5 }
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import incidents
from classroom import Schedule, ScheduledAction
from lab.durations import nanoseconds
from lab.errors import UsageError

MOST_EVENTS = 100
HEALTHY = "none"
_KEYS = {"at", "lasts", "incident", "one_of", "seats"}


def schedule_of(text: str, *, seed: int, seats: Sequence[str], start_unix_nano: int) -> Schedule:
    """The schedule that a file's text stands for; the same seed and seats give the same one.

    Raises UsageError naming the event and the key.
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            f"The game day is not TOML: {error}.", "See docs/teach.md for an example."
        ) from error
    events = content.get("events")
    unknown = sorted(content.keys() - {"title", "events"})
    if unknown or not isinstance(events, list) or not 0 < len(events) <= MOST_EVENTS:
        raise UsageError(
            f"The game day has the unknown key {unknown[0]!r}." if unknown else "The game day has no events.",
            f'Write a title and 1 to {MOST_EVENTS} tables named "[[events]]".',
        )
    chance = random.Random(seed)
    actions: list[ScheduledAction] = []
    for number, event in enumerate(events, 1):
        actions += _actions(_Event(number, event), chance, seats, start_unix_nano)
    title = content.get("title", "Game day")
    return Schedule(
        str(title)[:80], start_unix_nano, True, tuple(sorted(actions, key=lambda a: a.at_unix_nano))
    )


class _Event:
    """One table of the file, read key by key with errors that name it."""

    def __init__(self, number: int, table: Any) -> None:
        self._number = number
        if not isinstance(table, Mapping):
            raise self.error("is not a table", 'write "[[events]]"')
        unknown = sorted(table.keys() - _KEYS)
        if unknown:
            raise self.error(f"has the unknown key {unknown[0]!r}", f"use {', '.join(sorted(_KEYS))}")
        self.table: Mapping[str, Any] = table

    def error(self, what: str, remedy: str) -> UsageError:
        """An error about this event."""
        return UsageError(f"Event {self._number} {what}.", f"Remedy: {remedy}.")

    def duration(self, key: str, given: Any) -> int:
        """Nanoseconds of a text such as `90s` or `5m`."""
        found = nanoseconds(given) if isinstance(given, str) else None
        if found is None:
            raise self.error(f"has no duration in {key!r}", "write a text such as 90s, 5m or 1h")
        return found


def _actions(
    event: _Event, chance: random.Random, seats: Sequence[str], start_unix_nano: int
) -> list[ScheduledAction]:
    at = start_unix_nano + _time(event, chance)
    chosen = _seats(event, chance, seats)
    found = [ScheduledAction(at, {"action": "incident", "name": _incident(event, chance), "seats": chosen})]
    if "lasts" in event.table:
        end = at + event.duration("lasts", event.table["lasts"])
        found.append(ScheduledAction(end, {"action": "incident", "name": HEALTHY, "seats": chosen}))
    return found


def _time(event: _Event, chance: random.Random) -> int:
    given = event.table.get("at")
    if isinstance(given, Mapping):
        first, last = (event.duration(f"at.{key}", given.get(key)) for key in ("from", "to"))
        if last < first:
            raise event.error('has "at.to" before "at.from"', "exchange them")
        return chance.randint(first, last)
    return event.duration("at", given)


def _incident(event: _Event, chance: random.Random) -> str:
    given = event.table.get("incident")
    names = [given] if given is not None else event.table.get("one_of")
    known = incidents.names()
    if not isinstance(names, list) or not names or ("incident" in event.table and "one_of" in event.table):
        raise event.error("names no incident", 'write either "incident" or "one_of"')
    wrong = [name for name in names if name not in known]
    if wrong:
        raise event.error(f"names the unknown incident {wrong[0]!r}", f"use one of {', '.join(known)}")
    return str(chance.choice(names))


def _seats(event: _Event, chance: random.Random, seats: Sequence[str]) -> str | list[str]:
    given = event.table.get("seats", "all")
    if given == "all":
        return "all"
    if isinstance(given, Mapping) and given.keys() == {"share"}:
        share = given["share"]
        if not isinstance(share, int | float) or not 0 < share <= 1:
            raise event.error("has no share from 0 to 1", "write seats = { share = 0.5 }")
        if not seats:
            raise event.error(
                "takes a share of a class without seats", 'start the lab with --class, or use "all"'
            )
        return sorted(chance.sample(list(seats), max(1, round(share * len(seats)))))
    if isinstance(given, list) and given and all(isinstance(name, str) for name in given):
        return [str(name) for name in given]
    raise event.error("has no seats", 'write "all", names, or { share = 0.5 }')
