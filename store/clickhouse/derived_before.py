"""What a derivation of traces asks of those that another process derived before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from store.clickhouse.connection import Row, Values
from store.queries import Window

T = TypeVar("T")
Lasting = tuple[int | None, int | None]
"""The shortest and the longest that a trace lasts, in ns."""


@dataclass(frozen=True, slots=True)
class Among:
    """Which traces are meant, of those whose answer is stored."""

    ids: Callable[[int], Sequence[str]] = lambda _: ()
    """SQL for ids, all of which a trace is among, given the time at which its first span may begin."""
    shortest: int | None = None
    """How long it lasts."""
    longest: int | None = None


ALL_TRACES: Final = Among()


class StoredTraces(Protocol[T]):
    """Remembers what was derived by another process."""

    @property
    def lengths(self) -> bool:
        """Whether it knows how long each trace lasts."""

    def derived(self, rows: Sequence[Row]) -> dict[tuple[str, int], T | None]:
        """Those of rows (id, spans, first time, last time) that were derived from as many spans, by both."""

    def newest(
        self, window: Window, limit: int, among: Among = ALL_TRACES, values: Values | None = None
    ) -> Sequence[Row]:
        """Such rows of the newest of them in a window."""

    def slowest(
        self, window: Window, limit: int, among: Among = ALL_TRACES, values: Values | None = None
    ) -> Sequence[Row]:
        """Such rows of those that lasted longest, and how long each did."""

    def requested(self, window: Window, condition: str) -> str:
        """SQL for the ids of those with a request in a window that fulfils a condition on its columns."""

    def is_worth_it(self, window: Window) -> bool:
        """Whether most of a window is stored."""

    def open_traces(self, window: Window) -> str:
        """SQL for the ids of those that are not stored, or not as they are; empty if there are none."""

    def long_traces(self, window: Window) -> str:
        """SQL for the ids of those among them that last longer than what is looked at; empty if none do."""

    def open_parts(self, window: Window) -> Sequence[Window]:
        """Where these have spans."""
