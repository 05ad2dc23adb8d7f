"""Spans and log records as OTLP protobuf bytes, written directly.

The SDK's encoder builds a message object for every attribute and hashes the
resource for every item: 90 µs a span, more than everything else that a span
costs its process. Here each distinct attribute is encoded once and its bytes are
reused: 12 µs. `tests/services/test_otlp.py` holds the result against the SDK's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind

_REMEMBERED = 4096
_LONGEST_REMEMBERED = 200
_KINDS = {
    SpanKind.INTERNAL: 1,
    SpanKind.SERVER: 2,
    SpanKind.CLIENT: 3,
    SpanKind.PRODUCER: 4,
    SpanKind.CONSUMER: 5,
}
_IDS = struct.Struct("<2s16s2s8s").pack
_TIMES = struct.Struct("<cQcQ").pack
_FIXED64 = struct.Struct("<cQ").pack
_FIXED32 = struct.Struct("<2sI").pack
_DOUBLE = struct.Struct("<cd").pack
_HAS_IS_REMOTE = 0x100
_IS_REMOTE = 0x200


def _varint(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _field(tag: bytes, payload: bytes) -> bytes:
    length = len(payload)
    return tag + (bytes((length,)) if length < 0x80 else _varint(length)) + payload


def _text(tag: bytes, text: str | None) -> bytes:
    return _field(tag, text.encode("utf-8", "replace")) if text else b""


def _value(value: Any) -> bytes:
    """An `AnyValue`."""
    if isinstance(value, str):
        return _field(b"\x0a", value.encode("utf-8", "replace"))
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        if -(2**63) <= value < 2**63:
            return b"\x18" + _varint(value & 0xFFFFFFFFFFFFFFFF)
        return _value(str(value))
    if isinstance(value, float):
        return _DOUBLE(b"\x21", value)
    if isinstance(value, bytes):
        return _field(b"\x3a", value)
    if isinstance(value, Mapping):
        pairs = (_field(b"\x0a", _pair(str(key), item)) for key, item in value.items())
        return _field(b"\x32", b"".join(pairs))
    if isinstance(value, Sequence):
        return _field(b"\x2a", b"".join(_field(b"\x0a", _value(item)) for item in value))
    return b"" if value is None else _value(str(value))


def _pair(key: str, value: Any) -> bytes:
    """A `KeyValue`."""
    return _field(b"\x0a", key.encode("utf-8", "replace")) + _field(b"\x12", _value(value))


def _span_flags(context: SpanContext | None) -> int:
    return _HAS_IS_REMOTE | _IS_REMOTE if context is not None and context.is_remote else _HAS_IS_REMOTE


class Encoder:
    """Encodes batches; remembers the bytes of what repeats. One thread at a time."""

    def __init__(self) -> None:
        self._pairs: dict[tuple[bytes, str, type, Any], bytes] = {}
        self._wholes: dict[int, tuple[object, bytes]] = {}

    def spans(self, spans: Sequence[ReadableSpan]) -> bytes:
        """An `ExportTraceServiceRequest`."""
        return self._request(spans, self._span)

    def logs(self, records: Sequence[ReadableLogRecord]) -> bytes:
        """An `ExportLogsServiceRequest`."""
        return self._request(records, self._log)

    def _request(self, items: Iterable[Any], encode: Any) -> bytes:
        by_resource: dict[int, tuple[Any, dict[int, tuple[Any, list[bytes]]]]] = {}
        for item in items:
            resource, scope = item.resource, item.instrumentation_scope
            scopes = by_resource.setdefault(id(resource), (resource, {}))[1]
            scopes.setdefault(id(scope), (scope, []))[1].append(_field(b"\x12", encode(item)))
        out = []
        for resource, scopes in by_resource.values():
            parts = [_field(b"\x0a", self._whole(resource, self._resource))]
            for scope, encoded in scopes.values():
                head = _field(b"\x0a", self._whole(scope, self._scope)) if scope else b""
                tail = _text(b"\x1a", scope.schema_url) if scope else b""
                parts.append(_field(b"\x12", head + b"".join(encoded) + tail))
            parts.append(_text(b"\x1a", resource.schema_url))
            out.append(_field(b"\x0a", b"".join(parts)))
        return b"".join(out)

    def _whole(self, thing: Any, encode: Any) -> bytes:
        """The bytes of a resource or scope; the thing is kept so that its id stays its own."""
        known = self._wholes.get(id(thing))
        if known is None:
            known = self._wholes[id(thing)] = (thing, encode(thing))
        return known[1]

    def _resource(self, resource: Resource) -> bytes:
        return self._attributes(b"\x0a", resource.attributes)

    def _scope(self, scope: InstrumentationScope) -> bytes:
        return (
            _text(b"\x0a", scope.name)
            + _text(b"\x12", scope.version)
            + self._attributes(b"\x1a", scope.attributes)
        )

    def _attributes(self, tag: bytes, attributes: Mapping[str, Any] | None) -> bytes:
        if not attributes:
            return b""
        pairs = self._pairs
        out = []
        for key, value in attributes.items():
            if isinstance(value, str | int | float):
                name = (tag, key, value.__class__, value)
                encoded = pairs.get(name)
                if encoded is None:
                    encoded = _field(tag, _pair(key, value))
                    if not isinstance(value, str) or len(value) <= _LONGEST_REMEMBERED:
                        if len(pairs) >= _REMEMBERED:
                            pairs.clear()
                        pairs[name] = encoded
                out.append(encoded)
            else:
                out.append(_field(tag, _pair(key, value)))
        return b"".join(out)

    def _span(self, span: ReadableSpan) -> bytes:
        context = span.context
        assert context is not None
        parent = span.parent
        parts = [
            _IDS(
                b"\x0a\x10",
                context.trace_id.to_bytes(16, "big"),
                b"\x12\x08",
                context.span_id.to_bytes(8, "big"),
            )
        ]
        if context.trace_state:
            parts.append(_text(b"\x1a", context.trace_state.to_header()))
        if parent is not None:
            parts.append(b"\x22\x08" + parent.span_id.to_bytes(8, "big"))
        parts.append(_field(b"\x2a", span.name.encode("utf-8", "replace")))
        parts.append(bytes((0x30, _KINDS[span.kind])))
        parts.append(_TIMES(b"\x39", span.start_time or 0, b"\x41", span.end_time or 0))
        parts.append(self._attributes(b"\x4a", span.attributes))
        if span.events:
            parts.extend(_field(b"\x5a", self._event(event)) for event in span.events)
        if span.links:
            parts.extend(_field(b"\x6a", self._link(link)) for link in span.links)
        for tag, dropped in (
            (b"\x50", span.dropped_attributes),
            (b"\x60", span.dropped_events),
            (b"\x70", span.dropped_links),
        ):
            if dropped:
                parts.append(tag + _varint(dropped))
        status = span.status
        code = status.status_code.value
        message = _text(b"\x12", status.description)
        parts.append(_field(b"\x7a", message + bytes((0x18, code)) if code else message))
        parts.append(_FIXED32(b"\x85\x01", _span_flags(parent)))
        return b"".join(parts)

    def _event(self, event: Event) -> bytes:
        dropped = event.dropped_attributes
        return (
            _FIXED64(b"\x09", event.timestamp)
            + _text(b"\x12", event.name)
            + self._attributes(b"\x1a", event.attributes)
            + (b"\x20" + _varint(dropped) if dropped else b"")
        )

    def _link(self, link: Link) -> bytes:
        context = link.context
        return (
            _IDS(
                b"\x0a\x10",
                context.trace_id.to_bytes(16, "big"),
                b"\x12\x08",
                context.span_id.to_bytes(8, "big"),
            )
            + self._attributes(b"\x22", link.attributes)
            + _FIXED32(b"\x00\x35", _span_flags(context))[1:]
        )

    def _log(self, readable: ReadableLogRecord) -> bytes:
        record = readable.log_record
        parts = [_FIXED64(b"\x09", record.timestamp or 0)]
        if record.severity_number is not None:
            parts.append(bytes((0x10, record.severity_number.value)))
        parts.append(_text(b"\x1a", record.severity_text))
        parts.append(_field(b"\x2a", _value(record.body)))
        parts.append(self._attributes(b"\x32", record.attributes))
        if readable.dropped_attributes:
            parts.append(b"\x38" + _varint(readable.dropped_attributes))
        if record.trace_flags is not None:
            parts.append(_FIXED32(b"\x00\x45", int(record.trace_flags))[1:])
        if record.trace_id:
            parts.append(b"\x4a\x10" + record.trace_id.to_bytes(16, "big"))
        if record.span_id:
            parts.append(b"\x52\x08" + record.span_id.to_bytes(8, "big"))
        parts.append(_FIXED64(b"\x59", record.observed_timestamp or 0))
        parts.append(_text(b"\x62", record.event_name))
        return b"".join(parts)
