"""What the writer hands over to the settler: a row of `handovers` for each commit, written within it.

It holds what is derived from and nothing else: of backend spans no message, of browser spans theirs. A row
is deleted when all of it is settled durably. Owns the form of these rows.
"""

from __future__ import annotations

import marshal
import sqlite3
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from typing import Any, Final, NamedTuple
from zlib import crc32

from store.rows import SpanRow

_INSERT: Final = "INSERT INTO handovers (time, spans, checksum, body) VALUES (?, ?, ?, ?)"
# A damaged row may hold texts that cannot be decoded: Python's module would raise what is no damage for it.
_AFTER: Final = (
    "SELECT id, CAST(time AS INTEGER), CAST(spans AS INTEGER), CAST(checksum AS INTEGER), "
    "coalesce(CAST(body AS BLOB), x'') FROM handovers WHERE id > ? ORDER BY id"
)
_HALF: Final = 1 << 31
_PARTS: Final = 14
"""Of a span: up to its tags."""
_TAGS: Final = 13
_ID_BYTES: Final = 8
_LEAST_COLUMNS: Final = 8
"""Rows of fewer spans take fewer bytes."""
_NO_PARENT: Final = bytes(_ID_BYTES)
_EMPTY: Final = (b"", b"", b"")
"""Resource, scope and message: those of browsers stand beside them."""
_SPAN: Final[Callable[[tuple[Any, ...]], SpanRow]] = partial(tuple.__new__, SpanRow)
"""Like `SpanRow._make` in a third of its time."""


class Moved(NamedTuple):
    """A session whose stored spans were moved: its clock proved slow, or right after all."""

    session_id: str
    shift: int
    spans: Sequence[tuple[int, int]]
    """(number, start before) of those that earlier rows told of."""


class Pruned(NamedTuple):
    """What retention has deleted."""

    upto: int
    """The number up to which it deleted what came alone."""
    traces: Sequence[bytes]
    sessions: Sequence[str]
    """Those that lost spans."""
    before: int
    """What began before this time has been deleted as too old; 0 if nothing was."""


class Handover(NamedTuple):
    """A row as it is read."""

    id: int
    time: int
    size_bytes: int
    moved: Sequence[Moved]
    spans: Sequence[SpanRow]
    browsers: Sequence[tuple[int, SpanRow]]
    """Those of the spans that are of browsers, with their numbers."""
    pruned: Sequence[Pruned]


class Unreadable(Exception):
    """A row is not as it was written, or one is missing."""


@dataclass(slots=True)
class HandoverRow:
    """What the open transaction hands over. Used by the writer's thread."""

    spans: list[SpanRow] = field(default_factory=list)
    browsers: list[tuple[int, SpanRow]] = field(default_factory=list)
    """Numbers and spans."""
    moved: list[Moved] = field(default_factory=list)
    pruned: list[Pruned] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.spans or self.moved or self.pruned)

    def clear(self) -> None:
        """Begin anew."""
        self.spans.clear()
        self.browsers.clear()
        self.moved.clear()
        self.pruned.clear()

    def store(self, connection: sqlite3.Connection, now_unix_nano: int) -> int:
        """Write it in the open transaction; returns its number."""
        place_of = {id(span): seq for seq, span in self.browsers}
        backend = [span for span in self.spans if not span[12]] if self.browsers else self.spans
        body = marshal.dumps(
            (
                [tuple(each) for each in self.moved],
                _columns(backend) or [_portable(span) for span in backend],
                [(place_of[id(span)], span[16], _portable(span)) for span in self.spans if span[12]],
                [tuple(each) for each in self.pruned],
            )
        )
        row = (now_unix_nano, len(self.spans), crc32(body) - _HALF, body)
        return int(connection.execute(_INSERT, row).lastrowid or 0)


