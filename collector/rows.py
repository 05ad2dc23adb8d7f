"""Converts raw spans and log records to rows of the store; malformed items are refused one by one.

Owns validity (ids, times, text, depth) and the caches that keep decoding cheap.
What attributes mean comes from `signals.semantics`. Does not know transports.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from cachetools import FIFOCache
from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from collector import wire
from signals import semantics
from signals.attributes import text_of
from signals.browser_events import is_browser, session_of
from signals.deployments import event_name_of
from signals.model import Attribute, Attributes
from signals.severity import severity_number_of
from store.api import Batch, LogRow, SpanRow

MAX_DEPTH = 32
"""How deep lists and maps may nest in an attribute's value."""
EARLIEST_UNIX_NANO = 946_684_800 * 10**9
"""The year 2000: seconds, milli- or microseconds mistaken for nanoseconds fall before it."""
LATEST_UNIX_NANO = 7_258_118_400 * 10**9
"""The year 2200."""

_CACHED_ATTRIBUTES = 32_768
_CACHED_ATTRIBUTE_BYTES = 256
_CACHED_RESOURCES = 2_048
_CACHED_RESOURCE_BYTES = 16_384
_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)
_MAX_REASONS = 5
_NO_ATTRIBUTES: Attributes = {}
_PROMOTED = frozenset(semantics.PROMOTED)

V = TypeVar("V")


class Undecodable(Exception):
    """The request as a whole cannot be decoded; the message is the reason."""


class Malformed(Exception):
    """One item cannot be stored; the message is the reason."""


class Group(NamedTuple):
    """Items of one resource and scope, each in its serialized form."""

    resource: bytes
    scope: bytes
    items: Sequence[bytes]


@dataclass(slots=True)
class Refusals:
    """The number of refused items and the reasons, for the message of the response."""

    count: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, reason: str, count: int = 1) -> None:
        self.count += count
        self.reasons[reason[:200]] += count

    def message(self) -> str:
        """The most frequent reasons in one line; empty if nothing was refused."""
        most = self.reasons.most_common(_MAX_REASONS)
        parts = [f"{reason} ({count} times)" if count > 1 else reason for reason, count in most]
        if len(self.reasons) > _MAX_REASONS:
            parts.append(f"and {len(self.reasons) - _MAX_REASONS} other reasons")
        return "; ".join(parts)


@dataclass(frozen=True, slots=True)
class Decoded:
    """The items of a request: those that can be stored, and those refused."""

    batch: Batch
    refused: Refusals


@dataclass(frozen=True, slots=True)
class _Resource:
    attributes: Attributes
    service: str
    tags: Mapping[str, str]
    browser: bool


class _Pair(NamedTuple):
    """An attribute, and its tag if it is promoted."""

    key: str
    value: Attribute
    tag: str | None
    """Its text, possibly empty, if the attribute is promoted; else None."""


