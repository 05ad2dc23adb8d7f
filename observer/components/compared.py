"""What a number of a time range is compared with: the equal period before, as far as there is data of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Final

from observer.components.number_format import duration
from observer.request.local_time import moment
from observer.request.scope import Scope
from store.api import Coverage, CoverageOf, Reader, Window

_S: Final = 1_000_000_000
_LEAST_NS: Final = 60 * _S
"""Counts of less time with data than this are not compared: a minute is the least that rates are of."""


@dataclass(frozen=True, slots=True)
class Compared:
    """A time range and the equal period before it, with how much of each has data."""

    length_ns: int
    now_ns: int
    """Of the time range, what has data."""
    before_ns: int
    """Of the period before, what has data; 0 where nothing of it has."""
    since: str = ""
    """When the data of the period before begins, where its beginning has none."""

    @property
    def whole(self) -> bool:
        """Whether counts can be compared as they are."""
        return self.now_ns >= self.length_ns and self.before_ns >= self.length_ns

    @property
    def enough(self) -> bool:
        """Whether both have data for so long that counts per time say something."""
        least = min(_LEAST_NS, self.length_ns)
        return self.now_ns >= least and self.before_ns >= least

    def note(self, what: str = "request", *, any_before: bool = True) -> str:
        """What is compared with; `any_before` is false where nothing of what is counted was there before."""
        length = duration(self.length_ns)
        if not self.before_ns or not any_before:
            return f"nothing to compare with: no {what} in the {length} before"
        if self.before_ns >= self.length_ns:
            return f"compared with the {length} before"
        began = f", from {self.since} on" if self.since else ""
        return f"compared with the {covered(self.before_ns)} of the {length} before that have data{began}"


def compared(now: Coverage, before: Coverage, window: Window, zone: tzinfo = UTC) -> Compared:
    """The comparison of a window with the one before it, from what is covered of both."""
    since = ""
    if before.covered_ns and before.gaps:
        first = before.gaps[0]
        if first.from_unix_nano <= window.before().from_unix_nano:
            dated = (window.from_unix_nano - first.to_unix_nano) > 12 * 3600 * _S
            since = moment(first.to_unix_nano, zone).strftime("%Y-%m-%d %H:%M:%S" if dated else "%H:%M:%S")
    return Compared(window.duration_ns, now.covered_ns, before.covered_ns, since)


def load_compared(reader: Reader, scope: Scope, of: CoverageOf = "requests") -> Compared:
    """What the numbers of a page's time range can be compared with."""
    window = scope.window
    return compared(reader.coverage(window, of), reader.coverage(window.before(), of), window, scope.zone)


def covered(ns: int) -> str:
    """A length of time with data, in whole seconds."""
    return duration(max(1, round(ns / _S)) * _S)
