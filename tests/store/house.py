"""A store under test: its writer, its reader, and waiting until what was written is aggregated."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal, TypeVar

import pytest

from signals.model import Span, TraceId
from store.api import Batch, LogRow, Reader, SpanRow, TraceQuery, Window, Writer
from store.sqlite.read import affected, error_sightings, processes, refused_amounts, traces
from tests.helpers import eventually
from tests.store.build import SECOND, T0, row

T = TypeVar("T")
Bound = Literal[
    "affected traces", "affected looked at", "affected by traces", "refused", "errors seen", "processes kept"
]
SQLITE_BOUNDS: Final[Mapping[Bound, tuple[object, str]]] = {
    "affected traces": (affected, "MAX_TRACES"),
    "affected looked at": (affected, "MAX_LOOKED"),
    "affected by traces": (traces, "_MAX_AFFECTED"),
    "refused": (refused_amounts, "MAX_LOOKED"),
    "errors seen": (error_sightings, "MAX_ERRORS"),
    "processes kept": (processes, "MOST_KEPT"),
}
WINDOW = Window(T0 - 60 * SECOND, T0 + 60 * SECOND)


@dataclass
class House:
    """One engine's store: a writer and a reader on it."""

    writer: Writer
    reader: Reader
    window: Window = WINDOW
    bounds: Mapping[Bound, tuple[object, str]] = field(default_factory=lambda: SQLITE_BOUNDS)
    """Where the engine keeps how much it reads at most."""

    def bound(self, monkeypatch: pytest.MonkeyPatch, which: Bound, number: int) -> None:
        """Let the engine read less, so that a test needs few rows."""
        monkeypatch.setattr(*self.bounds[which], number)

    def write(self, spans: Sequence[Span | SpanRow] = (), logs: Sequence[LogRow] = ()) -> None:
        rows = [one if isinstance(one, SpanRow) else row(one) for one in spans]
        self.writer.write(Batch(spans=rows, logs=logs))

    def settled(self, trace_id: TraceId, spans: int) -> None:
        """Wait until the summary of a trace counts so many backend spans."""

        def enough() -> bool:
            found = self.reader.trace_summaries([trace_id]).get(trace_id)
            return found is not None and found.spans == spans

        eventually(enough, f"a summary of {spans} spans")

    def all_settled(self, trace_ids: Sequence[TraceId]) -> None:
        """Wait until each of these traces has a summary."""
        eventually(lambda: len(self.reader.trace_summaries(trace_ids)) == len(trace_ids), "every summary")

    def until(self, question: Callable[[], T], what: str) -> T:
        return eventually(question, what)

    def found(self, **conditions: object) -> list[TraceId]:
        query = TraceQuery(self.window, **conditions)  # type: ignore[arg-type]  # tests name them
        return [summary.trace_id for summary in self.reader.find_traces(query).items]


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Another program holds the store's file for writing."""
    other = sqlite3.connect(path, isolation_level=None, timeout=5.0)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()