class Decoder:
    """Converts groups to rows. Thread-safe.

    Reading from its caches changes nothing in them, so only an insertion takes the lock.
    """

    def __init__(self, now_unix_nano: Callable[[], int] = time.time_ns) -> None:
        self._now_unix_nano = now_unix_nano
        # A dictionary that is cleared when full: with some 15 lookups a span, a FIFOCache here
        # raised the cost of decoding one from 16 to 22 µs, more than a tenth of its whole ingest.
        self._attributes: dict[bytes, _Pair] = {}
        self._resources: FIFOCache[bytes, _Resource | Malformed] = FIFOCache(_CACHED_RESOURCES)
        self._scopes: FIFOCache[bytes, Malformed | None] = FIFOCache(_CACHED_RESOURCES)
        self._guard = threading.Lock()

    def traces(self, groups: Iterable[Group], refused: Refusals) -> Decoded:
        """The rows of spans; `refused` may already hold items that an earlier step refused."""
        rows: list[SpanRow] = []
        self._each(groups, self._span_row, rows.append, refused)
        return Decoded(Batch(spans=rows, rejected=refused.count), refused)

    def logs(self, groups: Iterable[Group], refused: Refusals) -> Decoded:
        """The rows of log records."""
        rows: list[LogRow] = []
        self._each(groups, self._log_row, rows.append, refused)
        return Decoded(Batch(logs=rows, rejected=refused.count), refused)

    def metrics(self, groups: Iterable[Group], refused: Refusals) -> Decoded:
        """The number of data points; metrics are not stored."""
        points = 0
        for group in groups:
            for raw in group.items:
                try:
                    metric = wire.Metric.FromString(raw)
                except DecodeError:
                    refused.add("a metric cannot be read as protobuf")
                    continue
                points += sum(
                    len(getattr(metric, kind).points) for kind in wire.METRIC_KINDS if metric.HasField(kind)
                )
        return Decoded(Batch(metric_points=points, rejected=refused.count), refused)

    def _each(
        self,
        groups: Iterable[Group],
        make: Callable[[bytes, _Resource, Group], V],
        keep: Callable[[V], None],
        refused: Refusals,
    ) -> None:
        for group in groups:
            resource = self._resource(group.resource)
            problem = resource if isinstance(resource, Malformed) else self._scope_problem(group.scope)
            if problem is not None:
                refused.add(str(problem), len(group.items))
                continue
            assert isinstance(resource, _Resource)
            for raw in group.items:
                try:
                    keep(make(raw, resource, group))
                except Malformed as problem:
                    refused.add(str(problem))
                except DecodeError:
                    refused.add("an item cannot be read as protobuf, or its text is not UTF-8")

    def _span_row(self, raw: bytes, resource: _Resource, group: Group) -> SpanRow:
        span = wire.Span.FromString(raw)
        trace_id, span_id, parent_id = span.trace_id, span.span_id, span.parent_span_id
        _check_id(trace_id, 16, _NO_TRACE, "trace id")
        _check_id(span_id, 8, _NO_SPAN, "span id")
        if parent_id:
            if len(parent_id) != 8:
                raise Malformed(f"a parent span id has {len(parent_id)} bytes instead of 8")
            if parent_id == _NO_SPAN:
                parent_id = b""
        start, end = span.start_unix_nano, span.end_unix_nano
        _check_time(start, "start time")
        if end > LATEST_UNIX_NANO:
            raise Malformed("a span's end time is after the year 2200")
        if span.events or span.links:
            # Not used here, but readers parse the stored bytes as a whole: they must be valid.
            trace_pb2.Span.FromString(raw)
        pairs = self._pairs(span.attributes)
        attributes = {key: value for key, value, _ in pairs}
        kind = span.kind if 0 <= span.kind <= 5 else 0
        name = span.name
        browser = resource.browser or is_browser(attributes, _NO_ATTRIBUTES)
        peer, database = semantics.peer_of(kind, attributes)
        return SpanRow(
            trace_id,
            span_id,
            parent_id,
            _app_of(attributes, resource) if browser else resource.service or "unknown_service",
            name,
            kind,
            start,
            max(end - start, 0),
            semantics.is_error(span.status.code, attributes),
            peer,
            database,
            session_of(attributes, resource.attributes) if browser else "",
            browser,
            semantics.tags_of(name, attributes, resource.attributes, browser=True)
            if browser
            else _tags(pairs, resource),
            group.resource,
            group.scope,
            raw,
        )

    def _log_row(self, raw: bytes, resource: _Resource, group: Group) -> LogRow:
        record = wire.LogRecord.FromString(raw)
        trace_id, span_id = record.trace_id, record.span_id
        if trace_id and len(trace_id) != 16:
            raise Malformed(f"a log record's trace id has {len(trace_id)} bytes instead of 16")
        if span_id and len(span_id) != 8:
            raise Malformed(f"a log record's span id has {len(span_id)} bytes instead of 8")
        time_ns = record.time_unix_nano or record.observed_unix_nano or self._now_unix_nano()
        _check_time(time_ns, "log record's time")
        attributes = {key: value for key, value, _ in self._pairs(record.attributes)}
        event = event_name_of(record.event_name, attributes)
        body = _value(common_pb2.AnyValue.FromString(record.body)) if record.body else event
        return LogRow(
            time_ns,
            severity_number_of(record.severity_number, record.severity_text),
            text_of(body),
            resource.service,
            b"" if trace_id == _NO_TRACE else trace_id,
            b"" if span_id == _NO_SPAN else span_id,
            session_of(attributes, resource.attributes),
            group.resource,
            group.scope,
            raw,
            event,
        )

    def _pairs(self, raw_pairs: Sequence[bytes]) -> list[_Pair]:
        known = self._attributes
        # From the end, so that the first of two equal keys wins, as it does for readers.
        backwards = raw_pairs[::-1]
        try:
            return [known[raw] for raw in backwards]
        except KeyError:
            return [known.get(raw) or self._parse_pair(raw) for raw in backwards]

    def _parse_pair(self, raw: bytes) -> _Pair:
        pair = common_pb2.KeyValue.FromString(raw)
        key, value = pair.key, _value(pair.value)
        tag = None
        if key in _PROMOTED and value is not None:
            tag = semantics.promoted_of({key: value}, _NO_ATTRIBUTES).get(key, "")
        pair_with_tag = _Pair(key, value, tag)
        if len(raw) <= _CACHED_ATTRIBUTE_BYTES:
            if len(self._attributes) >= _CACHED_ATTRIBUTES:
                self._attributes.clear()
            self._attributes[raw] = pair_with_tag
        return pair_with_tag

    def _resource(self, raw: bytes) -> _Resource | Malformed:
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

    def _read_resource(self, raw: bytes) -> _Resource | Malformed:
        try:
            resource = resource_pb2.Resource.FromString(raw)
            attributes = {pair.key: _value(pair.value) for pair in resource.attributes}
        except DecodeError:
            return Malformed("a resource cannot be read as protobuf, or its text is not UTF-8")
        except Malformed as problem:
            return problem
        return _Resource(
            attributes,
            text_of(attributes.get("service.name")),
            semantics.promoted_of(_NO_ATTRIBUTES, attributes),
            is_browser(_NO_ATTRIBUTES, attributes),
        )

    def _scope_problem(self, raw: bytes) -> Malformed | None:
        try:
            return self._scopes[raw]
        except KeyError:
            pass
        problem = None
        try:
            common_pb2.InstrumentationScope.FromString(raw)
        except DecodeError:
            problem = Malformed("a scope cannot be read as protobuf, or its text is not UTF-8")
        if len(raw) <= _CACHED_RESOURCE_BYTES:
            with self._guard:
                self._scopes[raw] = problem
        return problem


