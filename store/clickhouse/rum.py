"""`store.api.RumReader` over ClickHouse: counted event by event.

A window with more than MAX_EVENTS raises TooSlow where the contract has no place to say that a part is
counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from signals.attributes import SEAT
from signals.browser_events import RUM_TAGS
from store.api import BadQuery, RumMetric, TooSlow
from store.clickhouse.browser_events import MAX_EVENTS, BrowserEvent, BrowserPart
from store.clickhouse.conditions import is_browser_row, session_column
from store.clickhouse.span_rows import within
from store.histogram import bucket_of
from store.queries import Window
from store.question_parts import limited
from store.results import Breakdown, ErrorGroup, Measure, Point
from store.rum_errors import FoundError, describe_error, grouped
from store.tags import METRICS, SYNTHETIC_TAG
from store.tallies import Tally, ranked

MAX_ERRORS: Final = 1_000
"""The newest errors that are grouped."""
_MAX_COLUMNS: Final = 1_000
_FEW: Final = 1_000
"""Of so few samples the values themselves give the percentiles."""


class ClickHouseRumReader(BrowserPart):
    """Measures browsers."""

    def rum_apps(self, window: Window) -> Sequence[tuple[str, str]]:
        table = self.spans()
        if table is None:
            return []
        # The newest value of a session counts, as in its summary.
        rows = self.span_query(
            f"SELECT DISTINCT app, name FROM (SELECT {session_column(table)} AS own, "  # noqa: S608  # names of ours
            "argMax(SpanAttributes['app'], (SpanAttributes['app'] != '', Timestamp)) AS app, "
            f"argMax({_ENVIRONMENT}, ({_ENVIRONMENT} != '', Timestamp)) AS name FROM {{table}} "
            f"WHERE {within(window)} AND {is_browser_row(table)} AND own != '' GROUP BY own) ORDER BY 1, 2"
        )
        return [(str(app), str(environment)) for app, environment in rows]

    def rum_measures(
        self, window: Window, where: Mapping[str, str] | None = None
    ) -> Mapping[RumMetric, Measure]:
        tallies: dict[str, Tally] = {}
        for event in self._all(window, where):
            for metric, value, failed in event.samples:
                _count(tallies.setdefault(metric, Tally()), value, failed=failed)
        return {metric: tallies[metric].measure() for metric in METRICS if metric in tallies}

    def rum_series(
        self, metric: RumMetric, window: Window, columns: int = 60, where: Mapping[str, str] | None = None
    ) -> Sequence[Point]:
        if not 1 <= columns <= _MAX_COLUMNS:
            raise BadQuery(f"columns is {columns}: give 1 to {_MAX_COLUMNS}.")
        check_metric(metric)
        begin = window.from_unix_nano
        width = max(1, -(-window.duration_ns // columns))
        tallies = [Tally() for _ in range(columns)]
        for event in self._all(window, where):
            for value, failed in samples_of(event, metric):
                _count(tallies[(event.start - begin) // width], value, failed=failed)
        return [Point(begin + place * width, tally.measure()) for place, tally in enumerate(tallies)]

    def rum_breakdowns(
        self,
        metric: RumMetric,
        tags: Sequence[str],
        window: Window,
        where: Mapping[str, str] | None = None,
        limit: int = 50,
    ) -> Mapping[str, Breakdown]:
        limited(limit)
        check_metric(metric)
        events, cut = self.browser_events(window)
        tallies: dict[str, dict[str, Tally]] = {tag: {} for tag in tags}
        for event in events:
            found = samples_of(event, metric) if event.carries(where or {}) else ()
            for value, failed in found:
                for tag in tags:
                    _count(tallies[tag].setdefault(event.value(tag), Tally()), value, failed=failed)
        # A tag that samples carry costs nothing more; any other is a scan, which says so.
        return {
            tag: ranked(tag, tallies[tag], limit, len(events) if cut or tag not in RUM_TAGS else 0, cut=cut)
            for tag in tags
        }

    def rum_errors(
        self, window: Window, where: Mapping[str, str] | None = None, limit: int = 20
    ) -> tuple[Sequence[ErrorGroup], bool]:
        limited(limit)
        events, cut = self.browser_events(window)
        found = errors_of(events, where or {})
        return grouped(found[:MAX_ERRORS], limit), cut or len(found) > MAX_ERRORS

    def _all(self, window: Window, where: Mapping[str, str] | None) -> list[BrowserEvent]:
        events, cut = self.browser_events(window)
        if cut:
            raise TooSlow(
                f"More than {MAX_EVENTS:,} events of browsers lie in this time: choose a shorter one."
            )
        return [event for event in events if event.carries(where or {})]


_ENVIRONMENT: Final = (
    "coalesce(nullIf(SpanAttributes['environment'], ''), "
    "nullIf(SpanAttributes['deployment.environment'], ''), "
    "nullIf(SpanAttributes['deployment.environment.name'], ''), "
    "nullIf(ResourceAttributes['environment'], ''), "
    "nullIf(ResourceAttributes['deployment.environment'], ''), "
    "ResourceAttributes['deployment.environment.name'])"
)


def check_metric(metric: str) -> None:
    """Raises BadQuery for a metric that is none."""
    if metric not in METRICS:
        raise BadQuery(f"metric is {metric!r}: give one of {', '.join(METRICS)}.")


def samples_of(event: BrowserEvent, metric: str) -> list[tuple[int, bool]]:
    """(value in ns, failed) of one metric."""
    return [(sample.value_ns, sample.failed) for sample in event.samples if sample.metric == metric]


def errors_of(events: Sequence[BrowserEvent], where: Mapping[str, str]) -> list[FoundError]:
    """The errors among events, in their order."""
    people: dict[str, int] = {}
    return [
        FoundError(
            event.start,
            event.session,
            bytes.fromhex(event.span.span_id),
            *describe_error(event.span.name, event.span.attributes),
            people.setdefault(person, len(people) + 1) if (person := event.tags.get(SEAT, "")) else 0,
            SYNTHETIC_TAG in event.tags,
        )
        for event in events
        if samples_of(event, "js_errors") and event.carries(where)
    ]


def _count(tally: Tally, value: int, *, failed: bool) -> None:
    tally.add(bucket_of(value), 1, failed, 0)
    if len(tally.values) <= _FEW:
        tally.values.append(value)
