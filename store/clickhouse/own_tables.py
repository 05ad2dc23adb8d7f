"""Tables of our own beside the exporter's, which answer faster: what they are, and what makes them.

Views of the server fill the first kind at each insert; the settler fills the second from whole traces. What
they hold follows from the table of spans alone, which is never altered: they may be dropped at any time.
"""

# ruff: noqa: S608 - what is put into SQL text are checked names and types that the server told

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from signals.browser_events import RUM_TAGS
from store.clickhouse.address import Address
from store.clickhouse.conditions import ALL_VALUES, is_browser_row, is_error_row, session_column
from store.clickhouse.schema import LOGS
from store.clickhouse.seen_values import app_states, values_sql
from store.clickhouse.tables import Table, as_maps
from store.queries import Window

SPANS, ARRIVALS, SESSIONS = "lab_spans", "lab_arrivals", "lab_sessions"
TRACE_BODIES, REQUESTS, CALLS = "lab_traces", "lab_requests", "lab_calls"
REQUEST_CELLS, CALL_CELLS = "lab_request_cells", "lab_call_cells"
HOMES, BLOCKS, MINUTES = "lab_homes", "lab_blocks", "lab_minutes"
LEASES, PROGRESS = "lab_leases", "lab_progress"
SAMPLES, EVENT_MINUTES = "lab_samples", "lab_event_minutes"
VALUES, APPS, LONG = "lab_values", "lab_apps", "lab_long"
NEWEST, NEWEST_LOGS = "lab_newest", "lab_newest_logs"
BLOCK: Final = 10
"""Minutes of a wide cell."""
MINUTE_NS: Final = 60 * 10**9
OF_SPAN: Final = "LabOwn", "LabLink", "LabBrowser", "LabError"
"""Columns of SPANS that the table of spans lacks.

The session of a span, the trace that answered it, whether it is a browser's, whether a backend's in error.
"""
_KEPT: Final = "non_replicated_deduplication_window = 1000"
_WORD: Final = "LowCardinality(String)"
_VALUE_INDEX: Final = f"INDEX idx_value {ALL_VALUES} TYPE bloom_filter(0.01) GRANULARITY 1"
_DURATION: Final = "Duration UInt64 DEFAULT JSONExtractUInt(Body, 's', 5)"
LATER: Final = (
    (SPANS, "idx_value", f"ADD {_VALUE_INDEX}", "MATERIALIZE INDEX idx_value"),
    (TRACE_BODIES, "Duration", f"ADD COLUMN {_DURATION}", "MATERIALIZE COLUMN Duration"),
)
"""(table of ours, column or index, what adds it, what fills it) of what a store prepared long ago lacks."""
BACKFILLED: Final = (VALUES, APPS, NEWEST, NEWEST_LOGS)
"""Tables of views that such a store lacks: what was there before is put into them as well."""
_MEASURED: Final = (
    f"Service {_WORD}, Operation {_WORD}, Environment {_WORD}, Bucket UInt16",
    f"Source {_WORD}, Target {_WORD}, Environment {_WORD}, Bucket UInt16, Error UInt8, Inferred UInt8, "
    "Database UInt8, Answered UInt8",
)
"""Of what requests and calls are counted by."""


@dataclass(frozen=True, slots=True)
class OwnTable:
    """One table: what it is for, its columns and engine, and the view that fills it."""

    name: str
    purpose: str
    bytes_per_span: float
    """Measured on the benchmark's data."""
    columns: str
    engine: str
    tail: str
    source: str = ""
    """The table whose inserts a view copies; empty where the settler writes."""
    select: str = ""
    """What the view selects; `{source}` stands for that table."""


@dataclass(frozen=True, slots=True)
class Found:
    """The table of spans as the server describes it."""

    table: Table
    columns: Mapping[str, str]
    """Those that an insert fills, by name with their types."""
    replicated: bool
    max_age_s: int | None
    """From its TTL; 0 without one, None where it cannot be told from it."""
    ttl: str
    """The expression itself."""
    numbered_logs: bool = False
    """Whether there is a table of logs that knows their order of arrival."""


