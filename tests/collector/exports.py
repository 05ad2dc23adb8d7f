"""Random exports, valid and half-valid: what is sent, in which encoding, and what must be found again."""

from __future__ import annotations

import base64
import itertools
import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector import wire
from signals.model import Attribute

_IDS = itertools.count(time.time_ns())
"""Trace ids are new in every example, so that one store serves them all."""
_UINT32 = st.integers(0, 2**32 - 1)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
"""Any Unicode text, NUL and line breaks included."""
PLAIN: st.SearchStrategy[Attribute] = st.one_of(
    TEXT,
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.sampled_from([2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]),
    st.floats(),
    st.binary(max_size=8),
    st.none(),
)
VALUES: st.SearchStrategy[Attribute] = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.lists(st.tuples(TEXT, inner), max_size=3).map(lambda pairs: dict(pairs)),
    ),
    max_leaves=6,
)
PAIRS = st.lists(st.tuples(TEXT.map(lambda text: f"k{text}"), VALUES), max_size=4)
"""Attributes, in which a key may come twice. None of them has a meaning."""


def first_wins(pairs: Sequence[tuple[str, Attribute]]) -> dict[str, Attribute]:
    """What readers find of attributes."""
    found: dict[str, Attribute] = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found


@dataclass
class Event:
    name: str
    time: int
    pairs: list[tuple[str, Attribute]]
    dropped: int


@dataclass
class Link:
    trace: bytes
    span: bytes
    state: str
    pairs: list[tuple[str, Attribute]]
    flags: int
    dropped: int


@dataclass
class Item:
    """A span or a log record as it is meant; `spoiled` says that a field of it was made invalid."""

    trace: bytes
    span: bytes
    name: str
    start: int
    end: int
    pairs: list[tuple[str, Attribute]]
    dropped: tuple[int, int, int]
    flags: int
    state: str = ""
    kind: int = 0
    status: tuple[int, str] = (0, "")
    events: list[Event] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    body: Attribute = None
    severity: tuple[int, str] = (0, "")
    spoil: Callable[[Any], Any] | None = None


@dataclass
class Export:
    """One request: one resource, one scope, items."""

    resource: list[tuple[str, Attribute]]
    scope: tuple[str, str]
    scope_pairs: list[tuple[str, Attribute]]
    schema_urls: tuple[str, str]
    items: list[Item]


_TIMES = st.integers(0, 60 * 10**9).map(lambda ago: time.time_ns() - ago)
_SPAN_IDS = st.binary(min_size=8, max_size=8)
_EVENTS = st.builds(Event, TEXT, _TIMES, PAIRS, _UINT32)
_LINKS = st.builds(
    Link,
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=8, max_size=8),
    TEXT,
    PAIRS,
    _UINT32,
    _UINT32,
)


def _ids() -> st.SearchStrategy[bytes]:
    return st.builds(lambda: next(_IDS).to_bytes(16, "big"))


def items(spoiling: Sequence[Callable[[Any], Any]]) -> st.SearchStrategy[Item]:
    """Items, of which about every third is spoiled in one of these ways."""
    return st.builds(
        Item,
        trace=_ids(),
        span=_SPAN_IDS.filter(any),
        name=TEXT,
        start=_TIMES,
        end=_TIMES,
        pairs=PAIRS,
        dropped=st.tuples(_UINT32, _UINT32, _UINT32),
        flags=_UINT32,
        state=TEXT,
        kind=st.integers(0, 5),
        status=st.tuples(st.integers(0, 2), TEXT),
        events=st.lists(_EVENTS, max_size=2),
        links=st.lists(_LINKS, max_size=2),
        body=VALUES,
        severity=st.tuples(st.integers(0, 24), TEXT),
        spoil=st.one_of(st.none(), st.none(), st.sampled_from(spoiling)),
    )


def exports(spoiling: Sequence[Callable[[Any], Any]]) -> st.SearchStrategy[Export]:
    """Exports of up to five items."""
    return st.builds(
        Export,
        resource=PAIRS.map(lambda pairs: [("service.name", "property"), *pairs]),
        scope=st.tuples(TEXT, TEXT),
        scope_pairs=PAIRS,
        schema_urls=st.tuples(TEXT, TEXT),
        items=st.lists(items(spoiling), min_size=1, max_size=5),
    )


def any_value(value: Attribute) -> AnyValue:
    """The protobuf message of a value."""
    made = AnyValue()
    if isinstance(value, bool):
        made.bool_value = value
    elif isinstance(value, str):
        made.string_value = value
    elif isinstance(value, int):
        made.int_value = value
    elif isinstance(value, float):
        made.double_value = value
    elif isinstance(value, bytes):
        made.bytes_value = value
    elif isinstance(value, Mapping):
        made.kvlist_value.SetInParent()
        made.kvlist_value.values.extend(key_values(list(value.items())))
    elif value is not None:
        made.array_value.SetInParent()
        made.array_value.values.extend(any_value(each) for each in value)
    return made


def key_values(pairs: Sequence[tuple[str, Attribute]]) -> list[KeyValue]:
    """The protobuf messages of attributes."""
    return [KeyValue(key=key, value=any_value(value)) for key, value in pairs]


