"""The contract for rates, errors and durations of backend services."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

from store.queries import CoverageOf, Window
from store.results import Affected, Breakdown, Coverage, Measure, Point, ServiceMap


class ApmReader(Protocol):
    """Backend services: the map, measures, time series and breakdowns of their requests."""

    def services(
        self, window: Window, environment: str | None = None, *, exact: bool = True
    ) -> Mapping[str, Measure]:
        """Every backend service seen in the window with the measure of its requests.

        Not `exact`: who asks for numbers of requests only does without the percentiles of few requests by
        their spans, which are most of the cost of a short window.
        """

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

    def breakdowns(
        self,
        service: str | None,
        tags: Sequence[str],
        window: Window,
        where: Mapping[str, str] | None = None,
        limit: int = 50,
        environment: str | None = None,
        *,
        received: bool = False,
    ) -> Mapping[str, Breakdown]:
        """Requests of one service (or all) by the values of each of these attributes.

        A request carries a value if any span of that service under that entry has
        it; value "" stands for those without, in `where` too. Promoted tags are read
        from what is kept of each request, several for hardly more than the cost of one;
        any other by a bounded scan each (`Breakdown.scanned`, `truncated`). With `received`,
        values that only the service's calls to others carry are left out, except in `where`.
        """

    def affected(
        self,
        service: str | None,
        window: Window,
        where: Mapping[str, str] | None = None,
        operation: str | None = None,
        error: Literal["any", "origin"] = "any",
        environment: str | None = None,
        *,
        amounts: bool = False,
    ) -> Affected:
        """Who is affected by the failed requests of one service (or all).

        With `error` origin, failed are those in which an error began. A failed request is
        recovered where its session, or without one its `enduser.id`, made a later request of
        the same service and operation without an error. `where` narrows by
        promoted tags only (BadQuery otherwise). Counts the newest 3,000 traces of the window,
        with an operation those that have it among the newest 12,000, and no more than 15,000
        requests in them; `Affected.since_unix_nano` says whether there are more. With `amounts`
        also `Reach.refused`, of the newest 200 that failed for good.
        """

    def coverage(self, window: Window, of: CoverageOf = "requests") -> Coverage:
        """In which part of the window requests of any service began, and what is known of the rest.

        Of `browsers`: in which part browsers reported something.

        To the width of a rollup slot. Cost: the slots of the window, at most 2,000: before them, the
        window counts as covered from its first request.
        """

    def tags(self, window: Window) -> Sequence[str]:
        """The promoted tags that requests of the window carry, by name."""
