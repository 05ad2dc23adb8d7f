"""The contract of a store: what a writer may rely on, and what may be asked.

No implementation lives here. Every engine passes the same suite,
`tests/store/contract`. A writer and a reader are separate: the collector holds
one writer, the screens hold readers, and neither can reach the other's half.

    StoreError
    ├── StoreBusy         the queue is full: try again later
    ├── StoreUnavailable  the disk is full, read-only or locked: says which and the remedy
    ├── StoreMismatch     the file was made by another version: says which file
    ├── TooSlow           the answer would take too long: says how to ask for less
    └── BadQuery          a question that cannot be asked: says which part and the remedy
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from signals.log_fields import LogField as LogField
from signals.model import Log, SessionId, Severity, Span, SpanId, TraceId
from store.queries import (
    LogQuery as LogQuery,
    Page as Page,
    RumMetric as RumMetric,
    SessionQuery as SessionQuery,
    SessionSort as SessionSort,
    TraceQuery as TraceQuery,
    Window as Window,
)
from store.results import (
    Breakdown as Breakdown,
    ErrorGroup as ErrorGroup,
    Latency as Latency,
    MapEdge as MapEdge,
    MapNode as MapNode,
    Measure as Measure,
    Point as Point,
    ServiceMap as ServiceMap,
    SessionSummary as SessionSummary,
    StoreStatus as StoreStatus,
    TagValue as TagValue,
    TraceSummary as TraceSummary,
    Whereabouts as Whereabouts,
)
from store.rows import Batch as Batch, LogRow as LogRow, SpanRow as SpanRow


class StoreError(Exception):
    """Something the store cannot do; the message names the thing and the remedy."""


class StoreBusy(StoreError):
    """The bounded queue is full; nothing of the batch was taken; the sender may try again."""


class StoreUnavailable(StoreError):
    """The medium refuses (full, read-only, locked); nothing of the batch was committed."""


class StoreMismatch(StoreError):
    """The data was written by another version of the schema; names the path."""


class TooSlow(StoreError):
    """The answer would take longer than a reader may; the message says how to ask for less."""


class BadQuery(StoreError):
    """The question is malformed; names the part and what is allowed."""


@dataclass(frozen=True, slots=True)
class HistogramColumn:
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
class BrowserLink:
    """The browser's event that a backend trace answered."""

    session_id: SessionId
    trace_id: TraceId
    """The event's own trace: another one than the backend's for whole documents."""
    span_id: SpanId


class Writer(Protocol):
    """Takes batches in. Safe to call from many threads. One writer process per store."""

    def write(self, batch: Batch) -> None:
        """Commit a batch whole; durable against the death of this process when it returns.

        Concurrent calls may share one commit. Spans and logs may come in any order;
        a span that comes twice (same trace and span id) is kept once, and what came
        first stays. Rollups, sessions and summaries follow within half a second and
        survive a crash between: what was not settled is settled at the next start.

        Raises StoreBusy or StoreUnavailable; then nothing of the batch is kept.
        """

    def close(self) -> None:
        """Settle what is open, and close. Idempotent."""


