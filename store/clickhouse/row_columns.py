"""Rows of the contract as columns of the exporter's tables: its own as text, and ours, which lose nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from signals.attributes import text_of
from signals.model import Attributes, Severity
from store.clickhouse.connection import clean
from store.decode import log_detail, resource_attributes, resource_extras, scope_of, span_detail
from store.rows import LogRow, SpanRow

_KINDS: Final = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
_STATUSES: Final = ("Unset", "Ok", "Error")
ERROR_FLAG, DATABASE_FLAG, BROWSER_FLAG = 1, 2, 4
"""Bits of `LabFlags`."""
_LAST_NS: Final = 2**63 - 1 - 10**9 * 86_400
"""ClickHouse's DateTime64(9) ends with the year 2262; a time beyond is that of its last days."""


def span_columns(rows: Sequence[SpanRow], arrivals: Sequence[int]) -> dict[str, list[Any]]:
    """Columns of `otel_traces` by name."""
    found: dict[str, list[Any]] = {}
    for row, arrival in zip(rows, arrivals, strict=True):
        for name, value in _span(row, arrival):
            found.setdefault(name, []).append(value)
    return found


def _span(row: SpanRow, arrival: int) -> list[tuple[str, Any]]:
    detail, scope = span_detail(row.raw), scope_of(row.scope)
    flags = ERROR_FLAG * row.error | DATABASE_FLAG * row.peer_is_database | BROWSER_FLAG * row.browser
    return [
        ("Timestamp", time_of(row.start_unix_nano)),
        ("TraceId", row.trace_id.hex()),
        ("SpanId", row.span_id.hex()),
        ("ParentSpanId", row.parent_span_id.hex()),
        ("TraceState", clean(detail.trace_state)),
        ("SpanName", clean(row.name)),
        ("SpanKind", _KINDS[row.kind] if 0 <= row.kind < len(_KINDS) else _KINDS[0]),
        ("ServiceName", clean(row.service)),
        ("ResourceAttributes", _resource_texts(row.resource)),
        ("ScopeName", clean(scope.name)),
        ("ScopeVersion", clean(scope.version)),
        ("SpanAttributes", texts_of(detail.attributes)),
        ("Duration", row.duration_ns),
        ("StatusCode", _STATUSES[int(detail.status)]),
        ("StatusMessage", clean(detail.status_message)),
        ("Events.Timestamp", [time_of(each.time_unix_nano) for each in detail.events]),
        ("Events.Name", [clean(each.name) for each in detail.events]),
        ("Events.Attributes", [texts_of(each.attributes) for each in detail.events]),
        ("Links.TraceId", [each.trace_id for each in detail.links]),
        ("Links.SpanId", [each.span_id for each in detail.links]),
        ("Links.TraceState", [clean(each.trace_state) for each in detail.links]),
        ("Links.Attributes", [texts_of(each.attributes) for each in detail.links]),
        ("LabFlags", flags),
        ("LabPeer", clean(row.peer)),
        ("LabTags", {clean(tag): clean(value) for tag, value in row.tags.items()}),
        *_own(row, arrival),
        ("LabShift", row.clock_shift_ns),
    ]


def log_columns(rows: Sequence[LogRow], arrivals: Sequence[int]) -> dict[str, list[Any]]:
    """Columns of `otel_logs` by name."""
    found: dict[str, list[Any]] = {}
    for row, arrival in zip(rows, arrivals, strict=True):
        detail, scope = log_detail(row.raw), scope_of(row.scope)
        shift = row.time_unix_nano - detail.time_unix_nano if detail.time_unix_nano else 0
        for name, value in [
            ("Timestamp", time_of(row.time_unix_nano)),
            ("TraceId", row.trace_id.hex()),
            ("SpanId", row.span_id.hex()),
            ("TraceFlags", detail.flags & 255),
            ("SeverityText", clean(detail.severity_text) or Severity.of(row.severity_number).value),
            ("SeverityNumber", min(max(row.severity_number, 0), 255)),
            ("ServiceName", clean(row.service)),
            ("Body", clean(row.body)),
            ("ResourceSchemaUrl", resource_extras(row.resource).schema_url),
            ("ResourceAttributes", _resource_texts(row.resource)),
            ("ScopeSchemaUrl", scope.extras.schema_url),
            ("ScopeName", clean(scope.name)),
            ("ScopeVersion", clean(scope.version)),
            ("ScopeAttributes", texts_of(scope.extras.attributes)),
            ("LogAttributes", texts_of(detail.attributes)),
            ("EventName", clean(row.event)),
            *_own(row, arrival),
            ("LabShift", max(-_LAST_NS, min(shift, _LAST_NS))),
        ]:
            found.setdefault(name, []).append(value)
    return found


def _own(row: SpanRow | LogRow, arrival: int) -> list[tuple[str, Any]]:
    return [
        ("LabRaw", row.raw),
        ("LabResource", row.resource),
        ("LabScope", row.scope),
        ("LabArrival", arrival),
        ("LabSession", clean(row.session_id)),
    ]


def time_of(unix_nano: int) -> int:
    """A time as the tables can hold it."""
    return min(max(unix_nano, 0), _LAST_NS)


def texts_of(attributes: Attributes) -> Mapping[str, str]:
    """Attributes as the exporter writes them: as text."""
    return {clean(name): clean(text_of(value)) for name, value in attributes.items()}


@lru_cache(maxsize=4096)
def _resource_texts(body: bytes) -> Mapping[str, str]:
    return texts_of(resource_attributes(body))


def digest_of(row: SpanRow) -> bytes:
    """Eight bytes that differ for spans with other content."""
    digest = hashlib.blake2b(row.raw, digest_size=8)
    digest.update(b"%d " % len(row.resource) + row.resource + row.scope)
    return digest.digest()