def protobuf_groups(body: bytes) -> list[Group]:
    """The groups of an OTLP export request of any signal. Raises Undecodable."""
    try:
        request = wire.Request.FromString(body)
    except DecodeError as error:
        raise Undecodable("the body is not an OTLP export request in protobuf") from error
    return [
        Group(resourced.resource, scoped.scope, scoped.items)
        for resourced in request.resourced
        for scoped in resourced.scoped
    ]


def _check_id(value: bytes, length: int, zero: bytes, what: str) -> None:
    if len(value) != length:
        raise Malformed(f"a {what} has {len(value)} bytes instead of {length}")
    if value == zero:
        raise Malformed(f"a {what} is all zeros")


def _check_time(value_unix_nano: int, what: str) -> None:
    if not value_unix_nano:
        raise Malformed(f"a {what} is missing")
    if value_unix_nano < EARLIEST_UNIX_NANO:
        raise Malformed(f"a {what} is before the year 2000: it must be in nanoseconds")
    if value_unix_nano > LATEST_UNIX_NANO:
        raise Malformed(f"a {what} is after the year 2200")


def _tags(pairs: Iterable[_Pair], resource: _Resource) -> dict[str, str]:
    """The same as `semantics.tags_of` of a backend's span, from the cached attributes."""
    tags = dict(resource.tags)
    for key, _, tag in pairs:
        if tag:
            tags[key] = tag
        elif tag is not None:
            tags.pop(key, None)
    return tags


def _app_of(attributes: Attributes, resource: _Resource) -> str:
    app = attributes.get("app") or resource.attributes.get("app")
    return text_of(app) if app else resource.service


def _value(value: Any, depth: int = 0) -> Attribute:
    """An AnyValue as a Python value. Raises Malformed if it nests deeper than MAX_DEPTH."""
    which = value.WhichOneof("value")
    if which == "string_value":
        text: str = value.string_value
        return text
    if which is None:
        return None
    if which not in ("array_value", "kvlist_value"):
        plain: Attribute = getattr(value, which)
        return plain
    if depth >= MAX_DEPTH:
        raise Malformed(f"an attribute's value nests deeper than {MAX_DEPTH}")
    if which == "array_value":
        return [_value(each, depth + 1) for each in value.array_value.values]
    return {each.key: _value(each.value, depth + 1) for each in value.kvlist_value.values}
