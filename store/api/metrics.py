"""The contract for metrics: names, charts, exemplars, newest values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from signals.model import TraceId
from store.metric_results import TraceExemplar
from store.queries import MetricQuery, Window
from store.results import MetricChart, MetricExemplar, MetricName, MetricValue


class MetricReader(Protocol):
    """Metrics of any sender.

    A *series* is a metric with one set of attributes: those of its points, of its scope's name and of
    its resource. In queries the attributes of points and resource are one set, in which a point's
    attribute hides the resource's of the same name; the scope's name is there as `otel.scope.name`.
    Two points of a series and time are one: the first stays.
    """

    def metric_names(
        self,
        window: Window,
        service: str | None = None,
        text: str | None = None,
        limit: int = 500,
        environment: str | None = None,
    ) -> tuple[Sequence[MetricName], bool]:
        """Metrics with a point in the window, by name; True if there are more than `limit`.

        `text` is contained in name, unit or description, in any case and Unicode form
        (`signals.folding`); `service` and `environment` are exact, and number, services and times are then
        those of the series that fit.
        Streams of one name that differ in unit, kind, temporality or monotonicity are several entries.
        """

    def metric_chart(self, query: MetricQuery) -> MetricChart:
        """One metric over the window, in equal columns, empty ones included (value None).

        Rates and sums of cumulative counters are increases between points: a reset (a later start time,
        or a smaller value of what only grows) counts from 0. So does the first point of a series whose start
        lies in the window or up to an hour before it: many senders name the start of their process, so this
        first increase, as that after a later start, is put into the last reporting interval before its point.
        An increase that spans several columns is spread evenly over them; one over a hole of more than five
        reporting intervals (at least 5 min, at most an hour) is not counted. A rate is by the time that is
        known of a column, from the first to the last point there. NaN is a gap, and nothing rises from an
        infinity; else infinities count as such. Percentiles merge the buckets of all series of a group and
        interpolate inside a bucket, bounded by the minimum and maximum where these are known; of summaries
        they are the mean of the nearest quantiles that were sent.

        Raises BadQuery where `agg` does not fit the kind, naming those that do.
        """

    def metric_exemplars(self, query: MetricQuery, limit: int = 100) -> Sequence[MetricExemplar]:
        """Exemplars of the matching series in the window, those with a trace first, then newest first.

        Spread over window and values, so that one busy moment does not hide the others.
        """

    def exemplars_of_trace(self, trace_id: TraceId, limit: int = 100) -> tuple[Sequence[TraceExemplar], bool]:
        """The exemplars of any metric that point at a trace, oldest first; True if there are more."""

    def metric_latest(self, query: MetricQuery, limit: int = 1_000) -> tuple[Sequence[MetricValue], bool]:
        """The newest point in the window of each matching series, by attributes; True if cut.

        A series whose newest point says "no recorded value" is left out.
        """

    def metric_attributes(
        self, name: str, window: Window, top: int = 20, environment: str | None = None
    ) -> Sequence[tuple[str, Sequence[tuple[str, int]]]]:
        """(attribute, ((value, number of series), …)) of a metric's series, the most varied last."""