def _portable(span: SpanRow) -> tuple[Any, ...]:
    """The parts of a span that are handed over; a mapping of tags is a dictionary, as `marshal` needs."""
    tags = span[_TAGS]
    if type(tags) is dict:
        return (*span[:_PARTS], *_EMPTY, span[17])  # clock shift
    return (*span[:_TAGS], dict(tags), *_EMPTY, span[17])


def _columns(spans: Sequence[SpanRow]) -> tuple[Any, ...] | None:
    """Backend spans as columns, which take a third less time and space than rows.

    None if they are few, or have ids of other lengths than OTLP's.
    """
    if len(spans) < _LEAST_COLUMNS:
        return None
    (
        traces, ids, parents, services, names, kinds, starts, durations, errors, peers, databases, _, _, tags,
        _, _, _, shifts,
    ) = zip(*spans, strict=True)  # fmt: skip
    if set(map(len, ids)) != {_ID_BYTES} or not set(map(len, parents)) <= {0, _ID_BYTES}:
        return None
    if _NO_PARENT in parents:
        return None
    if set(map(type, tags)) != {dict}:
        tags = tuple(map(dict, tags))
    return (
        *(traces, b"".join(ids), b"".join([parent or _NO_PARENT for parent in parents])),
        *(services, names, kinds, array("q", starts).tobytes(), array("q", durations).tobytes()),
        *(errors, peers, databases, tags, array("q", shifts).tobytes() if any(shifts) else None),
    )


def _of_columns(columns: tuple[Any, ...]) -> list[SpanRow]:
    """The spans of `_columns`."""
    (
        traces, ids, parents, services, names, kinds, starts, durations, errors, peers, databases, tags,
        shifts,
    ) = columns  # fmt: skip
    places = range(0, len(ids), _ID_BYTES)
    above = [parents[place : place + _ID_BYTES] for place in places]
    rows = zip(
        *(traces, [ids[place : place + _ID_BYTES] for place in places]),
        [b"" if parent == _NO_PARENT else parent for parent in above],
        *(services, names, kinds, _numbers(starts), _numbers(durations), errors, peers, databases),
        *(repeat(""), repeat(False), tags, *map(repeat, _EMPTY)),
        repeat(0) if shifts is None else _numbers(shifts),
        strict=False,
    )
    spans = list(map(_SPAN, rows))
    if len(spans) != len(traces):
        raise ValueError("columns of different lengths")
    return spans


def _numbers(packed: bytes) -> array[int]:
    found: array[int] = array("q")
    found.frombytes(packed)
    return found


def rows_after(connection: sqlite3.Connection, number: int) -> Iterator[Handover]:
    """The rows after this one. Raises Unreadable where one is missing or damaged."""
    for found, time, count, checksum, body in connection.execute(_AFTER, (number,)):
        number += 1
        if found != number or crc32(body) - _HALF != checksum:
            raise Unreadable(f"handover {number}")
        yield _handover(found, time, count, body)


def last_number(connection: sqlite3.Connection) -> int:
    """The number of the last row that was ever written."""
    row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'handovers'").fetchone()
    return int(row[0]) if row else 0


def _handover(number: int, time: int, count: int, body: bytes) -> Handover:
    try:
        moved, backend, browsers, pruned = marshal.loads(body)  # noqa: S302 - ours, by its checksum
        own = [(seq, _SPAN(parts)._replace(raw=raw)) for seq, raw, parts in browsers]
        # Spans with odd ids, and those of an earlier version's rows, are rows.
        spans = _of_columns(backend) if type(backend) is tuple else list(map(_SPAN, backend))
        return Handover(
            number,
            time,
            len(body),
            [Moved._make(each) for each in moved],
            [*spans, *(span for _, span in own)],
            own,
            [Pruned._make(each) for each in pruned],
        )
    except (ValueError, TypeError, EOFError) as error:
        raise Unreadable(f"handover {number}") from error


def delete_passed(connection: sqlite3.Connection, upto: int) -> None:
    """Delete the rows up to this one, in the open transaction."""
    connection.execute("DELETE FROM handovers WHERE id <= ?", (upto,))
