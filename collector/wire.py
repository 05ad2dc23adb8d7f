"""Minimal definitions of OTLP's messages.

Protobuf skips fields that a message definition does not name, so a definition of our
own on OTLP's tags parses a span three times as fast as the full one: attributes,
events and links stay raw bytes, and a whole span stays one byte string that is
stored as it arrived.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_F = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "hipsterlab.wire"

# message -> field -> (tag, type, repeated); a type that is a string names a message.
_MESSAGES: dict[str, dict[str, tuple[int, Any, bool]]] = {
    "Scoped": {
        "scope": (1, _F.TYPE_BYTES, False),
        "items": (2, _F.TYPE_BYTES, True),
        "schema_url": (3, _F.TYPE_BYTES, False),
    },
    "Resourced": {
        "resource": (1, _F.TYPE_BYTES, False),
        "scoped": (2, "Scoped", True),
        "schema_url": (3, _F.TYPE_BYTES, False),
        # `instrumentation_library_spans`, which senders of 2022 wrote beside or instead of `scope_spans`.
        "old_scoped": (1000, "Scoped", True),
    },
    "Request": {"resourced": (1, "Resourced", True)},
    # The same with the parts unread, for a request of which one part cannot be read.
    "ResourcedParts": {
        "resource": (1, _F.TYPE_BYTES, False),
        "scoped": (2, _F.TYPE_BYTES, True),
        "schema_url": (3, _F.TYPE_BYTES, False),
        "old_scoped": (1000, _F.TYPE_BYTES, True),
    },
    "RequestParts": {"resourced": (1, _F.TYPE_BYTES, True)},
    # A resource or a scope with its text and its attributes unread.
    "ResourceParts": {
        "attributes": (1, _F.TYPE_BYTES, True),
        "dropped_attributes_count": (2, _F.TYPE_UINT32, False),
    },
    "ScopeParts": {
        "name": (1, _F.TYPE_BYTES, False),
        "version": (2, _F.TYPE_BYTES, False),
        "attributes": (3, _F.TYPE_BYTES, True),
        "dropped_attributes_count": (4, _F.TYPE_UINT32, False),
    },
    "Pair": {"key": (1, _F.TYPE_BYTES, False), "value": (2, _F.TYPE_BYTES, False)},
    "Status": {"message": (2, _F.TYPE_STRING, False), "code": (3, _F.TYPE_INT32, False)},
    "Span": {
        "trace_id": (1, _F.TYPE_BYTES, False),
        "span_id": (2, _F.TYPE_BYTES, False),
        "trace_state": (3, _F.TYPE_STRING, False),
        "parent_span_id": (4, _F.TYPE_BYTES, False),
        "name": (5, _F.TYPE_STRING, False),
        "kind": (6, _F.TYPE_INT32, False),
        "start_unix_nano": (7, _F.TYPE_FIXED64, False),
        "end_unix_nano": (8, _F.TYPE_FIXED64, False),
        "attributes": (9, _F.TYPE_BYTES, True),
        "events": (11, _F.TYPE_BYTES, True),
        "links": (13, _F.TYPE_BYTES, True),
        "status": (15, "Status", False),
    },
    "LogRecord": {
        "time_unix_nano": (1, _F.TYPE_FIXED64, False),
        "severity_number": (2, _F.TYPE_INT32, False),
        "severity_text": (3, _F.TYPE_STRING, False),
        "body": (5, _F.TYPE_BYTES, False),
        "attributes": (6, _F.TYPE_BYTES, True),
        "trace_id": (9, _F.TYPE_BYTES, False),
        "span_id": (10, _F.TYPE_BYTES, False),
        "observed_unix_nano": (11, _F.TYPE_FIXED64, False),
        "event_name": (12, _F.TYPE_STRING, False),
    },
    "Metric": {
        "name": (1, _F.TYPE_STRING, False),
        "description": (2, _F.TYPE_STRING, False),
        "unit": (3, _F.TYPE_STRING, False),
        "gauge": (5, "Points", False),
        "sum": (7, "Points", False),
        "histogram": (9, "Points", False),
        "exponential_histogram": (10, "Points", False),
        "summary": (11, "Points", False),
    },
    "Points": {
        "points": (1, _F.TYPE_BYTES, True),
        "temporality": (2, _F.TYPE_INT32, False),
        "monotonic": (3, _F.TYPE_BOOL, False),
    },
    "NumberPoint": {
        "start_unix_nano": (2, _F.TYPE_FIXED64, False),
        "time_unix_nano": (3, _F.TYPE_FIXED64, False),
        "as_double": (4, _F.TYPE_DOUBLE, False),
        "exemplars": (5, _F.TYPE_BYTES, True),
        "as_int": (6, _F.TYPE_SFIXED64, False),
        "attributes": (7, _F.TYPE_BYTES, True),
        "flags": (8, _F.TYPE_UINT32, False),
    },
    "HistogramPoint": {
        "start_unix_nano": (2, _F.TYPE_FIXED64, False),
        "time_unix_nano": (3, _F.TYPE_FIXED64, False),
        "count": (4, _F.TYPE_FIXED64, False),
        "sum": (5, _F.TYPE_DOUBLE, False),
        "buckets": (6, _F.TYPE_FIXED64, True),
        "bounds": (7, _F.TYPE_DOUBLE, True),
        "exemplars": (8, _F.TYPE_BYTES, True),
        "attributes": (9, _F.TYPE_BYTES, True),
        "flags": (10, _F.TYPE_UINT32, False),
        "min": (11, _F.TYPE_DOUBLE, False),
        "max": (12, _F.TYPE_DOUBLE, False),
    },
    "Buckets": {"offset": (1, _F.TYPE_SINT32, False), "counts": (2, _F.TYPE_UINT64, True)},
    "ExponentialPoint": {
        "attributes": (1, _F.TYPE_BYTES, True),
        "start_unix_nano": (2, _F.TYPE_FIXED64, False),
        "time_unix_nano": (3, _F.TYPE_FIXED64, False),
        "count": (4, _F.TYPE_FIXED64, False),
        "sum": (5, _F.TYPE_DOUBLE, False),
        "scale": (6, _F.TYPE_SINT32, False),
        "zero_count": (7, _F.TYPE_FIXED64, False),
        "positive": (8, "Buckets", False),
        "negative": (9, "Buckets", False),
        "flags": (10, _F.TYPE_UINT32, False),
        "exemplars": (11, _F.TYPE_BYTES, True),
        "min": (12, _F.TYPE_DOUBLE, False),
        "max": (13, _F.TYPE_DOUBLE, False),
        "zero_threshold": (14, _F.TYPE_DOUBLE, False),
    },
    "Quantile": {"quantile": (1, _F.TYPE_DOUBLE, False), "value": (2, _F.TYPE_DOUBLE, False)},
    "SummaryPoint": {
        "start_unix_nano": (2, _F.TYPE_FIXED64, False),
        "time_unix_nano": (3, _F.TYPE_FIXED64, False),
        "count": (4, _F.TYPE_FIXED64, False),
        "sum": (5, _F.TYPE_DOUBLE, False),
        "quantiles": (6, "Quantile", True),
        "attributes": (7, _F.TYPE_BYTES, True),
        "flags": (8, _F.TYPE_UINT32, False),
    },
    "Exemplar": {
        "time_unix_nano": (2, _F.TYPE_FIXED64, False),
        "as_double": (3, _F.TYPE_DOUBLE, False),
        "span_id": (4, _F.TYPE_BYTES, False),
        "trace_id": (5, _F.TYPE_BYTES, False),
        "as_int": (6, _F.TYPE_SFIXED64, False),
        "attributes": (7, _F.TYPE_BYTES, True),
    },
}
# message -> oneof -> its fields. One of a single field makes a 0 that was sent differ from nothing.
_ONEOFS: dict[str, dict[str, tuple[str, ...]]] = {
    "Metric": {"data": ("gauge", "sum", "histogram", "exponential_histogram", "summary")},
    "NumberPoint": {"value": ("as_double", "as_int")},
    "Exemplar": {"value": ("as_double", "as_int")},
    "HistogramPoint": {"of_sum": ("sum",), "of_min": ("min",), "of_max": ("max",)},
    "ExponentialPoint": {"of_sum": ("sum",), "of_min": ("min",), "of_max": ("max",)},
}


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(name="hipsterlab/wire.proto", package=_PACKAGE, syntax="proto3")
    for name, wire_fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        places = {}
        for place, (oneof, members) in enumerate(_ONEOFS.get(name, {}).items()):
            message.oneof_decl.add(name=oneof)
            places.update(dict.fromkeys(members, place))
        for field_name, (tag, kind, repeated) in wire_fields.items():
            label = _F.LABEL_REPEATED if repeated else _F.LABEL_OPTIONAL
            if isinstance(kind, str):
                made = message.field.add(
                    name=field_name,
                    number=tag,
                    label=label,
                    type=_F.TYPE_MESSAGE,
                    type_name=f".{_PACKAGE}.{kind}",
                )
            else:
                made = message.field.add(name=field_name, number=tag, label=label, type=kind)
            if field_name in places:
                made.oneof_index = places[field_name]
    # A pool of its own, so that the names cannot collide with those of another package.
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


_made = _classes()
# Any: classes made at run time have no static type; their fields are listed above.
Request: Any = _made["Request"]
Resourced: Any = _made["Resourced"]
Scoped: Any = _made["Scoped"]
RequestParts: Any = _made["RequestParts"]
ResourcedParts: Any = _made["ResourcedParts"]
ResourceParts: Any = _made["ResourceParts"]
ScopeParts: Any = _made["ScopeParts"]
Pair: Any = _made["Pair"]
Span: Any = _made["Span"]
LogRecord: Any = _made["LogRecord"]
Metric: Any = _made["Metric"]
"""Its points are in the field of its kind: `signals.metrics.MetricKind`, by value."""
NumberPoint: Any = _made["NumberPoint"]
HistogramPoint: Any = _made["HistogramPoint"]
ExponentialPoint: Any = _made["ExponentialPoint"]
SummaryPoint: Any = _made["SummaryPoint"]
Exemplar: Any = _made["Exemplar"]
