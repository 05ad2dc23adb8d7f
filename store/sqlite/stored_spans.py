"""Reads stored spans, whichever form they have: rows of `spans`, or parts of traces (`trace_parts`).

Only this module knows where a backend span is. Of browsers all spans are rows, which their own readers join.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

import logging
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final, NamedTuple

from store.sqlite.trace_parts import ID_BYTES, DamagedPart, PartSpan, ids_in, unpack

_LOG = logging.getLogger(__name__)

Row = tuple[Any, ...]
Ask = Callable[[str, Sequence[object]], Iterable[Row]]
"""Executes a statement with values; its rows come as they are found."""

_COLUMNS: Final = (
    "s.seq, s.trace_id, s.span_id, coalesce(s.parent_span_id, x''), s.service, s.name, s.kind, s.start, "
    "s.duration, s.flags, s.peer, coalesce(s.session_id, ''), s.resource, s.scope, s.raw"
)
_PARTS_OF: Final = (
    "SELECT p.seq, p.body FROM part_ids i CROSS JOIN trace_parts p ON p.seq = i.seq WHERE i.trace_id = ? "
    "ORDER BY i.seq"
)
_AT_ONCE: Final = 500
"""Question marks of a statement."""


class StoredSpan(NamedTuple):
    """A span as it is stored."""

    seq: int
    trace_id: bytes
    span_id: bytes
    parent: bytes
    """Empty for a root."""
    service: str
    name: str
    kind: int
    start: int
    duration: int
    flags: int
    peer: str
    session: str
    """Empty without one."""
    resource: int
    """As `origins.id`, like the scope."""
    scope: int
    raw: bytes


def _by_time(span: StoredSpan) -> tuple[int, bytes]:
    return span.start, span.span_id


def _number(span: StoredSpan) -> int:
    return span.seq


class StoredSpans:
    """The spans of one store, as one connection sees them."""

    def __init__(self, ask: Ask, *, leave_out_damaged: bool = False) -> None:
        """`leave_out_damaged`: otherwise reading a damaged part raises DamagedPart."""
        self._ask = ask
        self._leave_out_damaged = leave_out_damaged
        self._has_parts = next(iter(ask("SELECT 1 FROM sqlite_master WHERE name = 'part_ids'", ())), None)
        """A file of an earlier schema has none until a writer opens it."""
        self._bodies: dict[int, bytes] = {}

    def of_trace(self, trace_id: bytes) -> Iterator[StoredSpan]:
        """The spans of a trace: those of parts in the order of their arrival, after those that are rows."""
        yield from map(
            StoredSpan._make,
            self._ask(f"SELECT {_COLUMNS} FROM spans s WHERE s.trace_id = ? ORDER BY s.seq", (trace_id,)),
        )
        yield from self._parted(trace_id)

    def holding(self, trace_id: bytes, texts: Sequence[bytes]) -> list[StoredSpan]:
        """Those of the spans of a trace whose message holds one of these bytes."""
        rows = self._ask(f"SELECT {_COLUMNS} FROM spans s WHERE s.trace_id = ? ORDER BY s.seq", (trace_id,))
        of_rows = [span for span in map(StoredSpan._make, rows) if any(text in span.raw for text in texts)]
        return [*of_rows, *self._parted(trace_id, texts)]

    def _parted(self, trace_id: bytes, holding: Sequence[bytes] = ()) -> Iterator[StoredSpan]:
        for seq, body in self._parts(_PARTS_OF, (trace_id,)):
            for span in self._unpacked(seq, body, holding):
                yield _stored(trace_id, span)

    def _unpacked(self, seq: int, body: bytes, holding: Sequence[bytes] = ()) -> Sequence[PartSpan]:
        try:
            return unpack(seq, body, holding)
        except DamagedPart as error:
            if not self._leave_out_damaged:
                raise
            _LOG.warning("left out: %s", error)
            return ()

    def by_arrival(self, trace_id: bytes, most: int) -> list[StoredSpan]:
        """The spans of a trace that came first, at most so many."""
        rows = self._ask(
            f"SELECT {_COLUMNS} FROM spans s WHERE s.trace_id = ? ORDER BY s.seq LIMIT ?", (trace_id, most)
        )
        found = [*map(StoredSpan._make, rows), *islice(self._parted(trace_id), most)]
        return sorted(found, key=_number)[:most]

    def by_time(self, trace_id: bytes, most: int) -> list[StoredSpan]:
        """The spans of a trace by start, then id: the earliest, at most so many."""
        found: list[StoredSpan] = []
        spans = self.of_trace(trace_id)
        while part := list(islice(spans, most)):
            found = sorted([*found, *part], key=_by_time)[:most]
        return found

    def count(self, trace_id: bytes) -> int:
        """How many spans of a trace are stored."""
        rows = list(self._ask("SELECT count(*) FROM spans WHERE trace_id = ?", (trace_id,)))
        parts = self._parts("SELECT length(ids) FROM part_ids WHERE trace_id = ?", (trace_id,))
        bytes_of_ids: int = sum([size for (size,) in parts])
        return int(rows[0][0]) + bytes_of_ids // ID_BYTES

    def counts_of(self, traces: Sequence[bytes]) -> dict[bytes, int]:
        """How many spans are stored of each of these traces that has any."""
        found: Counter[bytes] = Counter()
        for begin in range(0, len(traces), _AT_ONCE):
            some = traces[begin : begin + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            for trace_id, size in self._parts(
                f"SELECT trace_id, length(ids) FROM part_ids WHERE trace_id IN ({marks})", some
            ):
                found[trace_id] += size // ID_BYTES
            for trace_id, count in self._ask(
                f"SELECT trace_id, count(*) FROM spans WHERE trace_id IN ({marks}) GROUP BY trace_id", some
            ):
                found[trace_id] += count
        return found

    def has_trace(self, trace_id: bytes) -> bool:
        """Whether a span of this trace is stored."""
        of_parts = self._parts("SELECT 1 FROM part_ids WHERE trace_id = ? LIMIT 1", (trace_id,))
        of_rows = self._ask("SELECT 1 FROM spans WHERE trace_id = ? LIMIT 1", (trace_id,))
        return bool(list(of_parts) or list(of_rows))

    def has_span(self, trace_id: bytes, span_id: bytes) -> bool:
        """Whether a span is stored."""
        both = trace_id, span_id
        if list(self._ask("SELECT 1 FROM spans WHERE trace_id = ? AND span_id = ?", both)):
            return True
        parts = self._parts("SELECT ids FROM part_ids WHERE trace_id = ? AND instr(ids, ?)", both)
        return any(span_id in ids_in(packed) for (packed,) in parts)

    def ids_of(self, traces: Collection[bytes]) -> dict[bytes, set[bytes]]:
        """The ids of the stored spans of each of these traces that has any."""
        found: dict[bytes, set[bytes]] = {}
        asked = list(traces)
        for begin in range(0, len(asked), _AT_ONCE):
            some = asked[begin : begin + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            for trace_id, ids in self._parts(
                f"SELECT trace_id, ids FROM part_ids WHERE trace_id IN ({marks})", some
            ):
                found.setdefault(trace_id, set()).update(ids_in(ids))
            for trace_id, span_id in self._ask(
                f"SELECT trace_id, span_id FROM spans WHERE trace_id IN ({marks})", some
            ):
                found.setdefault(trace_id, set()).add(span_id)
        return found

    def kept(self, trace_id: bytes, ids: Iterable[bytes]) -> dict[bytes, StoredSpan]:
        """Those of the spans of a trace with these ids, and perhaps others that came with them."""
        found = {}
        all_ids = frozenset(ids)
        for seq, packed in self._parts(
            "SELECT seq, ids FROM part_ids WHERE trace_id = ? ORDER BY seq", (trace_id,)
        ):
            if not all_ids.isdisjoint(ids_in(packed)):
                (body,) = next(iter(self._ask("SELECT body FROM trace_parts WHERE seq = ?", (seq,))))
                found.update({span.span_id: _stored(trace_id, span) for span in self._unpacked(seq, body)})
        asked = list(all_ids)
        for begin in range(0, len(asked), _AT_ONCE):
            some = asked[begin : begin + _AT_ONCE]
            rows = self._ask(
                f"SELECT {_COLUMNS} FROM spans s WHERE s.trace_id = ? "
                f"AND s.span_id IN ({', '.join('?' * len(some))})",
                (trace_id, *some),
            )
            found.update({row[2]: StoredSpan._make(row) for row in rows})
        return found

    def traces_between(self, low: bytes, high: bytes, most: int) -> set[bytes]:
        """Traces whose ids are from the first to the last of these, at most so many."""
        found: set[bytes] = set()
        for ask, table in ((self._ask, "spans INDEXED BY spans_by_id"), (self._parts, "part_ids")):
            rows = ask(
                f"SELECT DISTINCT trace_id FROM {table} WHERE trace_id >= ? AND trace_id <= ? LIMIT ?",
                (low, high, most),
            )
            found.update(trace_id for (trace_id,) in rows)
        return set(sorted(found)[:most])

    def newest_traces_ending(self, tail: bytes, among: int) -> list[bytes]:
        """Traces whose ids end so, among the spans that came last."""
        newest = self.newest()
        found = []
        for ask, table in ((self._ask, "spans NOT INDEXED"), (self._parts, "trace_parts")):
            rows = ask(
                f"SELECT DISTINCT trace_id FROM {table} WHERE seq > ? AND substr(trace_id, 9) = ? LIMIT 10",
                (newest - among, tail),
            )
            found += [trace_id for (trace_id,) in rows]
        return list(dict.fromkeys(found))[:10]

    def oldest(self) -> int:
        """The lowest number of a span, 0 if there is none."""
        found = [number for (number,) in self._ends("min(seq)", "min(seq)") if number]
        return min(found, default=0)

    def newest(self) -> int:
        """The highest number of a span, 0 if there is none."""
        return max([number for (number,) in self._ends("max(seq)", "max(seq + n - 1)") if number], default=0)

    def _ends(self, of_rows: str, of_parts: str) -> list[Row]:
        last = "WHERE seq = (SELECT max(seq) FROM trace_parts)" if of_parts.startswith("max") else ""
        return [
            *self._ask(f"SELECT {of_rows} FROM spans", ()),
            *self._parts(f"SELECT {of_parts} FROM trace_parts {last}", ()),
        ]

    def traces_from(self, after: int, upto: int) -> set[bytes]:
        """The traces of spans that came after the first number, up to the second."""
        return {
            trace_id
            for ask, table in ((self._ask, "spans"), (self._parts, "trace_parts"))
            for (trace_id,) in ask(
                f"SELECT DISTINCT trace_id FROM {table} WHERE seq > ? AND seq <= ?", (after, upto)
            )
        }

    def body_of(self, origin: int) -> bytes:
        """The body of a resource or a scope; empty if it is gone."""
        found = self._bodies.get(origin)
        if found is None:
            row = next(iter(self._ask("SELECT body FROM origins WHERE id = ?", (origin,))), None)
            found = self._bodies[origin] = row[0] if row else b""
        return found

    def forget_bodies(self) -> None:
        """Forget the bodies that were read: ids may stand for others since."""
        self._bodies.clear()

    def _parts(self, question: str, values: Sequence[object]) -> Iterable[Row]:
        """Ask of the tables of parts."""
        return self._ask(question, values) if self._has_parts else ()


def _stored(trace_id: bytes, span: PartSpan) -> StoredSpan:
    service, name, kind, flags, peer, resource, scope, _, _ = span.kind
    return StoredSpan(
        span.seq, trace_id, span.span_id, span.parent, service, name, kind, span.start, span.duration, flags,
        peer, "", resource, scope, span.raw,
    )  # fmt: skip


def of_connection(connection: sqlite3.Connection) -> StoredSpans:
    """Those that the connection of a writer or a settler sees: a damaged part stops neither."""
    return StoredSpans(connection.execute, leave_out_damaged=True)
