"""Queries as values, re-exported by `store.api`, whose protocols describe the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final, Generic, Literal, TypeVar

from signals.metrics import MetricKind, Temporality
from signals.model import SessionId, Severity, TraceId

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Window:
    """A half-open span of time: from ≤ t < to."""

    from_unix_nano: int
    to_unix_nano: int

    ALL: ClassVar[Window]
    """All time: the ends are the least and the greatest time that a store's 64-bit integers hold."""

    @property
    def duration_ns(self) -> int:
        return self.to_unix_nano - self.from_unix_nano

    def before(self) -> Window:
        """The window of the same length that ends where this one begins."""
        return Window(self.from_unix_nano - self.duration_ns, self.from_unix_nano)


Window.ALL = Window(0, 2**63 - 1)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    items: Sequence[T]
    next_cursor: str | None = None
    """Opaque; pass it as `cursor` to go on. None at the end."""
    truncated: bool = False
    """A bounded scan ended before the window did: there may be more that was not read."""


CoverageOf = Literal["requests", "browsers"]
"""Whose data covers a window: requests of services, or what browsers reported."""
TraceSort = Literal["newest", "oldest", "slowest"]


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """Selects traces; all conditions must hold.

    `attributes` match as text, against any backend span of the trace (its own
    attributes or its resource's). Promoted attributes are looked up in what is kept
    of the newest traces (the oldest, where these come first); any other is a bounded scan in
    the same order. If either was cut, `Page.truncated` is true.
    """

    window: Window
    service: str | None = None
    """Traces in which this service owns a span."""
    also: str | None = None
    """Traces in which this other service owns a span too."""
    operation: str | None = None
    """Exact operation of a request (entry span) of `service`, or of any if there is none."""
    operation_contains: str | None = None
    """Text that such an operation contains, in any case and Unicode form."""
    error: Literal["any", "origin"] | None = None
    """An error of `service` if one is given, else of any service."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    like: Mapping[str, str] = field(default_factory=dict)
    """As `attributes`, but a part of the value is enough, in any case and Unicode form."""
    min_ns: int | None = None
    max_ns: int | None = None
    sort: TraceSort = "newest"
    limit: int = 50
    cursor: str | None = None
    environment: str | None = None
    """Traces with a request in this deployment environment, under any of its attribute names."""


RumMetric = Literal[
    "page_views",
    "page_load",
    "route_changes",
    "js_errors",
    "network_requests",
    "network_errors",
    "ttfb",
    "lcp",
    "inp",
    "cls",
    "long_tasks",
    "custom_events",
]
"""Metrics of browsers. The measure's `requests` counts samples, `errors` the failed ones,
`latency` is their duration in ns; `cls`, which has no unit, is times 10⁹. Of the parts that a page loads,
`network_requests` counts only those that failed (`signals.browser_events.rum_is_network_error`).

The order is part of the store's file format (`store.sqlite.table_layout.METRICS`)."""


@dataclass(frozen=True, slots=True)
class CountedEvents:
    """The events that a RUM metric counts in the window of a query: of one event, all must hold at once."""

    metric: RumMetric
    where: Mapping[str, str] = field(default_factory=dict)
    """Its attributes, as for `store.api.RumReader`; an empty value stands for an event without it."""
    error_id: str = ""
    """One group of `RumReader.rum_errors`; the metric is `js_errors` then."""


SessionSort = Literal["newest", "oldest", "longest", "shortest", "errors", "network_errors", "pages"]


