"""The tables that are made where there are none: those of the exporter, and columns of our own behind them.

Names, types and order of the exporter's columns are its own (v0.165), so that it can write into the same
tables; what it does not write is told by the defaults. Our columns keep what its columns lose.
"""

from __future__ import annotations

from typing import Final

from store.clickhouse.address import Address
from store.clickhouse.connection import Connections
from store.clickhouse.metric_columns import STATEMENT

TRACES, LOGS, FACTS, METRICS = "otel_traces", "otel_logs", "lab_facts", "lab_metric_points"
NOT_OURS: Final = 255
"""`LabFlags` of a row that another writer made."""
_MAP: Final = "Map(LowCardinality(String), String)"
_TIME: Final = "DateTime64(9)"
_OWN: Final = (
    "LabRaw String, LabResource String, LabScope String, "
    "LabArrival UInt64 DEFAULT generateSnowflakeID(), LabShift Int64, LabSession String"
)
_WINDOW: Final = "non_replicated_deduplication_window = 1000, ttl_only_drop_parts = 1"


def statements(address: Address, max_age_s: float = 0) -> list[str]:
    """What `prepare` runs, in order; running it again changes nothing."""
    database = address.database
    bloom = "bloom_filter(0.01) GRANULARITY 1"
    ttl = f"TTL toDateTime(Timestamp) + toIntervalSecond({int(max_age_s)}) " if max_age_s else ""
    traces = (
        f"CREATE TABLE IF NOT EXISTS {database}.{TRACES} (Timestamp {_TIME}, TraceId String, SpanId String, "
        "ParentSpanId String, TraceState String, SpanName LowCardinality(String), "
        "SpanKind LowCardinality(String), ServiceName LowCardinality(String), "
        f"ResourceAttributes {_MAP}, ScopeName String, ScopeVersion String, SpanAttributes {_MAP}, "
        "Duration UInt64, StatusCode LowCardinality(String), StatusMessage String, "
        f"Events Nested (Timestamp {_TIME}, Name LowCardinality(String), Attributes {_MAP}), "
        f"Links Nested (TraceId String, SpanId String, TraceState String, Attributes {_MAP}), "
        f"LabFlags UInt8 DEFAULT {NOT_OURS}, LabPeer LowCardinality(String), LabTags {_MAP}, {_OWN}, "
        "INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1, "
        f"INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE {bloom}, "
        f"INDEX idx_session LabSession TYPE {bloom}) ENGINE = MergeTree PARTITION BY toDate(Timestamp) "
        f"ORDER BY (ServiceName, SpanName, toDateTime(Timestamp)) {ttl}SETTINGS {_WINDOW}"
    )
    logs = (
        f"CREATE TABLE IF NOT EXISTS {database}.{LOGS} (Timestamp {_TIME}, TraceId String, SpanId String, "
        "TraceFlags UInt8, SeverityText LowCardinality(String), SeverityNumber UInt8, "
        "ServiceName LowCardinality(String), Body String, ResourceSchemaUrl LowCardinality(String), "
        f"ResourceAttributes {_MAP}, ScopeSchemaUrl LowCardinality(String), ScopeName String, "
        f"ScopeVersion LowCardinality(String), ScopeAttributes {_MAP}, LogAttributes {_MAP}, "
        f"EventName String, {_OWN}, INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1) "
        "ENGINE = MergeTree PARTITION BY toDate(Timestamp) "
        f"ORDER BY (toStartOfFiveMinutes(Timestamp), ServiceName, Timestamp) {ttl}SETTINGS {_WINDOW}"
    )
    facts = (
        f"CREATE TABLE IF NOT EXISTS {database}.{FACTS} (Name LowCardinality(String), Value Int64) "
        "ENGINE = SummingMergeTree ORDER BY Name SETTINGS non_replicated_deduplication_window = 1000"
    )
    points_ttl = ttl.replace("Timestamp", "Time")
    points = STATEMENT.format(table=f"{database}.{METRICS}", ttl=points_ttl)
    return [f"CREATE DATABASE IF NOT EXISTS {database}", traces, logs, facts, points]


def prepare(connections: Connections, max_age_s: float = 0) -> None:
    """Create what is missing; tables that are there stay as they are."""
    for statement in statements(connections.address, max_age_s):
        connections.run(statement)
