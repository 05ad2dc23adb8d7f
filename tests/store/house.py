"""A store under test: its writer, its reader, and waiting until what was written is aggregated."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from signals.model import Span, TraceId
from store.api import Batch, LogRow, Reader, SpanRow, TraceQuery, Window, Writer
from tests.helpers import eventually
from tests.store.build import SECOND, T0, row

T = TypeVar("T")
WINDOW = Window(T0 - 60 * SECOND, T0 + 60 * SECOND)


@dataclass
class House:
    """One engine's store: a writer and a reader on it."""

    writer: Writer
    reader: Reader
    window: Window = WINDOW

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
