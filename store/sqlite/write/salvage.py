"""Saves what is readable of a damaged store file into another store: rows that are right, and no others.

The damaged file is read and never written. What is derived is computed anew by the next writer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from store.api import StoreUnavailable
from store.sqlite.row_checks import COUNTS_CHECK, counts_check
from store.sqlite.store_file import unavailable
from store.sqlite.write.carried_rows import Carried, CarryingOver, Progress
from store.sqlite.write.damaged_file import DamagedFile, Row
from store.sqlite.write.saved_metrics import SavedMetrics
from store.sqlite.write.saved_rows import (
    Found,
    is_log,
    is_log_part,
    is_part,
    is_span,
    log_of,
    logs_of_part,
    span_of,
    spans_of_part,
)


@dataclass(slots=True)
class Salvaged:
    """What was saved of a file, and what was not."""

    carried: Carried = field(default_factory=Carried)
    """What is new in the store."""
    spans: Found = field(default_factory=Found)
    logs: Found = field(default_factory=Found)
    points: int = 0
    """Points of metrics that were read."""
    wrong_blocks: int = 0
    """Pieces of metrics that are not as they were written."""
    held: tuple[int, int] | None = None
    """How many spans and logs the file itself counts; None where that cannot be read."""
    unreadable: int = 0
    """Records, of any table, that make no sense."""


def salvage_file(path: Path, into: Path, progress: Progress) -> Salvaged:
    """Save what is right of the file at `path` into the store at `into`, which is made if it is missing.

    Raises StoreUnavailable if `path` cannot be read, or `into` not be written: it is in use, say.
    """
    try:
        file = DamagedFile(path)
    except (OSError, ValueError) as error:
        raise StoreUnavailable(f"{path} cannot be read: {error}.", "cannot_open") from error
    try:
        return _saved(file, CarryingOver(into, progress))
    except OSError as error:
        raise unavailable(path, error) from error
    finally:
        file.close()


class _Source:
    """The rows of the tables of a file: those under a table's root, and those that no table leads to."""

    def __init__(self, file: DamagedFile) -> None:
        self._file = file
        self._roots = file.tables()
        self._leaves, self._orphans = file.leaves(self._roots)

    def rows(self, table: str) -> Iterator[Row]:
        yield from self._file.rows(self._leaves.get(table, []))
        yield from self._file.rows(self._orphans)

    def counts(self) -> tuple[int, int] | None:
        """The counters of spans and logs, if their checksum is theirs."""
        facts = self._file.facts(self._roots.get("facts", 0))
        spans, logs = facts.get("spans", 0), facts.get("logs", 0)
        return (spans, logs) if facts.get(COUNTS_CHECK) == counts_check(spans, logs) else None


class _Numbers:
    """A set of numbers that mostly follow each other: a bit each."""

    def __init__(self) -> None:
        self._parts: dict[int, bytearray] = {}

    def __contains__(self, number: int) -> bool:
        part = self._parts.get(number >> 16)
        return part is not None and bool(part[(number & 0xFFFF) >> 3] & 1 << (number & 7))

    def add(self, number: int) -> None:
        part = self._parts.setdefault(number >> 16, bytearray(8_192))
        part[(number & 0xFFFF) >> 3] |= 1 << (number & 7)


def _bodies(source: _Source) -> dict[int, list[bytes]]:
    bodies: dict[int, list[bytes]] = {}
    for row in source.rows("origins"):
        if len(row.values) == 3 and isinstance(row.values[1], bytes) and isinstance(row.values[2], int):
            known = bodies.setdefault(row.rowid, [])
            if row.values[1] not in known:
                known.append(row.values[1])
    return bodies


def _save_metrics(source: _Source, target: CarryingOver, result: Salvaged) -> None:
    metrics = SavedMetrics(*(source.rows(name) for name in ("metrics", "metric_resources", "metric_series")))
    settled = metrics.settled(source.rows("metric_chunks"), source.rows("metric_blocks"))
    for point in chain(settled, metrics.recent(source.rows("metric_recent"))):
        target.add_point(point)
        result.points += 1
    for series, exemplar in metrics.exemplars(source.rows("metric_exemplars")):
        target.add_exemplar(series, exemplar)
    result.wrong_blocks = metrics.wrong


def _saved(file: DamagedFile, target: CarryingOver) -> Salvaged:
    result = Salvaged()
    try:
        source = _Source(file)
        bodies = _bodies(source)
        seen = _Numbers()
        for row in source.rows("spans"):
            if is_span(row) and (span := span_of(row, bodies, result.spans)):
                target.add_span(span)
        for row in source.rows("trace_parts"):
            if is_part(row):
                for each in spans_of_part(row, bodies, result.spans):
                    target.add_span(each)
        # Orphaned leaves may hold rows that were packed since, and parts that were packed anew.
        for row in source.rows("log_parts"):
            if is_log_part(row):
                for number, kept in logs_of_part(row, bodies, result.logs):
                    if number not in seen:
                        seen.add(number)
                        target.add_log(kept)
        for row in source.rows("logs"):
            if is_log(row) and row.rowid not in seen and (log := log_of(row, bodies, result.logs)):
                seen.add(row.rowid)
                target.add_log(log)
        _save_metrics(source, target, result)
        result.held = source.counts()
        result.unreadable = file.unreadable
    except BaseException:
        target.close()
        raise
    result.carried = target.finish()
    return result
