"""The contract of a store: what a writer guarantees, and what readers answer.

No implementation lives here. Every engine passes the same suite,
`tests/store/contract`. A writer and a reader are separate: the collector holds
one writer, the screens hold readers, and neither can reach the other's half.

Other rooms import everything from here: the protocols (one file per family of
queries), the queries that they take, the results that they return, the rows that a
writer takes, and the errors.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from signals.deployments import Deployment as Deployment
from signals.log_fields import LogField as LogField
from store.api.apm import ApmReader as ApmReader
from store.api.changes import ChangeReader as ChangeReader
from store.api.deployments import DeploymentReader as DeploymentReader
from store.api.errors import (
    BadQuery as BadQuery,
    StoreBusy as StoreBusy,
    StoreError as StoreError,
    StoreMismatch as StoreMismatch,
    StoreUnavailable as StoreUnavailable,
    TooSlow as TooSlow,
)
from store.api.logs import LogReader as LogReader
from store.api.metrics import MetricReader as MetricReader
from store.api.names import NameReader as NameReader
from store.api.reader_processes import LentReader as LentReader, ReaderProcesses as ReaderProcesses
from store.api.rum import RumReader as RumReader
from store.api.sessions import SessionReader as SessionReader
from store.api.traces import TraceReader as TraceReader
from store.api.writer import StoreNote as StoreNote, Writer as Writer, WriterHealth as WriterHealth
from store.attribute_names import AttributeNames as AttributeNames
from store.change_results import (
    Change as Change,
    FailingOperation as FailingOperation,
    Operation as Operation,
    Seen as Seen,
    VersionRow as VersionRow,
    Versions as Versions,
)
from store.limitations import Limitation as Limitation
from store.metric_results import TraceExemplar as TraceExemplar
from store.metric_rows import (
    ExemplarRow as ExemplarRow,
    MetricRow as MetricRow,
    MetricSeriesRow as MetricSeriesRow,
    series_row as series_row,
)
from store.queries import (
    FITTING_AGGREGATIONS as FITTING_AGGREGATIONS,
    CountedEvents as CountedEvents,
    CoverageOf as CoverageOf,
    LogQuery as LogQuery,
    MetricAggregation as MetricAggregation,
    MetricQuery as MetricQuery,
    Page as Page,
    RumMetric as RumMetric,
    SessionQuery as SessionQuery,
    SessionSort as SessionSort,
    TraceQuery as TraceQuery,
    TraceSort as TraceSort,
    Window as Window,
)
from store.results import (
    Affected as Affected,
    Breakdown as Breakdown,
    BrowserLink as BrowserLink,
    Coverage as Coverage,
    ErrorGroup as ErrorGroup,
    Gap as Gap,
    HistogramColumn as HistogramColumn,
    KnownService as KnownService,
    LateArrivals as LateArrivals,
    Latency as Latency,
    LogHistogram as LogHistogram,
    MapEdge as MapEdge,
    MapNode as MapNode,
    Measure as Measure,
    MetricChart as MetricChart,
    MetricExemplar as MetricExemplar,
    MetricName as MetricName,
    MetricSeries as MetricSeries,
    MetricValue as MetricValue,
    Point as Point,
    Presence as Presence,
    Reach as Reach,
    Refused as Refused,
    ServiceMap as ServiceMap,
    SessionSummary as SessionSummary,
    StoreStatus as StoreStatus,
    TagValue as TagValue,
    TraceSummary as TraceSummary,
)
from store.rows import (
    Batch as Batch,
    LogRow as LogRow,
    SpanRow as SpanRow,
    TooManySeries as TooManySeries,
    schema_url_of as schema_url_of,
    scope_name_of as scope_name_of,
    with_schema_url as with_schema_url,
)
from store.settling import (
    SETTLING_STATES as SETTLING_STATES,
    Settling as Settling,
    SettlingState as SettlingState,
)


class Reader(
    TraceReader,
    SessionReader,
    LogReader,
    ApmReader,
    RumReader,
    DeploymentReader,
    MetricReader,
    NameReader,
    ChangeReader,
    Protocol,
):
    """Everything that can be read. Safe to call from many threads; never blocks the writer.

    Without a match the answer is empty, never an error. Limits are between 1
    and 1,000 (BadQuery otherwise). Every list has a total order, so that pages
    neither repeat nor skip what was there when the first was read. Any method may
    raise TooSlow or StoreUnavailable.
    """

    def snapshot(self) -> AbstractContextManager[None]:
        """Within it, all that this thread asks is answered from one moment: totals agree with parts.

        To be held for the time of an answer, not longer: the writer's log grows meanwhile.
        """

    def status(self) -> StoreStatus:
        """Counts and bounds of the whole store. Cost: constant."""

    def settling(self) -> Settling:
        """How far lists, charts and maps of spans are, and sessions. Cost: constant, a few microseconds."""

    def late_arrivals(self, window: Window) -> LateArrivals | None:
        """What arrived in the window, and tells of nothing but a time before it; None if nothing did.

        Of the last 10,000 batches that were late as a whole: two minutes or more.
        """

    def environments(self, window: Window) -> Sequence[str]:
        """Deployment environments seen in backend or browser telemetry, by name."""

    def close(self) -> None:
        """Release files and connections. Idempotent."""
