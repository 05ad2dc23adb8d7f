"""Which page a step leads to, and whether a page that was opened is that one. Pure apart from `Owner`.

Compared are the path and the arguments that name something; the order of the lesson is not. An id fits if the
lesson found it, or if it is of the same seat: a student may follow the first of two orders.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol
from urllib.parse import parse_qsl

from incidents.model import Step

_PLACEHOLDER = re.compile(r"\{([a-z_]+)\}")
_NAMING = frozenset({"service", "trace_id", "session_id", "log", "span_id"})
"""Arguments that name what a page shows; others choose how it is shown."""
_ATTRIBUTE = "attr"
_SEAT, _SHOP = "seat", "{shop}"
_SESSIONS, _TRACES, _EVENTS = "/rum/sessions/", "/apm/traces/", "/apm/"

Ids = Mapping[str, Collection[str]]
Arguments = Sequence[tuple[str, str]]


class Owner(Protocol):
    """Answers whose a session or trace is that the lesson did not name."""

    def has_session(self, session_id: str) -> bool:
        """Whether it is a session of the seat since the incident began."""

    def has_trace(self, trace_id: str) -> bool:
        """Whether it is a trace of the seat since then, of the same request as one that the lesson named."""


@dataclass(frozen=True, slots=True)
class Capture:
    """One id of an opened address: the name that the lesson gives it, what stands before it, and the id."""

    name: str
    before: str
    value: str


def leads_to(step: Step, path: str, arguments: Arguments) -> tuple[Capture, ...] | None:
    """The ids in an address of the page that a step leads to; None for another page.

    `path` and `arguments` are decoded. A step in the shop leads to no page of the screens.
    """
    if step.screen.startswith(_SHOP):
        return None
    template, _, query = step.screen.partition("?")
    pattern, places = _pattern(template)
    found = pattern.fullmatch(path)
    if found is None:
        return None
    captures = [Capture(*place, value) for place, value in zip(places, found.groups(), strict=True)]
    for name, expected in parse_qsl(query):
        values = [value for given, value in arguments if given == name]
        if name == _ATTRIBUTE:
            named = expected.partition(":")[0] + ":"
            values = [value for value in values if value.startswith(named)]
            # Without this filter the list holds the seat's own, too.
            if values and not _take(name, expected, values, captures):
                return None
        elif (name in _NAMING or _PLACEHOLDER.search(expected)) and not _take(
            name, expected, values, captures
        ):
            return None
    return tuple(captures)


def fits(captures: Sequence[Capture], seat: str, ids: Ids, owner: Owner) -> bool:
    """Whether the ids of an opened address are those of the lesson, or others of the same seat."""
    in_own_session = any(
        capture.before.endswith(_SESSIONS) and _fits(capture, seat, ids, owner) for capture in captures
    )
    return all(
        _fits(capture, seat, ids, owner)
        or (in_own_session and capture.before == _EVENTS)  # an event of one's own session
        for capture in captures
    )


def _fits(capture: Capture, seat: str, ids: Ids, owner: Owner) -> bool:
    if capture.name == _SEAT:
        return capture.value == seat
    if capture.value in ids.get(capture.name, ()):
        return True
    if capture.before.endswith(_SESSIONS):
        return owner.has_session(capture.value)
    return capture.before.endswith((_TRACES, "trace_id=")) and owner.has_trace(capture.value)


def _take(name: str, expected: str, values: Sequence[str], captures: list[Capture]) -> bool:
    """Whether one of the values of an argument is as expected; its ids are added to the captures."""
    pattern, places = _pattern(expected)
    for value in values:
        found = pattern.fullmatch(value)
        if found:
            captures += [
                Capture(word, f"{name}={before}", each)
                for (word, before), each in zip(places, found.groups(), strict=True)
            ]
            return True
    return False


@lru_cache(maxsize=256)
def _pattern(template: str) -> tuple[re.Pattern[str], tuple[tuple[str, str], ...]]:
    """A template as a pattern with a group for each id, and the name of each with the text before it."""
    parts = _PLACEHOLDER.split(template)
    text = "".join(re.escape(part) if number % 2 == 0 else "([^/]+)" for number, part in enumerate(parts))
    names = tuple((parts[number], parts[number - 1]) for number in range(1, len(parts), 2))
    return re.compile(text), names
