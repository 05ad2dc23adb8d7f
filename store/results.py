"""What a reader returns besides spans and logs: summaries, measures, maps, breakdowns, histograms, status.

Everything is frozen. Times are integer nanoseconds since the Unix epoch
(`_unix_nano`) or durations (`_ns`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from typing import Literal

from signals.metrics import Exemplar, MetricInfo, PointValue
from signals.model import ServiceInTrace, SessionId, Severity, SpanId, TraceId
from store.limitations import Limitation


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
    clock_shift_ns: int = 0
    """What was added to the times of the entry span, as its sender's clock was wrong."""


@dataclass(frozen=True, slots=True)
class SessionSummary:
    session_id: SessionId
    start_unix_nano: int
    duration_ns: int
    app: str
    environment: str
    page_views: int
    errors: int
    """JavaScript errors: see `signals.browser_events.rum_kind`."""
    network_errors: int
    events: int
    last_seen_unix_nano: int
    attributes: Mapping[str, str]
    """Promoted attributes, the newest value of each; of `enduser.id` the first, by the spans' times."""
    clock_shift_ns: int = 0
    """What was added to all its times, as the browser's clock was wrong."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles from a histogram of log-spaced buckets; None where there is no sample."""

    p50_ns: int | None = None
    p75_ns: int | None = None
    p90_ns: int | None = None
    p99_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """Rate, errors and duration (RED) of a set of requests or samples."""

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
    unanswered: int = 0
    """Calls to a service that sends spans, none of which stands under the call: it was refused,
    timed out, or its answer's span has not come. Always 0 of an inferred target."""


@dataclass(frozen=True, slots=True)
class ServiceMap:
    """Callers and callees. A database with the name of another inferred service is `name (database)`."""

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
    """The scan reached its bound and older rows were not counted, or values were cut."""
    requests: int = 0
    """How many requests were counted, each once: one with several values is in several of them."""
    values_total: int = 0
    """How many values there are, those that the limit left out among them."""
    older_left_out: bool = False
    """Older requests of the window were not counted."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A part of a window in which no request began."""

    from_unix_nano: int
    to_unix_nano: int
    collector: Literal["ran", "down", "unknown"]
    """Whether the store's writer ran all the time, by its own record; `unknown` in older files."""
    down_since_unix_nano: int | None = None
    """When it stopped, if it said so, or where a writer that was killed was last heard of."""
    up_again_unix_nano: int | None = None
    """When the next one began; None if none did before the end of the gap."""
    other_telemetry: bool = False
    """Something else was received meanwhile: logs, sessions, metrics, or late spans."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """The part of a window from which there are requests of any service."""

    covered_ns: int
    """The window without its gaps; 0 without any request."""
    gaps: tuple[Gap, ...] = ()
    """In order; pauses that are short against the window are none."""

    @property
    def whole(self) -> bool:
        return not self.gaps


@dataclass(frozen=True, slots=True)
class Refused:
    """The money that requests which failed for good asked for."""

    sums: Mapping[str, Decimal]
    """By currency."""
    known: int
    """The requests whose spans in error name an amount with its currency (`signals.amounts`)."""
    looked: int
    """The newest requests that failed for good, whose spans were read."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Requests, and who met the failed ones."""

    requests: int = 0
    failed: int = 0
    sessions: int = 0
    """Distinct browser sessions with a failed request."""
    people: int = 0
    """Distinct `enduser.id` of failed requests, and sessions that have none."""
    unattributed: int = 0
    """Failed requests that belong to no session and carry no `enduser.id`."""
    recovered: int = 0
    """Failed requests after which the same session got through with the same operation; without a session,
    the same `enduser.id`.

    0 where traces are counted: a search for failed ones does not see what went through later.
    """
    people_recovered: int = 0
    """Those of the people all of whose failures are recovered."""
    recovered_inside: int = 0
    """Requests that went through although something under them failed: by a retry of a call, say.

    Of a request that does not begin its trace, only failures in its own service are seen. 0 where
    traces are counted.
    """
    refused: Refused | None = None
    """None unless it was asked for."""

    @property
    def failed_for_good(self) -> int:
        """Failed requests after which no later try went through, as far as telemetry tells."""
        return self.failed - self.recovered


