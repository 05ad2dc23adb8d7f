"""Items on their way to rows, and the count and reasons of those that were refused. Knows no format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

_MAX_REASONS = 5
_MAX_KEPT_REASONS = 1_000
"""Reasons hold text of the sender: a request of many items, each with its own, must not fill the memory."""
_MAX_REASON_CHARACTERS = 200
_MAX_NAME_CHARACTERS = 60

LISTS: Final[Mapping[str, tuple[str, str, str]]] = {
    "traces": ("resourceSpans", "scopeSpans", "spans"),
    "logs": ("resourceLogs", "scopeLogs", "logRecords"),
    "metrics": ("resourceMetrics", "scopeMetrics", "metrics"),
}
"""By signal, OTLP's names of the lists of resources, scopes and items."""
SCOPED_BEFORE_2022: Final[Mapping[str, str]] = {
    "traces": "instrumentationLibrarySpans",
    "logs": "instrumentationLibraryLogs",
    "metrics": "instrumentationLibraryMetrics",
}
"""By signal, what the lists of scopes were called then."""


class Undecodable(Exception):
    """The request as a whole cannot be decoded; the message is the reason."""


class Malformed(Exception):
    """One item cannot be stored; the message is the reason."""


class Group(NamedTuple):
    """Items of one resource and scope, each in its serialized form."""

    resource: bytes
    scope: bytes
    items: Sequence[bytes]
    path: tuple[int, ...] = ()
    """The places of resource and scope in the request; empty where it has neither."""
    numbers: Sequence[int] | None = None
    """The place of each item in its list; None if they are all there, in order."""

    def place_of(self, number: int, signal: str) -> str:
        """Where an item stood, such as `resourceSpans[0].scopeSpans[0].spans[2]`."""
        own = number if self.numbers is None else self.numbers[number]
        return place_of(signal, *self.path, own) if self.path else f"{LISTS[signal][2]}[{own}]"


def place_of(signal: str, *numbers: int) -> str:
    """Where something stood in a request of this signal."""
    return ".".join(f"{name}[{number}]" for name, number in zip(LISTS[signal], numbers, strict=False))


def named(place: str, name: object) -> str:
    """A place with the name of the item that stands there, if it has one."""
    return f"{place} {name[:_MAX_NAME_CHARACTERS]!r}" if name and isinstance(name, str) else place


def old_spelling(signal: str) -> str:
    """The warning to a sender that writes the names of before 2022."""
    return f"{SCOPED_BEFORE_2022[signal]} was read as {LISTS[signal][1]}, its name since 2022"


@dataclass(slots=True)
class _Reason:
    count: int
    first: str


@dataclass(slots=True)
class Refusals:
    """The number of refused items, the reasons, and what was kept with a change."""

    count: int = 0
    reasons: dict[str, _Reason] = field(default_factory=dict)
    warnings: dict[str, _Reason] = field(default_factory=dict)

    def add(self, reason: str, count: int = 1, first: Callable[[], str] | None = None) -> None:
        """Refuse `count` items for this reason; `first` says where the first of them stood."""
        self.count += count
        _note(self.reasons, reason, count, first)

    def warn(self, reason: str, first: Callable[[], str] | None = None) -> None:
        """Note that an item was kept, but not quite as it came."""
        _note(self.warnings, reason, 1, first)

    def message(self) -> str:
        """The most frequent reasons, then the warnings, in one line; empty if there are none."""
        warnings = _line(self.warnings)
        parts = (_line(self.reasons), f"kept with a change: {warnings}" if warnings else "")
        return "; ".join(part for part in parts if part)


def _note(reasons: dict[str, _Reason], reason: str, count: int, first: Callable[[], str] | None) -> None:
    key = reason[:_MAX_REASON_CHARACTERS]
    if key not in reasons and len(reasons) >= _MAX_KEPT_REASONS:
        key = "one of many other reasons"
    known = reasons.get(key)
    if known is None:
        reasons[key] = _Reason(count, first() if first else "")
    else:
        known.count += count


def _line(reasons: Mapping[str, _Reason]) -> str:
    most = sorted(reasons.items(), key=lambda pair: -pair[1].count)[:_MAX_REASONS]
    parts = [f"{reason}{_place_and_count(noted)}" for reason, noted in most]
    if len(reasons) > _MAX_REASONS:
        parts.append(f"and {len(reasons) - _MAX_REASONS} other reasons")
    # Senders put text of their own into reasons, which a response must be able to hold.
    return "; ".join(parts).encode("utf-8", "backslashreplace").decode()


def _place_and_count(noted: _Reason) -> str:
    if noted.count == 1:
        return f" ({noted.first})" if noted.first else ""
    return f" ({noted.count} times, first {noted.first})" if noted.first else f" ({noted.count} times)"
