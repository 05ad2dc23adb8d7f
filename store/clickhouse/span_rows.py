"""Rows of `otel_traces` as spans: exact where our writer kept the message, else with attributes as text."""

# ruff: noqa: S608 - what is put into SQL text are checked names and bound parameters

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from signals.browser_events import is_browser, session_of
from signals.model import Event, Link, SessionId, Span, SpanId, SpanKind, StatusCode, TraceId
from signals.semantics import is_error, peer_of, tags_of
from store.clickhouse.connection import Connections, Row, Values
from store.clickhouse.row_columns import BROWSER_FLAG, DATABASE_FLAG, ERROR_FLAG
from store.clickhouse.schema import NOT_OURS
from store.clickhouse.tables import Table
from store.queries import Window
from store.row_model import span_of
from store.rows import SpanRow

_KINDS: Final = {kind.name.lower(): kind for kind in SpanKind}
_STATUSES: Final = {"ok": StatusCode.OK, "error": StatusCode.ERROR}
_RAW: Final = ("LabRaw", "LabResource", "LabScope")
_LAST: Final = 2**63 - 1 - 10**9 * 86_400


def within(window: Window, column: str = "Timestamp") -> str:
    """The condition that a time lies in a window."""
    begin, end = (min(max(at, 0), _LAST + 1) for at in (window.from_unix_nano, window.to_unix_nano))
    return (
        f"{column} >= fromUnixTimestamp64Nano(toInt64({begin})) "
        f"AND {column} < fromUnixTimestamp64Nano(toInt64({end}))"
    )


class SpanRows:
    """Reads spans by a condition."""

    def __init__(self, connections: Connections, table: Table) -> None:
        self._connections = connections
        self.table = table
        column = table.column
        nested = [
            f"`{name}`" if table.has(name) else "[]"
            for name in ("Events.Name", "Events.Attributes", "Links.TraceId", "Links.SpanId",
                         "Links.TraceState", "Links.Attributes")
        ]  # fmt: skip
        times = "[]"
        if table.has("Events.Timestamp"):
            times = "arrayMap(t -> toUnixTimestamp64Nano(t), `Events.Timestamp`)"
        self._own = ", ".join([
            "TraceId", "SpanId", "ParentSpanId", "ServiceName", "SpanName", "SpanKind",
            "toUnixTimestamp64Nano(Timestamp)", "Duration", column("LabFlags"), column("LabPeer"),
            column("LabSession"), column("LabArrival"),
        ])  # fmt: skip
        raw = ", ".join(f"{column(name)} AS {name}" for name in _RAW)
        # The maps only where there is no message: they are most of a row.
        ours = f"{column('LabFlags')} != {NOT_OURS}"
        texts = f"if({ours}, map(), SpanAttributes), if({ours}, map(), ResourceAttributes)"
        self._texts = texts
        self._whole = (
            f"{self._own}, {raw}, {texts}, StatusCode, {column('StatusMessage')}, {column('TraceState')}, "
            f"{column('ScopeName')}, {column('ScopeVersion')}, {times}, "
            f"{', '.join(nested)}"
        )
        self._light = f"{self._own}, {column('LabTags')}, {column('LabShift')}, {texts}, StatusCode"

    def spans(self, condition: str, values: Values, order: str = "", limit: int = 0) -> list[Span]:
        """Whole spans; of one that is there twice the first to arrive."""
        rows = self._rows(self._whole, condition, values, order, limit, _RAW)
        return [_whole(row) for row in _once(rows)]

    def light(self, condition: str, values: Values) -> list[SpanRow]:
        """What the outline of a trace needs, without messages."""
        if self.table.has("LabFlags"):
            # Of rows of ours the maps, which are most of a row, are not even read.
            plain = self._light.replace(self._texts, "map(), map()")
            rows = [
                *self._rows(plain, f"LabFlags != {NOT_OURS} AND {condition}", values, "", 0, ()),
                *self._rows(self._light, f"LabFlags = {NOT_OURS} AND {condition}", values, "", 0, ()),
            ]
        else:
            rows = [*self._rows(self._light, condition, values, "", 0, ())]
        return [_light(row) for row in _once(rows)]

    def _rows(
        self, columns: str, condition: str, values: Values, order: str, limit: int, raw: Sequence[str]
    ) -> Sequence[Row]:
        sql = f"SELECT {columns} FROM {self.table.source} WHERE {condition}"
        sql += f" ORDER BY {order}" if order else ""
        sql += f" LIMIT {limit}" if limit else ""
        return self._connections.rows(sql, values, raw)


