"""The words of the house: spans, logs, sessions, and what is said of them.

*Rows* are what a writer hands in: little is decoded, the rest stays as it came.
*Answers* are what a reader gives back: decoded, typed, frozen. Times are integer
nanoseconds since the Unix epoch (`_unix_nano`) or durations (`_ns`); ids are
lower-case hexadecimal in answers and raw bytes in rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import NamedTuple, NewType

TraceId = NewType("TraceId", str)
"""32 lower-case hexadecimal digits."""
SpanId = NewType("SpanId", str)
"""16 lower-case hexadecimal digits."""
SessionId = NewType("SessionId", str)
"""What `splunk.rumSessionId` or `session.id` carried, as it came."""

Attribute = str | bool | int | float | bytes | Sequence["Attribute"] | Mapping[str, "Attribute"] | None
"""An OpenTelemetry AnyValue in Python."""
Attributes = Mapping[str, Attribute]


class SpanKind(IntEnum):
    """OTLP's numbers."""

    UNSPECIFIED = 0
    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5

    @property
    def word(self) -> str:
        """`server`, `client`, `internal`, `producer` or `consumer`; unspecified counts as internal."""
        return "internal" if self is SpanKind.UNSPECIFIED else self.name.lower()


class StatusCode(IntEnum):
    """OTLP's numbers."""

    UNSET = 0
    OK = 1
    ERROR = 2


class SpanError(Enum):
    """Where an error stands in its trace: see `store.trace`."""

    NONE = "none"
    RECEIVED = "received"
    ORIGIN = "origin"


class Severity(Enum):
    """The six words of OpenTelemetry's severity numbers."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    FATAL = "fatal"

    @classmethod
    def of(cls, number: int) -> Severity:
        """The word for an OTLP severity number (1 to 24); 0, unspecified, counts as info."""
        return cls.INFO if number <= 0 else tuple(cls)[min(number - 1, 23) // 4]


class SpanRow(NamedTuple):
    """One span on its way in.

    `raw` is the `opentelemetry.proto.trace.v1.Span` message as it came (or, for
    Zipkin beacons and JSON, as it was converted); `resource` and `scope` are the
    serialized `Resource` and `InstrumentationScope` messages, which engines store
    once. `tags` holds the promoted attributes (`store.semantics.PROMOTED`) that the
    span or its resource has, as text.
    """

    trace_id: bytes
    """16 bytes; 64-bit ids are padded with zeros at the left."""
    span_id: bytes
    """8 bytes."""
    parent_span_id: bytes
    """8 bytes, or none for a root."""
    service: str
    name: str
    kind: int
    start_unix_nano: int
    duration_ns: int
    """Never negative: a span that ends before it starts is stored with 0."""
    error: bool
    """Status ERROR, or a truthy `error` attribute."""
    peer: str
    """Whom the span calls, or empty: see `store.semantics.peer_of`."""
    peer_is_database: bool
    session_id: str
    """Not empty if and only if this is a browser's span with a session."""
    browser: bool
    """A browser's span counts in nothing that is said of the backend."""
    tags: Mapping[str, str]
    resource: bytes
    scope: bytes
    raw: bytes


class LogRow(NamedTuple):
    """One log record on its way in; `raw` is the `opentelemetry.proto.logs.v1.LogRecord`."""

    time_unix_nano: int
    """`time_unix_nano`, else the observed time, else the time of arrival."""
    severity_number: int
    body: str
    """The body as text: a string as it is, anything else as JSON."""
    service: str
    trace_id: bytes
    """16 bytes, or none."""
    span_id: bytes
    """8 bytes, or none."""
    session_id: str
    resource: bytes
    scope: bytes
    raw: bytes


