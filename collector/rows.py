"""Converts raw spans and log records to rows of the store; malformed items are refused one by one.

Owns validity (ids, times, text, depth) and the caches that keep decoding cheap.
What attributes mean comes from `signals.semantics`. Does not know transports.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from cachetools import FIFOCache
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from collector import origins, wire
from collector.framing import contradicts, unreadable
from collector.items import Group, Malformed, Refusals, named
from collector.known_attributes import KnownAttributes, pairs_of
from collector.metric_points import PointDecoder
from collector.span_rows import Origin, Resource, span_row
from collector.times import check_time
from collector.values import value_of
from signals import semantics
from signals.attributes import UNKNOWN_SERVICE, text_of
from signals.browser_events import is_browser, session_of
from signals.deployments import event_name_of
from signals.model import Attributes
from signals.severity import severity_number_of
from store.api import Batch, LogRow, MetricRow, SpanRow, scope_name_of

_CACHED_RESOURCES = 2_048
_CACHED_RESOURCE_BYTES = 16_384
_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)
_NO_ATTRIBUTES: Attributes = {}

V = TypeVar("V")
_Known = KnownAttributes
_Notes = list[str]
"""What `make` noted of the item that it made."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """The items of a request: those that can be stored, and those refused."""

    batch: Batch
    refused: Refusals


class Decoder:
    """Converts groups to rows. Thread-safe.

    Reading from its caches changes nothing in them, so only an insertion takes the lock.
    """

    def __init__(self, now_unix_nano: Callable[[], int] = time.time_ns) -> None:
        self._now_unix_nano = now_unix_nano
        self._attributes = KnownAttributes()
        self._resources: FIFOCache[bytes, Resource | Malformed] = FIFOCache(_CACHED_RESOURCES)
        self._scopes: FIFOCache[bytes, origins.Origin] = FIFOCache(_CACHED_RESOURCES)
        self._guard = threading.Lock()
        self._points = PointDecoder()

    def traces(self, groups: Iterable[Group], refused: Refusals) -> Decoded:
        """The rows of spans; `refused` may already hold items that an earlier step refused."""
        rows: list[SpanRow] = []
        known = self._known_attributes()
        self._each("traces", groups, span_row, rows.append, refused, known)
        return Decoded(Batch(spans=rows, rejected=refused.count, names=known.names), refused)

    def logs(self, groups: Iterable[Group], refused: Refusals) -> Decoded:
        """The rows of log records."""
        rows: list[LogRow] = []
        known = self._known_attributes()
        self._each("logs", groups, self._log_row, rows.append, refused, known)
        return Decoded(Batch(logs=rows, rejected=refused.count, names=known.names), refused)

    def metrics(self, groups: Iterable[Group], refused: Refusals) -> Decoded:
        """The rows of data points."""
        rows: list[MetricRow] = []
        for group in groups:
            origin = self._origin("metrics", group, refused)
            if origin is None:
                continue
            resource, scope = origin
            for number, raw in enumerate(group.items):
                find = _finder(group, number, "metrics")

                def refuse(reason: str, point: int | None, find: Callable[[], str] = find) -> None:
                    refused.add(reason, 1, lambda: _at_point(find(), point))

                def note(reason: str, point: int | None, find: Callable[[], str] = find) -> None:
                    refused.warn(reason, lambda: _at_point(find(), point))

                rows += self._points.rows(
                    raw, resource.service, resource.body, scope_name_of(scope.body), refuse, note
                )
        return Decoded(Batch(metrics=rows, rejected=refused.count), refused)

    def _origin(self, signal: str, group: Group, refused: Refusals) -> tuple[Resource, origins.Origin] | None:
        """Resource and scope of a group's items; None if there are none, or all were refused."""
        resource = self._resource(group.resource)
        if not group.items:
            return None
        if isinstance(resource, Malformed):
            refused.add(str(resource), len(group.items), _finder(group, 0, signal))
            return None
        scope = self._scope(group.scope)
        for warning in (resource.warning, scope.warning):
            if warning:
                refused.warn(warning, _finder(group, 0, signal))
        return resource, scope

    def _each(
        self,
        signal: str,
        groups: Iterable[Group],
        make: Callable[[bytes, Origin, _Notes, _Known], V],
        keep: Callable[[V], None],
        refused: Refusals,
        known: _Known,
    ) -> None:
        notes: _Notes = []
        for group in groups:
            origin = self._origin(signal, group, refused)
            if origin is None:
                continue
            resource, scope = origin
            shared = Origin(resource, scope.body)
            for number, raw in enumerate(group.items):
                try:
                    keep(make(raw, shared, notes, known))
                except Malformed as problem:
                    refused.add(str(problem), 1, _finder(group, number, signal))
                    notes.clear()
                except DecodeError:
                    refused.add(_why_unreadable(raw, signal), 1, _finder(group, number, signal))
                    notes.clear()
                if notes:
                    for note in notes:
                        refused.warn(note, _finder(group, number, signal))
                    notes.clear()

    def _log_row(self, raw: bytes, group: Origin, notes: _Notes, known: _Known) -> LogRow:
        resource = group.resource
        record = wire.LogRecord.FromString(raw)
        trace_id, span_id = record.trace_id, record.span_id
        if trace_id and len(trace_id) != 16:
            raise Malformed(f"a log record's trace id has {len(trace_id)} bytes instead of 16")
        if span_id and len(span_id) != 8:
            raise Malformed(f"a log record's span id has {len(span_id)} bytes instead of 8")
        time_ns = record.time_unix_nano or record.observed_unix_nano
        if not time_ns:
            # A span read as a log record has no time, either.
            if contradicts(raw, logs_pb2.LogRecord.DESCRIPTOR):
                raise Malformed("a log record has fields of another type: is it a span?")
            time_ns = self._now_unix_nano()
        check_time(time_ns, "log record's time")
        if not 0 <= record.severity_number <= 24:
            notes.append(
                f"a log record's severity number is {record.severity_number}, which OTLP does not know"
            )
        attributes = {key: value for key, value, _ in pairs_of(record.attributes, known)}
        event = event_name_of(record.event_name, attributes)
        body = value_of(common_pb2.AnyValue.FromString(record.body)) if record.body else event
        return LogRow(
            time_ns,
            severity_number_of(record.severity_number, record.severity_text),
            text_of(body),
            resource.service,
            b"" if trace_id == _NO_TRACE else trace_id,
            b"" if span_id == _NO_SPAN else span_id,
            session_of(attributes, resource.attributes),
            resource.body,
            group.scope,
            raw,
            event,
        )

    def _known_attributes(self) -> KnownAttributes:
        """Those to decode one request with, from its beginning to its end: its names must all be in there."""
        if self._attributes.is_old:
            self._attributes = KnownAttributes()
        return self._attributes

    def _resource(self, raw: bytes) -> Resource | Malformed:
        try:
            # One look-up, not `in` or `get`: another thread may drop the entry between two.
            return self._resources[raw]
        except KeyError:
            pass
        resource = self._read_resource(raw)
        if len(raw) <= _CACHED_RESOURCE_BYTES:
            with self._guard:
                self._resources[raw] = resource
        return resource

    def _read_resource(self, raw: bytes) -> Resource | Malformed:
        try:
            body, attributes, warning = origins.resource_of(raw)
        except Malformed as problem:
            return problem
        return Resource(
            body,
            attributes,
            text_of(attributes.get("service.name")) or UNKNOWN_SERVICE,
            semantics.promoted_of(_NO_ATTRIBUTES, attributes),
            is_browser(_NO_ATTRIBUTES, attributes),
            warning,
        )

    def _scope(self, raw: bytes) -> origins.Origin:
        try:
            return self._scopes[raw]
        except KeyError:
            pass
        scope = origins.scope_of(raw)
        if len(raw) <= _CACHED_RESOURCE_BYTES:
            with self._guard:
                self._scopes[raw] = scope
        return scope


_ITEMS: Mapping[str, tuple[str, Any]] = {
    "traces": ("a span", trace_pb2.Span),
    "logs": ("a log record", logs_pb2.LogRecord),
    "metrics": ("a metric", metrics_pb2.Metric),
}


def _why_unreadable(raw: bytes, signal: str) -> str:
    what, message_class = _ITEMS[signal]
    return f"{what} cannot be read: {unreadable(raw, message_class.DESCRIPTOR)}"


def _at_point(place: str, point: int | None) -> str:
    return place if point is None else f"{place}, dataPoints[{point}]"


def _finder(group: Group, number: int, signal: str) -> Callable[[], str]:
    """A function that says where an item stood, and its name if that can be read."""

    def find() -> str:
        place = group.place_of(number, signal)
        if signal == "logs" or number >= len(group.items):
            return place
        try:
            return named(place, _ITEMS[signal][1].FromString(group.items[number]).name)
        except DecodeError:
            return place

    return find