def _once(rows: Sequence[Row]) -> Iterable[Row]:
    first: dict[tuple[Any, Any], Row] = {}
    for row in rows:
        key = row[0], row[1]
        known = first.get(key)
        if known is None or row[11] < known[11]:
            first[key] = row
    return first.values()


def _ids(row: Row) -> tuple[bytes, bytes, bytes]:
    return id_bytes(row[0], 32), id_bytes(row[1], 16), id_bytes(row[2], 16) if row[2] else b""


def id_bytes(text: str, digits: int) -> bytes:
    """An id as bytes; one that is not hexadecimal, which no OTLP sender makes, is all zeros."""
    try:
        return bytes.fromhex(text.rjust(digits, "0"))
    except ValueError:
        return bytes(digits // 2)


def _kind(word: str) -> SpanKind:
    return _KINDS.get(word.lower().removeprefix("span_kind_"), SpanKind.UNSPECIFIED)


def _light(row: Row) -> SpanRow:
    trace_id, span_id, parent = _ids(row)
    flags, peer, session, tags = row[8], row[9], row[10], row[12]
    kind = _kind(row[5])
    if flags == NOT_OURS:
        own, shared = row[14], row[15]
        browser = is_browser(own, shared)
        peer, database = peer_of(int(kind), own)
        error = is_error(_STATUSES.get(row[16].lower(), StatusCode.UNSET), own)
        session, tags = session_of(own, shared), tags_of(row[4], own, shared, browser=browser)
    else:
        browser, database = bool(flags & BROWSER_FLAG), bool(flags & DATABASE_FLAG)
        error = bool(flags & ERROR_FLAG)
    return SpanRow(
        trace_id, span_id, parent, row[3], row[4], int(kind), row[6], row[7], error, peer, database,
        session, browser, tags, b"", b"", b"", row[13],
    )  # fmt: skip


def _whole(row: Row) -> Span:
    flags = row[8]
    kind = _kind(row[5])
    if flags != NOT_OURS:
        trace_id, span_id, parent = _ids(row)
        return span_of((
            trace_id, span_id, parent, row[3], row[4], int(kind), row[6], row[7], flags, row[9],
            row[10], row[12], row[13], row[14],
        ))  # fmt: skip
    own, shared = row[15], row[16]
    status = _STATUSES.get(row[17].lower(), StatusCode.UNSET)
    peer, database = peer_of(int(kind), own)
    session = session_of(own, shared)
    return Span(
        trace_id=TraceId(row[0].rjust(32, "0")),
        span_id=SpanId(row[1].rjust(16, "0")),
        parent_span_id=SpanId(row[2]) if row[2] else None,
        service=row[3],
        name=row[4],
        kind=kind,
        start_unix_nano=row[6],
        duration_ns=row[7],
        status=status,
        status_message=row[18],
        error=is_error(status, own),
        peer=peer,
        peer_is_database=database,
        session_id=SessionId(session) if session else None,
        browser=is_browser(own, shared),
        attributes=own,
        resource=shared,
        scope=row[20],
        events=_events(row[22], row[23], row[24]),
        links=tuple(
            Link(TraceId(trace), SpanId(span), attributes, state)
            for trace, span, state, attributes in zip(row[25], row[26], row[27], row[28], strict=True)
        ),
        scope_version=row[21],
        trace_state=row[19],
        as_text=True,
    )


def _events(
    times: Sequence[int], names: Sequence[str], attributes: Sequence[Mapping[str, str]]
) -> tuple[Event, ...]:
    return tuple(Event(name, at, own) for name, at, own in zip(names, times, attributes, strict=True))