@dataclass(slots=True)
class Batch:
    """What one request of a sender carried: committed whole or not at all."""

    spans: Sequence[SpanRow] = ()
    logs: Sequence[LogRow] = ()
    metric_points: int = 0
    rejected: int = 0
    """Metric points, and items refused as malformed, are counted and not kept."""

    def __len__(self) -> int:
        return len(self.spans) + len(self.logs) + self.metric_points


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time: from ≤ t < to."""

    from_unix_nano: int
    to_unix_nano: int

    @property
    def duration_ns(self) -> int:
        return self.to_unix_nano - self.from_unix_nano

    def before(self) -> Window:
        """The window of the same length that ends where this one begins."""
        return Window(self.from_unix_nano - self.duration_ns, self.from_unix_nano)


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    time_unix_nano: int
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Link:
    trace_id: TraceId
    span_id: SpanId
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Span:
    """One span, whole, as it was received; says nothing about its place in the trace."""

    trace_id: TraceId
    span_id: SpanId
    parent_span_id: SpanId | None
    service: str
    name: str
    kind: SpanKind
    start_unix_nano: int
    duration_ns: int
    status: StatusCode
    status_message: str
    error: bool
    peer: str
    peer_is_database: bool
    session_id: SessionId | None
    browser: bool
    attributes: Attributes
    resource: Attributes
    scope: str
    events: tuple[Event, ...] = ()
    links: tuple[Link, ...] = ()
    scope_version: str = ""

    @property
    def end_unix_nano(self) -> int:
        return self.start_unix_nano + self.duration_ns


@dataclass(frozen=True, slots=True)
class Log:
    log_id: str
    """The store's own id: opaque, stable, and in order of arrival."""
    time_unix_nano: int
    severity: Severity
    severity_number: int
    body: str
    service: str
    trace_id: TraceId | None
    span_id: SpanId | None
    session_id: SessionId | None
    attributes: Attributes
    resource: Attributes
    scope: str
    severity_text: str = ""
    structured: Attribute = None
    """The body where it is a list or a map; `body` is then its JSON."""


@dataclass(frozen=True, slots=True)
class ServiceInTrace:
    name: str
    spans: int
    error: SpanError
    """The worst of its spans."""


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """A row of the trace list; browser and inferred spans take no part in it."""

    trace_id: TraceId
    service: str
    """The entry span's service; empty while only browser spans are here."""
    operation: str
    start_unix_nano: int
    duration_ns: int
    """From the first start to the last end of the backend's spans."""
    spans: int
    errors: int
    origin_errors: int
    services: tuple[ServiceInTrace, ...]
    """In order of first start."""
    session_id: SessionId | None
    complete: bool
    """False while a parent that a backend span names is missing, the entry's own excepted."""
    tags: Mapping[str, str]
    """Promoted attributes of the entry span."""


@dataclass(frozen=True, slots=True)
class SessionSummary:
    session_id: SessionId
    start_unix_nano: int
    duration_ns: int
    app: str
    environment: str
    page_views: int
    errors: int
    """JavaScript errors: see `store.semantics.rum_kind`."""
    network_errors: int
    events: int
    last_seen_unix_nano: int
    attributes: Mapping[str, str]
    """Promoted attributes, the newest value of each."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles from a histogram of log-spaced buckets; None where there is no sample."""

    p50_ns: int | None = None
    p75_ns: int | None = None
    p90_ns: int | None = None
    p99_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """How often, how bad, how slow."""

    requests: int = 0
    errors: int = 0
    origin_errors: int = 0
    latency: Latency = field(default_factory=Latency)


@dataclass(frozen=True, slots=True)
class MapNode:
    service: str
    inferred: bool
    database: bool
    measure: Measure


@dataclass(frozen=True, slots=True)
class MapEdge:
    source: str
    target: str
    measure: Measure
    """Seen from the caller: the client spans' counts and durations."""


@dataclass(frozen=True, slots=True)
class ServiceMap:
    """Who calls whom. A database that bears the name of another inferred service is `name (database)`."""

    nodes: tuple[MapNode, ...]
    """Sorted by name."""
    edges: tuple[MapEdge, ...]
    """Sorted by (source, target)."""


@dataclass(frozen=True, slots=True)
class Point:
    """One column of a time series."""

    start_unix_nano: int
    measure: Measure


@dataclass(frozen=True, slots=True)
class TagValue:
    value: str
    """Empty where the tag was absent."""
    measure: Measure


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Values of one tag, most requests first."""

    tag: str
    values: tuple[TagValue, ...]
    scanned: int = 0
    """0 if the answer came from rollups; else how many rows were read for it."""
    truncated: bool = False
    """The scan reached its bound: older rows were not counted, or values were cut."""


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """JavaScript errors of one kind: same type, message and topmost stack frames."""

    error_id: str
    type: str
    message: str
    count: int
    sessions: int
    last_seen_unix_nano: int
    example_session_id: SessionId
    example_span_id: SpanId


@dataclass(frozen=True, slots=True)
class StoreStatus:
    spans: int
    logs: int
    sessions: int
    metric_points: int
    rejected: int
    oldest_unix_nano: int | None
    newest_unix_nano: int | None
    last_received_unix_nano: int | None
    bytes: int
    max_bytes: int
    pruned_spans: int
    pruned_logs: int
    pruned_before_unix_nano: int | None
    """Nothing older is kept any more; None while nothing was pruned."""


class Whereabouts(Enum):
    """What the store can say of an id that it does not hold."""

    PRESENT = "present"
    PRUNED = "pruned"
    NEVER_SEEN = "never_seen"