@dataclass(frozen=True, slots=True)
class SessionQuery:
    """Selects sessions; `attributes` match as text, against any span of the session.

    The tags of RUM (`signals.browser_events.RUM_TAGS`) match as RUM derives them: `page` is a
    page that the session visited, `operation` one of its requests or events. `enduser.id`
    matches the first one only: a session belongs to who began it.
    """

    window: Window
    attributes: Mapping[str, str] = field(default_factory=dict)
    like: Mapping[str, str] = field(default_factory=dict)
    """As `attributes`, but a part of the value is enough, in any case and Unicode form."""
    counted: CountedEvents | None = None
    """Sessions with such an event: those that stand behind a number of RUM."""
    excluded: Mapping[str, str] = field(default_factory=dict)
    """Sessions that carry any of these are left out, for example synthetic traffic."""
    sort: SessionSort = "newest"
    limit: int = 50
    cursor: str | None = None


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Selects logs, newest first unless `oldest_first`.

    `text` is words, all of which must be in the body, in any order, in any case and
    Unicode form (`signals.folding`); words in double quotes are one phrase. At most 1,000 characters
    and 20 words (BadQuery). `after` gives only logs that arrived after that log id, oldest
    first, regardless of their own time: the live tail.
    """

    window: Window
    trace_id: TraceId | None = None
    span_id: str | None = None
    session_id: SessionId | None = None
    trace_ids: Sequence[TraceId] = ()
    """Logs of any of these traces; together with a `session_id`, also those that name the session."""
    service: str | None = None
    severities: frozenset[Severity] = frozenset()
    text: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    like: Mapping[str, str] = field(default_factory=dict)
    """As `attributes`, but a part of the value is enough, in any case and Unicode form."""
    excluded: Sequence[tuple[str, str]] = ()
    """Logs that carry any of these attributes are left out; a name may come with several values."""
    oldest_first: bool = False
    after: str | None = None
    limit: int = 100
    cursor: str | None = None
    environment: str | None = None
    """Logs whose resource names this deployment environment, under any of its attribute names."""


MetricAggregation = Literal[
    "rate", "sum", "avg", "min", "max", "last", "count", "p50", "p75", "p90", "p95", "p99"
]
"""How the points of a column and of a group's series become one value.

`rate`: of a sum, its increase a second; of a distribution, how many observations a second. `sum`: of a
sum, its increase; of a distribution, the sum of what was observed. `count`: how many observations, or, of
gauges and sums, points. `avg` of a distribution is the mean observation. `last` adds up the newest value of
each series of a group. Gauges take `avg`, `min`, `max`, `last`, `count`; sums also `rate` and `sum`;
histograms all but `last`; summaries all but `last`, `min` and `max`."""

_NUMBERS: Final[tuple[MetricAggregation, ...]] = ("avg", "min", "max", "last", "count")
_PERCENTILES: Final[tuple[MetricAggregation, ...]] = ("p50", "p75", "p90", "p95", "p99")
_OBSERVED: Final[tuple[MetricAggregation, ...]] = ("rate", "sum", "count", "avg")
FITTING_AGGREGATIONS: Final[Mapping[MetricKind, Sequence[MetricAggregation]]] = {
    MetricKind.GAUGE: _NUMBERS,
    MetricKind.SUM: ("rate", "sum", *_NUMBERS),
    MetricKind.HISTOGRAM: (*_OBSERVED, "min", "max", *_PERCENTILES),
    MetricKind.EXPONENTIAL_HISTOGRAM: (*_OBSERVED, "min", "max", *_PERCENTILES),
    MetricKind.SUMMARY: (*_OBSERVED, *_PERCENTILES),
}
"""By kind, the aggregations that it can be asked for."""


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """Selects the series of one metric; all conditions must hold."""

    window: Window
    name: str
    agg: MetricAggregation = "avg"
    by: Sequence[str] = ()
    """Attributes to group by; without any, all series are one group."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Match as text; "" matches series without the attribute. `service.name` is one of them."""
    excluded: Sequence[tuple[str, str]] = ()
    """Series with any of these attributes are left out; a name may come with several values."""
    unit: str | None = None
    kind: str | None = None
    """Where streams of one name differ in unit or kind, these pick one; else that with the newest point."""
    columns: int = 60
    limit: int = 20
    """Groups that are returned: those with the greatest values; the others are counted in `truncated`."""
    temporality: Temporality | None = None
    monotonic: bool | None = None
    """As `unit` and `kind`, for streams that differ in these alone."""
    environment: str | None = None
    """The deployment environment of the series (`signals.attributes.environment_of`)."""
