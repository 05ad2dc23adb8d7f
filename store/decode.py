"""Stored bytes into answers, only when somebody asks for them.

The one place that reads `opentelemetry.proto` messages. A message that cannot be
read (it was stored as it came) gives what was extracted beside it and no more.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from signals.browser_events import SAMPLED
from signals.model import Attribute, Attributes, Event, Link, SpanId, StatusCode, TraceId

_MAX_DEPTH = 32


class SpanDetail(NamedTuple):
    """What is in a raw span and in no column."""

    status: StatusCode
    status_message: str
    attributes: Attributes
    events: tuple[Event, ...]
    links: tuple[Link, ...]


class Scope(NamedTuple):
    """The library that made a span or a log."""

    name: str
    version: str


_NOTHING = SpanDetail(StatusCode.UNSET, "", {}, (), ())


def value_of(message: AnyValue, depth: int = 0) -> Attribute:
    """An AnyValue in Python; nesting deeper than 32 levels is cut to nothing."""
    which = message.WhichOneof("value")
    if which is None or depth > _MAX_DEPTH:
        return None
    if which == "array_value":
        return [value_of(value, depth + 1) for value in message.array_value.values]
    if which == "kvlist_value":
        return {pair.key: value_of(pair.value, depth + 1) for pair in message.kvlist_value.values}
    plain: str | bool | int | float | bytes = getattr(message, which)
    return plain


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, Attribute]:
    """Key-value messages as a dictionary; of a key that comes twice, the first stays."""
    attributes: dict[str, Attribute] = {}
    for pair in pairs:
        attributes.setdefault(pair.key, value_of(pair.value))
    return attributes


def span_detail(raw: bytes) -> SpanDetail:
    """The detail of a stored span."""
    try:
        message = SpanMessage.FromString(raw)
    except DecodeError:
        return _NOTHING
    code = int(message.status.code)
    return SpanDetail(
        status=StatusCode(code) if code in (0, 1, 2) else StatusCode.UNSET,
        status_message=message.status.message,
        attributes=attributes_of(message.attributes),
        events=tuple(
            Event(event.name, event.time_unix_nano, attributes_of(event.attributes))
            for event in message.events
        ),
        links=tuple(
            Link(
                TraceId(link.trace_id.hex().rjust(32, "0")),
                SpanId(link.span_id.hex()),
                attributes_of(link.attributes),
            )
            for link in message.links
        ),
    )


def some_attributes(raw: bytes, names: frozenset[str]) -> Attributes:
    """Of a stored span, the attributes of these names alone: a third of the cost of all of them."""
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


def sampled_detail(raw: bytes) -> tuple[Attributes, dict[str, int]]:
    """What `signals.browser_events.rum_samples` looks at of a browser span: attributes, event times."""
    try:
        message = SpanMessage.FromString(raw)
    except DecodeError:
        return {}, {}
    attributes: dict[str, Attribute] = {}
    for pair in message.attributes:
        key = pair.key
        if key in SAMPLED:
            attributes.setdefault(key, value_of(pair.value))
    return attributes, {event.name: event.time_unix_nano for event in message.events}


class LogDetail(NamedTuple):
    """What is in a raw log record and in no column."""

    attributes: Attributes
    severity_text: str
    structured: Attribute
    """The body where it is a list or a map, else None."""


def log_detail(raw: bytes) -> LogDetail:
    """The detail of a stored log record."""
    try:
        message = LogRecord.FromString(raw)
    except DecodeError:
        return LogDetail({}, "", None)
    plain = message.body.WhichOneof("value") not in ("array_value", "kvlist_value")
    structured = None if plain else value_of(message.body)
    return LogDetail(attributes_of(message.attributes), message.severity_text, structured)


def log_attributes(raw: bytes) -> Attributes:
    """The attributes of a stored log record."""
    try:
        return attributes_of(LogRecord.FromString(raw).attributes)
    except DecodeError:
        return {}


@lru_cache(maxsize=4096)
def resource_attributes(body: bytes) -> Attributes:
    """The attributes of a stored resource. Shared between answers: not to be changed."""
    try:
        return attributes_of(Resource.FromString(body).attributes)
    except DecodeError:
        return {}


@lru_cache(maxsize=4096)
def scope_of(body: bytes) -> Scope:
    """The name and version of a stored instrumentation scope."""
    try:
        message = InstrumentationScope.FromString(body)
    except DecodeError:
        return Scope("", "")
    return Scope(message.name, message.version)
