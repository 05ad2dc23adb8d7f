"""The data model of telemetry: spans, logs and their parts, decoded, typed and frozen.

Times are integer nanoseconds since the Unix epoch (`_unix_nano`) or durations
(`_ns`); ids are lower-case hexadecimal.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple, NewType

TraceId = NewType("TraceId", str)
"""32 lower-case hexadecimal digits."""
SpanId = NewType("SpanId", str)
"""16 lower-case hexadecimal digits."""
SessionId = NewType("SessionId", str)
"""The value of `splunk.rumSessionId` or `session.id`, unchanged."""

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
    """An error's place in its trace: see `signals.trace_tree`."""

    NONE = "none"
    RECEIVED = "received"
    ORIGIN = "origin"


class Severity(Enum):
    """The six names of OpenTelemetry's severity numbers."""

    TRACE = "trace"
    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"
    FATAL = "fatal"

    @classmethod
    def of(cls, number: int) -> Severity:
        """The name of an OTLP severity number (1 to 24); 0, unspecified, counts as info."""
        return cls.INFO if number <= 0 else _SEVERITIES[min(number - 1, 23) // 4]


_SEVERITIES: Final = tuple(Severity)


class Dropped(NamedTuple):
    """How many attributes, events and links of a span its sender left out."""

    attributes: int = 0
    events: int = 0
    links: int = 0


NOTHING_DROPPED: Final = Dropped()
_NO_ATTRIBUTES: Final[Attributes] = MappingProxyType({})


class ScopeExtras(NamedTuple):
    """What an instrumentation scope carries beside its name and version."""

    attributes: Attributes = _NO_ATTRIBUTES
    dropped_attributes: int = 0
    schema_url: str = ""


class ResourceExtras(NamedTuple):
    """What a resource carries beside its attributes."""

    dropped_attributes: int = 0
    schema_url: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    time_unix_nano: int
    attributes: Attributes
    dropped_attributes: int = 0


@dataclass(frozen=True, slots=True)
class Link:
    trace_id: TraceId
    """All zeros where the sender gave none."""
    span_id: SpanId
    attributes: Attributes
    trace_state: str = ""
    flags: int = 0
    dropped_attributes: int = 0


class OddTime(Enum):
    """What is impossible about the times that a sender gave a span."""

    NO_END = "no end"
    ENDS_BEFORE_START = "ends before it starts"
    ENDS_AFTER_ARRIVAL = "ends after it arrived"
    STARTS_TOO_EARLY = "starts far too early"


@dataclass(frozen=True, slots=True)
class Span:
    """One span as it was received; its place in the trace is in `signals.trace_analysis`."""

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
    clock_shift_ns: int = 0
    """What was added to all its times, as its sender's clock was wrong: docs/adr/020-senders-clock.md."""
    odd_time: OddTime | None = None
    """Why it is shown without a duration; None where its times are possible."""
    scope_extras: ScopeExtras = ScopeExtras()  # noqa: RUF009  # immutable
    resource_extras: ResourceExtras = ResourceExtras()  # noqa: RUF009  # immutable
    trace_state: str = ""
    flags: int = 0
    """OTLP's: the lower 8 bits are W3C trace context's; 0x100 and 0x200 say whether the parent is remote."""
    dropped: Dropped = NOTHING_DROPPED
    as_text: bool = False
    """Its store keeps attributes as text: `500` may have been a number, what is JSON a list or a map."""

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
    event_name: str = ""
    """The record's own field; older senders have the attribute `event.name` instead."""
    clock_shift_ns: int = 0
    """What was added to its time, as its sender's clock was wrong."""
    value: Attribute = None
    """The body as it was sent, of any type; None without one."""
    observed_unix_nano: int = 0
    """When the collector of the sender saw it; 0 where it did not say."""
    flags: int = 0
    dropped_attributes: int = 0
    scope_version: str = ""
    scope_extras: ScopeExtras = ScopeExtras()  # noqa: RUF009  # immutable
    resource_extras: ResourceExtras = ResourceExtras()  # noqa: RUF009  # immutable
    as_text: bool = False
    """Its store keeps attributes and a structured body as text."""


@dataclass(frozen=True, slots=True)
class ServiceInTrace:
    name: str
    spans: int
    error: SpanError
    """The worst of its spans."""