def span_message(item: Item) -> bytes:
    """A span in protobuf."""
    made = Span(
        trace_id=item.trace,
        span_id=item.span,
        name=item.name,
        start_time_unix_nano=item.start,
        end_time_unix_nano=item.end,
        attributes=key_values(item.pairs),
        dropped_attributes_count=item.dropped[0],
        dropped_events_count=item.dropped[1],
        dropped_links_count=item.dropped[2],
        flags=item.flags,
        trace_state=item.state,
    )
    made.kind = item.kind  # type: ignore[assignment]  # enums are numbers
    made.status.code, made.status.message = item.status  # type: ignore[assignment]
    for event in item.events:
        made.events.add(
            name=event.name,
            time_unix_nano=event.time,
            attributes=key_values(event.pairs),
            dropped_attributes_count=event.dropped,
        )
    for link in item.links:
        made.links.add(
            trace_id=link.trace,
            span_id=link.span,
            trace_state=link.state,
            attributes=key_values(link.pairs),
            flags=link.flags,
            dropped_attributes_count=link.dropped,
        )
    return made.SerializeToString()


def log_message(item: Item) -> bytes:
    """A log record in protobuf."""
    made = LogRecord(
        time_unix_nano=item.start,
        observed_time_unix_nano=item.end,
        severity_text=item.severity[1],
        body=any_value(item.body),
        attributes=key_values(item.pairs),
        dropped_attributes_count=item.dropped[0],
        flags=item.flags,
        trace_id=item.trace,
        span_id=item.span,
        event_name=item.name,
    )
    made.severity_number = item.severity[0]  # type: ignore[assignment]
    return made.SerializeToString()


def protobuf(export: Export, message: Callable[[Item], bytes]) -> bytes:
    """The request in protobuf, with spoiled items as they are."""
    scope = InstrumentationScope(
        name=export.scope[0], version=export.scope[1], attributes=key_values(export.scope_pairs)
    )
    raw = [item.spoil(message(item)) if item.spoil else message(item) for item in export.items]
    scoped = wire.Scoped(
        scope=scope.SerializeToString(), items=raw, schema_url=export.schema_urls[1].encode()
    )
    resourced = wire.Resourced(
        resource=Resource(attributes=key_values(export.resource)).SerializeToString(),
        scoped=[scoped],
        schema_url=export.schema_urls[0].encode(),
    )
    body: bytes = wire.Request(resourced=[resourced]).SerializeToString()
    return body


def json_value(value: Attribute) -> dict[str, Any]:
    """The AnyValue of a value in OTLP's JSON; whole numbers as text or as numbers, by their parity."""
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, int):
        return {"intValue": value if value % 2 else str(value)}
    if isinstance(value, float):
        words = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return {"doubleValue": value if math.isfinite(value) else words}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": json_pairs(list(value.items()))}}
    return {"arrayValue": {"values": [json_value(each) for each in value]}}


def json_pairs(pairs: Sequence[tuple[str, Attribute]]) -> list[dict[str, Any]]:
    """Attributes in OTLP's JSON."""
    return [{"key": key, "value": json_value(value)} for key, value in pairs]


def span_document(item: Item) -> dict[str, Any]:
    """A span in OTLP's JSON."""
    return {
        "traceId": item.trace.hex(),
        "spanId": item.span.hex().upper(),
        "name": item.name,
        "kind": item.kind,
        "startTimeUnixNano": str(item.start),
        "end_time_unix_nano": item.end,
        "attributes": json_pairs(item.pairs),
        "droppedAttributesCount": item.dropped[0],
        "droppedEventsCount": item.dropped[1],
        "droppedLinksCount": item.dropped[2],
        "flags": item.flags,
        "traceState": item.state,
        "status": {"code": item.status[0], "message": item.status[1]},
        "events": [
            {
                "name": event.name,
                "timeUnixNano": str(event.time),
                "attributes": json_pairs(event.pairs),
                "droppedAttributesCount": event.dropped,
            }
            for event in item.events
        ],
        "links": [
            {
                "traceId": link.trace.hex(),
                "spanId": link.span.hex(),
                "traceState": link.state,
                "attributes": json_pairs(link.pairs),
                "flags": link.flags,
                "droppedAttributesCount": link.dropped,
            }
            for link in item.links
        ],
    }


def log_document(item: Item) -> dict[str, Any]:
    """A log record in OTLP's JSON."""
    return {
        "timeUnixNano": str(item.start),
        "observedTimeUnixNano": item.end,
        "severityNumber": item.severity[0],
        "severityText": item.severity[1],
        "body": json_value(item.body),
        "attributes": json_pairs(item.pairs),
        "droppedAttributesCount": item.dropped[0],
        "flags": item.flags,
        "traceId": item.trace.hex(),
        "spanId": item.span.hex(),
        "eventName": item.name,
    }


def otlp_json(export: Export, signal: str, document: Callable[[Item], dict[str, Any]]) -> bytes:
    """The request in JSON, with spoiled items as they are."""
    name, list_name = {"traces": ("Spans", "spans"), "logs": ("Logs", "logRecords")}[signal]
    found = [item.spoil(document(item)) if item.spoil else document(item) for item in export.items]
    scope = {
        "name": export.scope[0],
        "version": export.scope[1],
        "attributes": json_pairs(export.scope_pairs),
    }
    scoped = {"scope": scope, list_name: found, "schemaUrl": export.schema_urls[1]}
    resourced = {
        "resource": {"attributes": json_pairs(export.resource)},
        f"scope{name}": [scoped],
        "schemaUrl": export.schema_urls[0],
    }
    return json.dumps({f"resource{name}": [resourced]}).encode()


def same(one: object, other: object) -> bool:
    """Whether two values are equal to the last bit, and of the same type."""
    if isinstance(one, float) and isinstance(other, float):
        return one.hex() == other.hex()
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and one == other