class Reader(Protocol):
    """Answers questions. Safe to call from many threads; never blocks the writer.

    An empty answer is an empty answer, never an error. Limits are kept between 1
    and 1,000 (BadQuery otherwise). Every list has a total order, so that pages
    neither repeat nor skip what was there when the first was asked for.
    """

    def status(self) -> StoreStatus:
        """Counts and bounds of the whole store. Cost: constant."""

    def spans_of_trace(self, trace_id: TraceId, limit: int = 50_000) -> Sequence[Span]:
        """Every span of a trace, browser spans too, by start and then id. Empty if unknown.

        Cost: the trace's own size. No more than `limit` spans, the earliest.
        """

    def trace_ids_ending(self, last_16: str) -> Sequence[TraceId]:
        """The traces whose id ends in these 16 hexadecimal digits, newest first, at most 10.

        Traces of which only browser spans are here are found among what came last.
        """

    def locate(self, trace_id: TraceId) -> Whereabouts:
        """Whether a trace is here, was pruned, or never came (as far as is remembered)."""

    def locate_session(self, session_id: SessionId) -> Whereabouts:
        """The same for a session."""

    def trace_of_span(self, span_id: str) -> TraceId | None:
        """The newest trace that holds a span of this id. May be a bounded scan."""

    def browser_of_trace(self, trace_id: TraceId) -> BrowserLink | None:
        """The browser's event that this trace answered, by the agent's link or as its parent.

        The earliest if several claim it. Cost: constant.
        """

    def find_traces(self, query: TraceQuery) -> Page[TraceSummary]:
        """Summaries by start (newest first) or duration (slowest first), then id."""

    def trace_summaries(self, trace_ids: Sequence[TraceId]) -> Mapping[TraceId, TraceSummary]:
        """The summaries of those that are here."""

    def find_sessions(self, query: SessionQuery) -> Page[SessionSummary]:
        """Sessions with any span in the window, by what `sort` says, then id."""

    def session(self, session_id: SessionId) -> SessionSummary | None:
        """One session's summary."""

    def sessions_ending(self, ending: str) -> Sequence[SessionId]:
        """At most 10 of the newest 20,000 whose id ends in this text, in either case; none if it is empty."""

    def spans_of_session(self, session_id: SessionId, limit: int = 10_000) -> Sequence[Span]:
        """Every browser span of a session, by start and then arrival; the earliest `limit`.

        Browsers' clocks tell milliseconds: what an agent sent first happened first.
        """

    def find_logs(self, query: LogQuery) -> Page[Log]:
        """Logs that match. Within traces, a span or a session: the cost of these.

        By an attribute that is not indexed, a bounded number of rows is looked at; a page that
        is `truncated` for that has a cursor, with which the search goes on where it stopped.
        """

    def count_logs(self, query: LogQuery) -> int:
        """How many match, whatever `limit` and `cursor` say.

        Constant without text and attributes; with them every row of the window is looked at.
        """

    def log(self, log_id: str) -> Log | None:
        """One log by its id."""

    def newest_log_id(self) -> str:
        """The id of what arrived last, "0" before anything did: where a live tail begins. Cost: constant."""

    def log_histogram(self, query: LogQuery, columns: int = 60) -> LogHistogram:
        """Counts by severity over the window, in equal columns, empty ones included.

        With a frequent text or an attribute, the newest rows of the window up to a bound.
        """

    def log_fields(self, query: LogQuery, top: int = 5) -> tuple[Sequence[LogField], bool]:
        """Fields of the newest matching logs with their top values; True if it was cut short.

        Every log has the record's field `severity`, so its count says how many were looked at.
        """

    def services(self, window: Window, environment: str | None = None) -> Mapping[str, Measure]:
        """Every backend service seen in the window with the measure of its requests."""

    def service_map(self, window: Window, environment: str | None = None) -> ServiceMap:
        """Services, inferred services and the calls between them. Cost: rollup cells, not spans."""

    def operations(
        self, service: str | None, window: Window, environment: str | None = None
    ) -> Mapping[str, Measure]:
        """Requests of a service (or of all) by operation (entry spans only)."""

    def series(
        self,
        service: str | None,
        window: Window,
        columns: int = 60,
        operation: str | None = None,
        environment: str | None = None,
        where: Mapping[str, str] | None = None,
    ) -> Sequence[Point]:
        """Requests of one service (or all) over time, in equal columns, empty ones included.

        `where` narrows by promoted tags only (BadQuery otherwise).
        """

    def breakdown(
        self,
        service: str | None,
        tag: str,
        window: Window,
        where: Mapping[str, str] | None = None,
        limit: int = 50,
        environment: str | None = None,
    ) -> Breakdown:
        """Requests by the values of an attribute.

        A request carries a value if any span of that service under that entry has
        it; value "" stands for those without, in `where` too. Promoted tags come
        from what is kept of each request; any other from a bounded scan that says so.
        """

    def breakdowns(
        self,
        service: str | None,
        tags: Sequence[str],
        window: Window,
        where: Mapping[str, str] | None = None,
        limit: int = 50,
        environment: str | None = None,
    ) -> Mapping[str, Breakdown]:
        """Several breakdowns of the same requests, for hardly more than the cost of one."""

    def tags(self, window: Window) -> Sequence[str]:
        """The promoted tags that requests of the window carry, by name."""

    def rum_apps(self, window: Window) -> Sequence[tuple[str, str]]:
        """(app, environment) pairs seen, by name."""

    def rum_measures(
        self, window: Window, where: Mapping[str, str] | None = None
    ) -> Mapping[RumMetric, Measure]:
        """Every RUM metric over the window; those without samples are left out."""

    def rum_series(
        self, metric: RumMetric, window: Window, columns: int = 60, where: Mapping[str, str] | None = None
    ) -> Sequence[Point]:
        """One RUM metric over time, in equal columns, empty ones included."""

    def rum_breakdown(
        self,
        metric: RumMetric,
        tag: str,
        window: Window,
        where: Mapping[str, str] | None = None,
        limit: int = 50,
    ) -> Breakdown:
        """One RUM metric by the values of an attribute, of the newest samples of the window.

        `signals.semantics.RUM_TAGS` from what is kept of each sample, any other from a bounded
        scan of spans; `truncated` says where older samples were left out.
        """

    def rum_breakdowns(
        self,
        metric: RumMetric,
        tags: Sequence[str],
        window: Window,
        where: Mapping[str, str] | None = None,
        limit: int = 50,
    ) -> Mapping[str, Breakdown]:
        """Several breakdowns of the same samples, for hardly more than the cost of one."""

    def rum_errors(
        self, window: Window, where: Mapping[str, str] | None = None, limit: int = 20
    ) -> tuple[Sequence[ErrorGroup], bool]:
        """JavaScript errors in groups, most frequent first; True if older ones were not looked at.

        A bounded scan, newest first.
        """

    def environments(self, window: Window) -> Sequence[str]:
        """Deployment environments seen in backend or browser telemetry, by name."""

    def close(self) -> None:
        """Give back files and connections. Idempotent."""
