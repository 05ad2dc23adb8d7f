"""Input of a writer: rows in which little is decoded and the raw message is kept unchanged.

Times are integer nanoseconds since the Unix epoch (`_unix_nano`) or durations
(`_ns`); ids are raw bytes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from google.protobuf.wrappers_pb2 import StringValue
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope

from store.attribute_names import AttributeNames
from store.metric_rows import MetricRow

_SCHEMA_URL_FIELD: Final = 1500
_SCHEMA_URL_TAG: Final = bytes((0xE2, 0x5D))
"""The tag of that field, of bytes: 1500 << 3 | 2 as a varint."""


def with_schema_url(body: bytes, url: bytes) -> bytes:
    """A serialized Resource or InstrumentationScope that carries the schema URL beside it.

    OTLP puts the URL next to the message; here it is one more field, which those who do not
    know it skip. Bytes that are not UTF-8 become U+FFFD. Without a URL, the body unchanged.
    """
    if not url:
        return body
    # The wrapper writes its field's length and text after a tag of one byte.
    return body + _SCHEMA_URL_TAG + StringValue(value=url.decode("utf-8", "replace")).SerializeToString()[1:]


def schema_url_of(body: bytes) -> str:
    """The schema URL that `with_schema_url` added; empty without one."""
    if _SCHEMA_URL_TAG not in body:
        return ""
    try:
        fields = UnknownFieldSet(Empty.FromString(body))
    except DecodeError:
        return ""
    found = ""
    for each in (fields[at] for at in range(len(fields))):
        if each.field_number == _SCHEMA_URL_FIELD and isinstance(each.data, bytes):
            found = each.data.decode("utf-8", "replace")
    return found


@lru_cache(maxsize=1024)
def scope_name_of(body: bytes) -> str:
    """The name of a serialized InstrumentationScope; empty if it has none or cannot be read."""
    try:
        return InstrumentationScope.FromString(body).name
    except DecodeError:
        return ""


class SpanRow(NamedTuple):
    """One span to be stored.

    `raw` is the `opentelemetry.proto.trace.v1.Span` message as it arrived (or, for
    Zipkin beacons and JSON, as it was converted); `resource` and `scope` are the
    serialized `Resource` and `InstrumentationScope` messages (see `with_schema_url`),
    which engines store once. `tags` holds the promoted attributes (`signals.semantics.PROMOTED`) that the
    span or its resource has, as text.
    """

    trace_id: bytes
    """16 bytes; 64-bit ids are padded with zeros at the left."""
    span_id: bytes
    """8 bytes."""
    parent_span_id: bytes
    """8 bytes, empty for a root."""
    service: str
    name: str
    kind: int
    start_unix_nano: int
    duration_ns: int
    """Never negative: a span that ends before it starts is stored with 0."""
    error: bool
    """Status ERROR, or a truthy `error` attribute."""
    peer: str
    """What the span calls, or empty: see `signals.semantics.peer_of`."""
    peer_is_database: bool
    session_id: str
    """Not empty if and only if this is a browser span with a session."""
    browser: bool
    """A browser span counts in no measure of the backend."""
    tags: Mapping[str, str]
    resource: bytes
    scope: bytes
    raw: bytes
    clock_shift_ns: int = 0
    """What was added to the start that `raw` claims, as its sender's clock was wrong."""


class LogRow(NamedTuple):
    """One log record to be stored; `raw` is the `opentelemetry.proto.logs.v1.LogRecord`."""

    time_unix_nano: int
    """`time_unix_nano`, else the observed time, else the time of arrival."""
    severity_number: int
    body: str
    """The body as text: a string unchanged, anything else as JSON."""
    service: str
    trace_id: bytes
    """16 bytes, or empty."""
    span_id: bytes
    """8 bytes, or empty."""
    session_id: str
    resource: bytes
    scope: bytes
    raw: bytes
    event: str = ""
    """The name of the event that the record is (`signals.deployments.event_name_of`), or empty."""


class TooManySeries(NamedTuple):
    """Why points of new series were refused."""

    metric: str
    """The metric that has too many; empty where all metrics together have."""
    message: str
    """A sentence that names the metric of the points, and the remedy."""


@dataclass(slots=True)
class Batch:
    """The content of one request of a sender: committed whole or not at all."""

    spans: Sequence[SpanRow] = ()
    logs: Sequence[LogRow] = ()
    metrics: Sequence[MetricRow] = ()
    rejected: int = 0
    """Items refused as malformed: counted and not kept."""
    arrived_unix_nano: int = 0
    """When it was received: times that do not fit it are moved (docs/adr/020-senders-clock.md). Or 0."""
    names: AttributeNames | None = None
    """All names of attributes of its spans and logs, and perhaps others; None if they are not known."""
    is_placed: bool = False
    """Set by the writer: its times are those at which it is filed."""
    repeated: int = 0
    """Set by the writer: spans that were kept already, exactly as they came again."""
    differing: int = 0
    """Set by the writer: spans whose id is that of a span with other content; counted and not kept."""
    first_differing: SpanRow | None = None
    """Set by the writer: the first of these."""
    repeated_points: int = 0
    """Set by the writer: points of a series and time that were kept already."""
    folded: Mapping[TooManySeries, int] = field(default_factory=dict)
    """Set by the writer: points of new series beyond a bound, which were refused, by the reason."""

    def __len__(self) -> int:
        return len(self.spans) + len(self.logs) + len(self.metrics)
