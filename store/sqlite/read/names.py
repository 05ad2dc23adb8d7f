"""`store.api.NameReader` over SQLite."""

# ruff: noqa: S608 - what is put into SQL text are column names and expressions of our own

from __future__ import annotations

from collections.abc import Iterable, Sequence

from signals.model import SessionId, SpanId, TraceId
from store.question_parts import check_digits, in_order
from store.results import KnownService
from store.sqlite.read.attribute_names import is_never_seen
from store.sqlite.read.read_connection import ReadSession, SqlitePart
from store.sqlite.read.request_groups import SUMMED
from store.sqlite.read.span_id_search import spans_with_ids
from store.sqlite.read.spans_of import stored_spans
from store.sqlite.read.tag_set_search import values_containing
from store.sqlite.read.text_match import holds
from store.sqlite.table_layout import CALL_SERIES, SERVICE_SERIES

_NEWEST_SESSIONS = 20_000
_MOST_VALUES = 1_000
"""Values that are ranked; more of them fit only a part that says next to nothing."""
_ZEROS = "0" * 16
_HALF = 8
"""Bytes of half an id of a trace."""


class SqliteNameReader(SqlitePart):
    """Finds names and ids by a part of them."""

    def values_holding(self, name: str, part: str, limit: int = 20) -> Sequence[str]:
        if not part.strip():
            return []
        with self._connections.session() as db:
            match = holds(db, "value", part)
            rows = db.all(
                f"SELECT value FROM pairs WHERE tag = ? AND {match.sql} LIMIT ?",
                (name, *match.values, _MOST_VALUES),
            )
            found = {value for (value,) in rows}
            if name in SUMMED:
                # Sets of tags hold no other: reading their texts takes 10 ms for each name.
                found |= values_containing(db, name, part)
        return in_order(found, part)[:limit]

    def services_holding(self, part: str, limit: int = 20) -> Sequence[KnownService]:
        if not part.strip():
            return []
        with self._connections.session() as db:
            own = _series(db, "subject", SERVICE_SERIES, part)
            called = _series(db, "item", CALL_SERIES, part)
            match = holds(db, "service", part)
            logged = {
                name
                for (name,) in db.all(
                    f"SELECT service FROM (SELECT DISTINCT service FROM log_cells) WHERE {match.sql}",
                    match.values,
                )
            }
        names = in_order({name for name in own | called | logged if name}, part)[:limit]
        return [KnownService(name, name in own, name in called, name in logged) for name in names]

    def sessions_holding(self, part: str, limit: int = 20) -> Sequence[SessionId]:
        if not part.strip():
            return []
        with self._connections.session() as db:
            match = holds(db, "session_id", part)
            rows = db.all(
                "SELECT session_id FROM "
                "(SELECT session_id, finish FROM sessions ORDER BY finish DESC LIMIT ?) "
                f"WHERE {match.sql} ORDER BY finish DESC LIMIT ?",
                (_NEWEST_SESSIONS, *match.values, limit),
            )
        return [SessionId(found) for (found,) in rows]

    def never_seen(self, names: Iterable[str]) -> Sequence[str]:
        with self._connections.session() as db:
            return [name for name in dict.fromkeys(names) if is_never_seen(db, name)]

    def trace_ids_with(self, digits: str, limit: int = 20) -> Sequence[TraceId]:
        check_digits(digits, 32)
        found: set[bytes] = set()
        ranges = [_range(digits, 32)] + ([_range(_ZEROS + digits, 32)] if len(digits) <= 16 else [])
        with self._connections.session() as db:
            stored = stored_spans(db)
            for low, high in ranges:
                found |= stored.traces_between(low, high, limit)
            if len(digits) % 2 == 0:
                tail = bytes.fromhex(digits)
                # The index begins with the last half of an id: with as many digits it is not read whole.
                half = "substr(trace_id, 9) = ? AND " if len(tail) >= _HALF else ""
                found |= {
                    trace_id
                    for (trace_id,) in db.all(
                        "SELECT trace_id FROM traces INDEXED BY traces_by_id "
                        f"WHERE {half}substr(trace_id, ?) = ? LIMIT ?",
                        (*((tail[-_HALF:],) if half else ()), -len(tail), tail, limit),
                    )
                }
        return [TraceId(trace_id.hex()) for trace_id in sorted(found)[:limit]]

    def span_ids_beginning(self, digits: str, limit: int = 20) -> Sequence[tuple[TraceId, SpanId]]:
        check_digits(digits, 16)
        with self._connections.session() as db:
            rows = spans_with_ids(db, *_range(digits, 16), limit)
        return [(TraceId(trace_id.hex()), SpanId(span_id.hex())) for trace_id, span_id in rows]


def _series(db: ReadSession, column: str, kind: int, part: str) -> set[str]:
    """The names in a column of the rollups' series that hold a part."""
    match = holds(db, column, part)
    rows = db.all(
        f"SELECT DISTINCT {column} FROM series WHERE kind = ? AND {match.sql}", (kind, *match.values)
    )
    return {name for (name,) in rows}


def _range(digits: str, length: int) -> tuple[bytes, bytes]:
    """The least and the greatest id that begins with these digits."""
    return bytes.fromhex(digits[:length].ljust(length, "0")), bytes.fromhex(
        digits[:length].ljust(length, "f")
    )