@dataclass(frozen=True, slots=True)
class Affected:
    """Who is affected by failing requests."""

    real: Reach
    """Traffic that does not declare itself synthetic."""
    synthetic: Reach
    since_unix_nano: int | None = None
    """Where counting stopped, newest first: every number may be higher; None if all were counted."""


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """JavaScript errors of one kind: same type, message and topmost stack frames."""

    error_id: str
    type: str
    message: str
    count: int
    sessions: int
    people: int
    """Distinct `enduser.id`, and sessions that have none."""
    synthetic: int
    """How many of the errors are of synthetic traffic."""
    last_seen_unix_nano: int
    example_session_id: SessionId
    example_span_id: SpanId


@dataclass(frozen=True, slots=True)
class HistogramColumn:
    """One column of a log histogram."""

    start_unix_nano: int
    counts: Mapping[Severity, int]


@dataclass(frozen=True, slots=True)
class LogHistogram:
    """Counts of the logs of a window that match."""

    columns: Sequence[HistogramColumn]
    total: int
    since_unix_nano: int | None = None
    """Where counting stopped, newest first; None if the whole window was counted."""


@dataclass(frozen=True, slots=True)
class MetricName:
    """A metric that has points."""

    info: MetricInfo
    services: tuple[str, ...]
    """By name; the first 50."""
    series: int
    first_unix_nano: int
    last_unix_nano: int
    """Times of its first and last point that are kept, whatever the window."""
    folded: int = 0
    """Points of series beyond the bound on this metric, which were refused: the metric exploded."""


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """One group of a chart."""

    attributes: Mapping[str, str]
    """Those of `MetricQuery.by`, with "" where a series has none."""
    series: int
    """How many series are merged in it."""
    points: Sequence[tuple[int, float | None]]
    """(start of the column, value)"""


@dataclass(frozen=True, slots=True)
class MetricChart:
    """A metric over time."""

    info: MetricInfo | None
    """None if there is no such metric."""
    groups: Sequence[MetricSeries]
    """Greatest mean first."""
    column_ns: int
    truncated: int = 0
    """Groups that are left out."""
    streams: Sequence[MetricInfo] = ()
    """Others of the same name, which the query did not choose."""
    interval_ns: int = 0
    """How often most of its series report; 0 if there are none. Narrower columns are partly empty."""


@dataclass(frozen=True, slots=True)
class MetricExemplar:
    """An exemplar, and which series it is of."""

    exemplar: Exemplar
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class MetricValue:
    """The newest point of a series."""

    info: MetricInfo
    attributes: Mapping[str, str]
    """All attributes of points and resource, as text."""
    time_unix_nano: int
    value: PointValue


@dataclass(frozen=True, slots=True)
class BrowserLink:
    """The browser's event that a backend trace answered."""

    session_id: SessionId
    trace_id: TraceId
    """The event's own trace: another one than the backend's for whole documents."""
    span_id: SpanId


@dataclass(frozen=True, slots=True)
class LateArrivals:
    """What arrived in a window and tells of a time before it: late, imported, or of a slow clock."""

    spans: int
    logs: int
    oldest_unix_nano: int
    newest_unix_nano: int


@dataclass(frozen=True, slots=True)
class StoreStatus:
    spans: int
    logs: int
    sessions: int
    metric_points: int
    """Those that are kept."""
    rejected: int
    oldest_unix_nano: int | None
    newest_unix_nano: int | None
    last_received_unix_nano: int | None
    bytes: int
    max_bytes: int
    pruned_spans: int
    pruned_logs: int
    pruned_before_unix_nano: int | None
    """What arrived before this was pruned; None while nothing was."""
    pruned_metric_points: int = 0
    settled_up_to_unix_nano: int | None = None
    """What was committed before this is in lists and maps; None while nothing waits for them."""
    limitations: tuple[Limitation, ...] = ()
    """What this store cannot tell."""
    prepared: bool | None = None
    """Whether a server has tables of our own that answer faster; None of a store that needs none."""
    settled_unix_nano: int | None = None
    """Up to here requests and calls are summed in them; None while nothing is."""


class Presence(Enum):
    """Whether the store holds an id, and if not, whether it once did."""

    PRESENT = "present"
    PRUNED = "pruned"
    NEVER_SEEN = "never_seen"


@dataclass(frozen=True, slots=True)
class KnownService:
    """A service by its name, and who knows it."""

    name: str
    sends_spans: bool
    called: bool
    """Other services call it."""
    logs: bool
