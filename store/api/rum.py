"""The contract for what is measured of browsers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from store.queries import RumMetric, Window
from store.results import Breakdown, ErrorGroup, Measure, Point


class RumReader(Protocol):
    """RUM metrics and JavaScript errors."""

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

    def rum_breakdowns(
        self,
        metric: RumMetric,
        tags: Sequence[str],
        window: Window,
        where: Mapping[str, str] | None = None,
        limit: int = 50,
    ) -> Mapping[str, Breakdown]:
        """One RUM metric by the values of each of these attributes, of the newest samples of the window.

        `signals.browser_events.RUM_TAGS` are read from what is kept of each sample, several for
        hardly more than the cost of one; any other by a bounded scan of spans each. A breakdown
        is `truncated` where older samples were left out.
        """

    def rum_errors(
        self, window: Window, where: Mapping[str, str] | None = None, limit: int = 20
    ) -> tuple[Sequence[ErrorGroup], bool]:
        """JavaScript errors in groups, most frequent first; True if older ones were not read.

        A bounded scan, newest first.
        """
