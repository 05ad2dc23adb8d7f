"""Decodes stored bytes, only when they are needed.

Raw messages are stored unchanged, even unreadable ones: of those, nothing but the columns
beside them is known, and the functions here return empty details.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from types import MappingProxyType
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError, Message
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from signals.browser_events import SAMPLED
from signals.model import (
    NOTHING_DROPPED,
    Attribute,
    Attributes,
    Dropped,
    Event,
    Link,
    ResourceExtras,
    ScopeExtras,
    SpanId,
    StatusCode,
    TraceId,
)
from store.rows import schema_url_of

_MAX_DEPTH = 32
"""As deep as the collector accepts; deeper values come from other writers only."""


class SpanDetail(NamedTuple):
    """What a raw span holds that no column has."""

    status: StatusCode = StatusCode.UNSET
    status_message: str = ""
    attributes: Attributes = MappingProxyType({})
    events: tuple[Event, ...] = ()
    links: tuple[Link, ...] = ()
    trace_state: str = ""
    flags: int = 0
    dropped: Dropped = NOTHING_DROPPED
    start_unix_nano: int = 0
    """As the sender claims it, like `end_unix_nano`; 0 where it is missing or unreadable."""
    end_unix_nano: int = 0


class Scope(NamedTuple):
    """The instrumentation library that made a span or a log."""

    name: str
    version: str
    extras: ScopeExtras


_EMPTY = SpanDetail()


def value_of(message: AnyValue, depth: int = 0) -> Attribute:
    """An AnyValue in Python; values nested deeper than 32 levels are None."""
    which = message.WhichOneof("value")
    if which is None or depth > _MAX_DEPTH:
        return None
    if which == "string_value":
        # Nearly all are: asking by name takes longer.
        return message.string_value
    if which == "array_value":
        return [value_of(value, depth + 1) for value in message.array_value.values]
    if which == "kvlist_value":
        return _first_wins(
            (pair.key, value_of(pair.value, depth + 1)) for pair in message.kvlist_value.values
        )
    plain: str | bool | int | float | bytes = getattr(message, which)
    return plain


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, Attribute]:
    """Key-value messages as a dictionary; of a key that comes twice, the first stays, as within maps."""
    found: dict[str, Attribute] = {}
    for pair in pairs:
        value = pair.value
        # Nearly all are texts, and not empty: asking which kind one is takes as long as all else.
        found.setdefault(pair.key, value.string_value or value_of(value))
    return found


def _first_wins(pairs: Iterable[tuple[str, Attribute]]) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found


def span_detail(raw: bytes) -> SpanDetail:
    """The detail of a stored span."""
    try:
        message = SpanMessage.FromString(raw)
    except DecodeError:
        return _EMPTY
    code = int(message.status.code)
    return SpanDetail(
        status=StatusCode(code) if code in (0, 1, 2) else StatusCode.UNSET,
        status_message=message.status.message,
        attributes=attributes_of(message.attributes),
        events=_events_of(message) if message.events else (),
        links=_links_of(message) if message.links else (),
        trace_state=message.trace_state,
        flags=message.flags,
        dropped=_dropped(message),
        start_unix_nano=message.start_time_unix_nano,
        end_unix_nano=message.end_time_unix_nano,
    )


def _events_of(message: SpanMessage) -> tuple[Event, ...]:
    return tuple(
        Event(
            event.name,
            event.time_unix_nano,
            attributes_of(event.attributes),
            event.dropped_attributes_count,
        )
        for event in message.events
    )


def _links_of(message: SpanMessage) -> tuple[Link, ...]:
    return tuple(
        Link(
            TraceId(link.trace_id.hex().rjust(32, "0")),
            SpanId(link.span_id.hex().rjust(16, "0")),
            attributes_of(link.attributes),
            link.trace_state,
            link.flags,
            link.dropped_attributes_count,
        )
        for link in message.links
    )


def _dropped(message: SpanMessage) -> Dropped:
    attributes, events, links = (
        message.dropped_attributes_count,
        message.dropped_events_count,
        message.dropped_links_count,
    )
    return Dropped(attributes, events, links) if attributes or events or links else NOTHING_DROPPED


_Stored = tuple[bytes, bytes | None, bytes | None]
"""A raw span, its resource and its scope."""


def is_same_span(one: _Stored, other: _Stored) -> bool:
    """Whether two stored spans say the same, although their bytes may differ."""
    return all(
        mine == theirs or _canonical(kind, mine) == _canonical(kind, theirs)
        for kind, mine, theirs in zip(_STORED_KINDS, one, other, strict=True)
    )


_STORED_KINDS: Final[tuple[type[Message], ...]] = (SpanMessage, Resource, InstrumentationScope)


def _canonical(kind: type[Message], body: bytes | None) -> bytes:
    try:
        return kind.FromString(body or b"").SerializeToString(deterministic=True)
    except DecodeError:
        return body or b""


def some_attributes(raw: bytes, names: frozenset[str]) -> Attributes:
    """The attributes of these names of a stored span: a third of the cost of all of them."""
    try:
        message = SpanMessage.FromString(raw)
    except DecodeError:
        return {}
    attributes: dict[str, Attribute] = {}
    for pair in message.attributes:
        key = pair.key
        if key in names:
            attributes.setdefault(key, value_of(pair.value))
    return attributes


def sampled_detail(raw: bytes) -> tuple[Attributes, dict[str, int], int]:
    """(attributes, event times by name) that `signals.browser_events.rum_samples` reads of a browser span,
    and the start that its sender claims, 0 where it is unreadable.
    """
    try:
        message = SpanMessage.FromString(raw)
    except DecodeError:
        return {}, {}, 0
    attributes: dict[str, Attribute] = {}
    for pair in message.attributes:
        key = pair.key
        if key in SAMPLED:
            attributes.setdefault(key, value_of(pair.value))
    events = {event.name: event.time_unix_nano for event in message.events}
    return attributes, events, message.start_time_unix_nano


class LogDetail(NamedTuple):
    """What a raw log record holds that no column has."""

    attributes: Attributes
    severity_text: str
    structured: Attribute
    """The body if it is a list or a map, else None."""
    event_name: str
    value: Attribute = None
    """The body as it was sent, of any type; None without one."""
    observed_unix_nano: int = 0
    flags: int = 0
    dropped_attributes: int = 0
    time_unix_nano: int = 0
    """As the sender claims it, else when it was observed; 0 where both are missing."""


def log_detail(raw: bytes) -> LogDetail:
    """The detail of a stored log record."""
    try:
        message = LogRecord.FromString(raw)
    except DecodeError:
        return LogDetail({}, "", None, "")
    value = value_of(message.body)
    return LogDetail(
        attributes_of(message.attributes),
        message.severity_text,
        value if isinstance(value, list | dict) else None,
        message.event_name,
        value,
        message.observed_time_unix_nano,
        message.flags,
        message.dropped_attributes_count,
        message.time_unix_nano or message.observed_time_unix_nano,
    )


def log_attributes(raw: bytes) -> Attributes:
    """The attributes of a stored log record."""
    try:
        return attributes_of(LogRecord.FromString(raw).attributes)
    except DecodeError:
        return {}


@lru_cache(maxsize=4096)
def resource_attributes(body: bytes) -> Attributes:
    """The attributes of a stored resource. Cached and shared: not to be changed."""
    try:
        return attributes_of(Resource.FromString(body).attributes)
    except DecodeError:
        return {}


@lru_cache(maxsize=4096)
def resource_extras(body: bytes) -> ResourceExtras:
    """What a stored resource carries beside its attributes."""
    try:
        dropped = Resource.FromString(body).dropped_attributes_count
    except DecodeError:
        return ResourceExtras()
    return ResourceExtras(dropped, schema_url_of(body))


@lru_cache(maxsize=4096)
def scope_of(body: bytes) -> Scope:
    """A stored instrumentation scope. Cached and shared: its attributes are not to be changed."""
    try:
        message = InstrumentationScope.FromString(body)
    except DecodeError:
        return Scope("", "", ScopeExtras())
    extras = ScopeExtras(
        attributes_of(message.attributes), message.dropped_attributes_count, schema_url_of(body)
    )
    return Scope(message.name, message.version, extras)
