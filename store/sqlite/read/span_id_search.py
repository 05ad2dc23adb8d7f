"""Finds backend and browser spans by their ids, or by how these begin, without knowing their traces.

The settler files the first bytes of ids by block of the sequence (`span_id_blocks` in settled.sql): only the
blocks in which such an id may be are read, and what is not filed yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final, NamedTuple

from store.sqlite.mark_names import SPAN_IDS
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.spans_of import stored_spans
from store.sqlite.table_layout import SPAN_ID_BLOCK, SPAN_ID_BYTES
from store.sqlite.trace_parts import ID_BYTES, ids_in

_MOST_BLOCKS: Final = 8
"""To look at so many blocks takes about as long as to read the ids of a million spans, in their order."""
_FILED: Final = (
    "SELECT m.value FROM marks m JOIN marks s ON s.name = 'store_id' "
    "JOIN facts f ON f.name = 'store_id' AND f.value = s.value WHERE m.name = ?"
)
_ROWS: Final = (
    "SELECT seq, trace_id, span_id FROM spans NOT INDEXED "
    "WHERE seq > ? AND seq <= ? AND span_id >= ? AND span_id <= ?"
)
_PARTS: Final = (
    "SELECT p.seq, p.trace_id, i.ids FROM trace_parts p "
    "CROSS JOIN part_ids i ON i.trace_id = p.trace_id AND i.seq = p.seq "
    "WHERE p.seq > ? AND p.seq <= ? AND instr(i.ids, ?)"
)


class _Range(NamedTuple):
    """The ids that are looked for: from the first to the last of these."""

    low: bytes
    high: bytes

    @property
    def common(self) -> bytes:
        """What all of them begin with."""
        both = zip(self.low, self.high, strict=True)
        return self.low[: next((place for place, (a, b) in enumerate(both) if a != b), ID_BYTES)]


class _Found(NamedTuple):
    """A span, so that those that are rows come first, then those of parts; each in order of its trace."""

    is_part: bool
    trace_id: bytes
    part: int
    """Number of the part; 0 of a row."""
    place: int
    """In the part."""
    span_id: bytes
    seq: int


def trace_of_span(db: ReadSession, span_id: bytes) -> bytes | None:
    """The newest trace that holds a span of this id."""
    found = _found(db, _Range(span_id, span_id))
    return max(found, key=lambda one: (one.seq, one.trace_id)).trace_id if found else None


def spans_with_ids(db: ReadSession, low: bytes, high: bytes, most: int) -> list[tuple[bytes, bytes]]:
    """(trace, span) whose span ids are from the first to the last of these, at most so many."""
    sought = _Range(low, high)
    stretches = _stretches(db, sought)
    if stretches is None:
        # Digits of which nearly every block has an id: the first ones that are met.
        return [(one.trace_id, one.span_id) for one in islice(_everywhere(db, sought), most)]
    return [(one.trace_id, one.span_id) for one in sorted(_within(db, sought, stretches))[:most]]


def _found(db: ReadSession, sought: _Range) -> list[_Found]:
    stretches = _stretches(db, sought)
    return list(_everywhere(db, sought) if stretches is None else _within(db, sought, stretches))


def _stretches(db: ReadSession, sought: _Range) -> list[tuple[int, int]] | None:
    """The stretches of the sequence, from behind the first number to the last, in which such an id may be.

    None if they are so many, or so much is not filed, that all ids are read faster in their own order.
    """
    common = sought.common
    row = db.one(_FILED, (SPAN_IDS,)) if common else None
    if row is None:
        return None
    filed: int = row[0]
    newest = stored_spans(db).newest()
    if newest - filed > _MOST_BLOCKS * SPAN_ID_BLOCK:
        return None
    needle = common[1 : 1 + SPAN_ID_BYTES]
    found = [(filed, newest)] if newest > filed else []
    for block, ids in db.each("SELECT block, ids FROM span_id_blocks WHERE head = ?", (common[0],)):
        if _holds(ids, needle):
            found.append((block * SPAN_ID_BLOCK, (block + 1) * SPAN_ID_BLOCK))
            if len(found) > _MOST_BLOCKS:
                return None
    return found


def _holds(ids: bytes, needle: bytes) -> bool:
    """Whether one of these ids, of SPAN_ID_BYTES each, begins so."""
    at = ids.find(needle)
    while at >= 0 and at % SPAN_ID_BYTES:
        at = ids.find(needle, at + 1)
    return at >= 0


def _within(db: ReadSession, sought: _Range, stretches: list[tuple[int, int]]) -> Iterator[_Found]:
    has_parts = _has_parts(db)
    for begin, upto in stretches:
        for seq, trace_id, span_id in db.each(_ROWS, (begin, upto, *sought)):
            yield _Found(False, trace_id, 0, 0, span_id, seq)
        if has_parts:
            for part in db.each(_PARTS, (begin, upto, sought.common)):
                yield from _of_part(sought, *part)


def _everywhere(db: ReadSession, sought: _Range) -> Iterator[_Found]:
    """Reads both indexes by trace from end to end, a tenth of what is stored."""
    for seq, trace_id, span_id in db.each(
        "SELECT seq, trace_id, span_id FROM spans INDEXED BY spans_by_id WHERE span_id >= ? AND span_id <= ?",
        sought,
    ):
        yield _Found(False, trace_id, 0, 0, span_id, seq)
    if _has_parts(db):
        # What all ids begin with is looked for in the bytes, which SQLite does fast.
        for part in db.each("SELECT seq, trace_id, ids FROM part_ids WHERE instr(ids, ?)", (sought.common,)):
            yield from _of_part(sought, *part)


def _of_part(sought: _Range, seq: int, trace_id: bytes, packed: bytes) -> Iterator[_Found]:
    for place, span_id in enumerate(ids_in(packed)):
        if sought.low <= span_id <= sought.high:
            yield _Found(True, trace_id, seq, place, span_id, seq + place)


def _has_parts(db: ReadSession) -> bool:
    """Whether backend spans are in parts: not in a file of an earlier schema that no writer opened yet."""
    return db.one("SELECT 1 FROM sqlite_master WHERE name = 'part_ids'") is not None