def minute_of(time: str) -> str:
    """SQL for the minute since 1970 in which a time lies."""
    return f"intDiv(toUnixTimestamp64Nano({time}), {MINUTE_NS})"


def cut_minutes(window: Window) -> list[Window]:
    """The parts of a window that are no whole minutes."""
    first, last = -(-window.from_unix_nano // MINUTE_NS), window.to_unix_nano // MINUTE_NS
    if first >= last:
        return [window]
    parts = (
        Window(window.from_unix_nano, first * MINUTE_NS),
        Window(last * MINUTE_NS, window.to_unix_nano),
    )
    return [part for part in parts if part.duration_ns > 0]


def own_tables(found: Found) -> list[OwnTable]:
    """The tables, in the order in which they are made."""
    return [*_by_views(found), *_of_what_was_seen(found), *_by_settler(found), *_of_settler(found)]


def _by_views(found: Found) -> list[OwnTable]:
    maps = as_maps(found.columns)
    names = [f"{maps[name]} AS `{name}`" if name in maps else f"`{name}`" for name in found.columns]
    kinds = dict.fromkeys(maps, f"Map({_WORD}, String)")
    kinds |= {
        name: f"Array({kind})" for name, kind in kinds.items() if found.columns[name].startswith("Array")
    }
    columns = ", ".join(f"`{name}` {kinds.get(name, kind)}" for name, kind in found.columns.items())
    link = "lower(SpanAttributes['link.traceId'])"
    ttl = f"TTL {found.ttl} " if found.ttl else ""
    copy = OwnTable(
        SPANS, "a copy of the spans by minute and trace: a trace or a window is read in one piece",
        46, f"{columns}, LabOwn String, LabLink String, LabBrowser UInt8, LabError UInt8, "
        "INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1, "
        "INDEX idx_span_id SpanId TYPE bloom_filter(0.01) GRANULARITY 1, "
        "INDEX idx_link LabLink TYPE bloom_filter(0.01) GRANULARITY 1, "
        "INDEX idx_own LabOwn TYPE bloom_filter(0.01) GRANULARITY 1, "
        f"{_VALUE_INDEX}, "
        "INDEX idx_time Timestamp TYPE minmax GRANULARITY 1", "MergeTree",
        f"PARTITION BY toDate(Timestamp) ORDER BY ({minute_of('Timestamp')}, TraceId, Timestamp) {ttl}"
        f"SETTINGS index_granularity = 2048, ttl_only_drop_parts = 1, {_KEPT}",
        found.table.name,
        f"SELECT {', '.join(names)}, {session_column(found.table)} AS LabOwn, {link} AS LabLink, "
        f"{is_browser_row(found.table)} AS LabBrowser, {is_error_row(found.table)} AS LabError "
        "FROM {source}",
    )  # fmt: skip
    arrivals = OwnTable(
        ARRIVALS, "how many spans each minute has: tells what was settled, and what came late", 0.01,
        "Minute Int64, Spans UInt64", "SummingMergeTree",
        f"ORDER BY Minute SETTINGS {_KEPT}", SPANS,
        f"SELECT {minute_of('Timestamp')} AS Minute, count() AS Spans FROM {{source}} GROUP BY Minute",
    )  # fmt: skip
    time = "toUnixTimestamp64Nano(Timestamp)"
    lasting = "SimpleAggregateFunction({}, {}Int64)"
    sessions = OwnTable(
        SESSIONS, "which sessions lie in which minute", 1.2,
        f"Session String, Minute Int64, Events {lasting.format('sum', 'U')}, "
        f"First {lasting.format('min', '')}, Last {lasting.format('max', '')}, "
        f"Finish {lasting.format('max', '')}", "AggregatingMergeTree",
        f"ORDER BY (Session, Minute) {_ttl(found, 'Minute')}SETTINGS {_KEPT}", SPANS,
        f"SELECT LabOwn AS Session, {minute_of('Timestamp')} AS Minute, count() AS Events, "
        f"min({time}) AS First, max({time}) AS Last, "
        f"max({time} + toInt64(Duration)) AS Finish FROM {{source}} WHERE LabOwn != '' "
        "GROUP BY Session, Minute",
    )  # fmt: skip
    return [copy, arrivals, sessions]


def _of_what_was_seen(found: Found) -> list[OwnTable]:
    """By views as well: what lists and searches would read every span for."""
    minute = minute_of("Timestamp")
    kept = f"SETTINGS {_KEPT}"
    state = "AggregateFunction(argMax, String, Tuple(UInt8, DateTime64(9)))"
    values = OwnTable(
        VALUES, "which names and values each minute has, of those by which one searches", 0.04,
        f"Name {_WORD}, Minute Int64, Value String", "ReplacingMergeTree",
        f"ORDER BY (Name, Minute, Value) {_ttl(found, 'Minute')}{kept}", SPANS,
        values_sql(minute, tagged="LabTags" in found.columns),
    )  # fmt: skip
    apps = OwnTable(
        APPS, "which application and environment the sessions of each minute name", 0.9,
        f"Session String, Minute Int64, App {state}, Environment {state}", "AggregatingMergeTree",
        f"ORDER BY (Minute, Session) {_ttl(found, 'Minute')}{kept}", SPANS,
        f"SELECT LabOwn AS Session, {minute} AS Minute, {app_states()} FROM {{source}} "
        "WHERE LabBrowser = 1 AND LabOwn != '' GROUP BY Session, Minute",
    )  # fmt: skip
    sources = {NEWEST: SPANS} if "LabArrival" in found.columns else {}
    if found.numbered_logs:
        sources[NEWEST_LOGS] = LOGS
    greatest = "SimpleAggregateFunction(max, {})"
    newest = [
        OwnTable(
            name, "the greatest number of arrival, and whether others write there as well", 0,
            f"Place UInt8, Arrival {greatest.format('UInt64')}, Others {greatest.format('UInt8')}",
            "AggregatingMergeTree", f"ORDER BY Place {kept}", source,
            "SELECT toUInt8(0) AS Place, max(LabArrival) AS Arrival, max(empty(LabRaw)) AS Others "
            "FROM {source} GROUP BY Place",
        )
        for name, source in sources.items()
    ]  # fmt: skip
    return [values, apps, *newest]


def _by_settler(found: Found) -> list[OwnTable]:
    day = f"PARTITION BY intDiv(Home, 1440) ORDER BY {{}} {_ttl(found, 'Home')}SETTINGS {{}}{_KEPT}"
    of = "Home Int64, Version UInt64"
    tags = f"Map({_WORD}, Array(String))"
    requests, calls = _MEASURED
    count = "Requests UInt64, Errors UInt64, Origins UInt64"
    named = ", ".join(f"`{tag}` {_WORD}" for tag in RUM_TAGS)
    return [
        OwnTable(
            SAMPLES, "what each event of a browser measures, with its tags", 1.3,
            f"{of}, Start Int64, Metric {_WORD}, Value Int64, Bucket UInt16, Failed UInt8, ErrorId String, "
            f"{named}", "MergeTree", day.format("(Metric, Home)", ""),
        ),
        OwnTable(
            TRACE_BODIES, "what follows from each whole trace: its summary, requests and calls", 13,
            f"{of}, TraceId String, Spans UInt64, First Int64, Last Int64, Body String CODEC(ZSTD(3)), "
            f"{_DURATION}, "
            "INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1", "MergeTree",
            day.format("(Home, TraceId)", "index_granularity = 512, "),
        ),
        OwnTable(
            REQUESTS, "every request, for the ends of a window and for breakdowns by a tag", 8,
            f"{of}, TraceId String, Start Int64, Duration UInt64, {requests}, Error UInt8, Origin UInt8, "
            f"Tags {tags}, OfCalls {tags}", "MergeTree", day.format("(Home, Service, Operation)", ""),
        ),
        OwnTable(
            CALLS, "every call between services, likewise", 5.2,
            f"{of}, TraceId String, Start Int64, Duration UInt64, {calls}", "MergeTree",
            day.format("(Home, Source, Target)", ""),
        ),
        OwnTable(
            REQUEST_CELLS, "requests summed by minute, and by ten minutes", 0.2,
            f"{of}, Width UInt16, Slot Int64, {requests}, {count}", "MergeTree",
            day.format("(Width, Slot, Service, Operation)", ""),
        ),
        OwnTable(
            CALL_CELLS, "calls likewise", 0.2, f"{of}, Width UInt16, Slot Int64, {calls}, Requests UInt64",
            "MergeTree", day.format("(Width, Slot, Source, Target)", ""),
        ),
    ]  # fmt: skip


def _of_settler(found: Found) -> list[OwnTable]:
    lasting = "SimpleAggregateFunction({}, Int64)"
    return [
        OwnTable(
            LONG, "traces that last longer than what is settled of one: they are read from their spans", 0,
            f"TraceId String, First {lasting.format('min')}, Last {lasting.format('max')}",
            "AggregatingMergeTree", f"ORDER BY TraceId {_ttl(found, 'Last')}SETTINGS {_KEPT}",
        ),
        OwnTable(
            EVENT_MINUTES, "how many spans a minute had when its browsers' events were measured", 0,
            "Minute Int64, Version UInt64, Spans UInt64", "MergeTree", "ORDER BY (Minute, Version)",
        ),
        OwnTable(
            HOMES, "which version of a minute's traces counts", 0, "Home Int64, Version UInt64",
            "MergeTree", "ORDER BY (Home, Version)",
        ),
        OwnTable(
            BLOCKS, "which version of the sums of ten minutes counts, and of which versions they are", 0,
            "Home Int64, Version UInt64, Of UInt64", "MergeTree", "ORDER BY (Home, Version)",
        ),
        OwnTable(
            MINUTES, "how many spans a minute had when it was settled", 0,
            "Minute Int64, Version UInt64, Spans UInt64", "MergeTree", "ORDER BY (Minute, Version)",
        ),
        OwnTable(
            LEASES, "who settles, and until when", 0, "Owner String, Since Int64, Until Int64, Gone UInt8",
            "MergeTree", "ORDER BY (Since, Owner) TTL toDateTime(intDiv(Until, 1000)) + toIntervalHour(1)",
        ),
        OwnTable(
            PROGRESS, "how far the copy of what was there before has come", 0,
            "Name String, Value Int64, At DateTime DEFAULT now()", "MergeTree", "ORDER BY (Name, Value)",
        ),
    ]  # fmt: skip


def _ttl(found: Found, column: str) -> str:
    """Rows of what the table of spans forgets are forgotten as it is."""
    if not found.max_age_s:
        return ""
    # A time beyond 2106 would come round to 1970.
    return f"TTL toDateTime(least({column}, 70000000) * 60) + toIntervalSecond({found.max_age_s}) "


def statements_of(table: OwnTable, address: Address, found: Found) -> list[str]:
    """What makes one table and the view that fills it; running it again changes nothing."""
    database = address.database
    on = f" ON CLUSTER {address.cluster}" if address.cluster else ""
    engine = f"Replicated{table.engine}" if found.replicated else table.engine
    made = [
        f"CREATE TABLE IF NOT EXISTS {database}.{table.name}{on} ({table.columns}) "
        f"ENGINE = {engine} {table.tail}".rstrip()
    ]
    if table.source:
        select = table.select.replace("{source}", f"{database}.{table.source}")
        made.append(
            f"CREATE MATERIALIZED VIEW IF NOT EXISTS {database}.{table.name}_mv{on} "
            f"TO {database}.{table.name} AS {select}"
        )
    return made
