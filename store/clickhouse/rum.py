"""`store.api.RumReader` over ClickHouse: counted event by event.

A window with more than MAX_EVENTS raises TooSlow where the contract has no place to say that a part is
counted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from signals.attributes import SEAT
from signals.browser_events import RUM_TAGS, RumSample
from store.api import BadQuery, RumMetric, TooSlow
from store.clickhouse.browser_events import MAX_EVENTS, BrowserEvent, BrowserPart
from store.clickhouse.conditions import is_browser_row, session_column
from store.clickhouse.own_tables import APPS, MINUTE_NS, cut_minutes
from store.clickhouse.seen_values import app_and_environment, app_states
from store.clickhouse.settled_samples import SettledSamples
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
        if self.has_own(APPS):
            return self._apps_seen(window)
        # The newest value of a session counts, as in its summary.
        app, environment = app_and_environment()
        rows = self.span_query(
            f"SELECT DISTINCT app, name FROM (SELECT {session_column(table)} AS own, "  # noqa: S608  # names of ours
            f"{app} AS app, {environment} AS name FROM {{table}} "
            f"WHERE {within(window)} AND {is_browser_row(table)} AND own != '' GROUP BY own) ORDER BY 1, 2"
        )
        return [(str(app), str(environment)) for app, environment in rows]

    def _apps_seen(self, window: Window) -> Sequence[tuple[str, str]]:
        """The same from APPS, and from the spans of minutes that the window cuts."""
        first, last = -(-window.from_unix_nano // MINUTE_NS), window.to_unix_nano // MINUTE_NS
        spans = self.spans_table().source
        parts = [
            f"SELECT Session, App, Environment FROM {self._connections.source(APPS)} "  # noqa: S608  # names of ours
            f"WHERE Minute >= {first} AND Minute < {last}"
        ]
        parts += [
            f"SELECT LabOwn AS Session, {app_states()} FROM {spans} WHERE {within(part)} "  # noqa: S608  # names of ours
            "AND LabBrowser = 1 AND LabOwn != '' GROUP BY Session"
            for part in cut_minutes(window)
        ]
        rows = self._connections.rows(
            "SELECT DISTINCT app, name FROM (SELECT argMaxMerge(App) AS app, "  # noqa: S608  # names of ours
            f"argMaxMerge(Environment) AS name FROM ({' UNION ALL '.join(parts)}) GROUP BY Session) "
            "ORDER BY 1, 2"
        )
        return [(str(app), str(environment)) for app, environment in rows]

    def rum_measures(
        self, window: Window, where: Mapping[str, str] | None = None
    ) -> Mapping[RumMetric, Measure]:
        tallies = self._samples_by("Metric", lambda _, sample: sample.metric, window, where)
        return {metric: tallies[metric].measure() for metric in METRICS if metric in tallies}

    def rum_series(
        self, metric: RumMetric, window: Window, columns: int = 60, where: Mapping[str, str] | None = None
    ) -> Sequence[Point]:
        if not 1 <= columns <= _MAX_COLUMNS:
            raise BadQuery(f"columns is {columns}: give 1 to {_MAX_COLUMNS}.")
        check_metric(metric)
        begin = window.from_unix_nano
        width = max(1, -(-window.duration_ns // columns))
        tallies = self._samples_by(
            f"intDiv(Start - {begin}, {width})", lambda event, _: (event.start - begin) // width,
            window, where, metric,
        )  # fmt: skip
        empty = Tally()
        return [Point(begin + place * width, tallies.get(place, empty).measure()) for place in range(columns)]

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
        if self._rows_of(window, where, tags) is not None:
            return {
                tag: ranked(tag, self._samples_by_tag(tag, window, where, metric), limit, 0, cut=False)
                for tag in tags
            }
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
        settled = self._rows_of(window, where)
        if settled is None:
            events, cut = self.browser_events(window)
        else:
            events, cut = self._settled_errors(settled, window, where or {})
        found = errors_of(events, where or {})
        return grouped(found[:MAX_ERRORS], limit), cut or len(found) > MAX_ERRORS

    def _settled_errors(
        self, settled: SettledSamples, window: Window, where: Mapping[str, str]
    ) -> tuple[list[BrowserEvent], bool]:
        parts = [self.errors_within(part, 2 * MAX_ERRORS) for part in settled.open_parts(window) or ()]
        events = self.events_at(settled.newest_errors(window, where, MAX_ERRORS + 1))
        events += [event for found, _ in parts for event in found]
        events.sort(key=lambda event: -event.start)
        return events, any(cut for _, cut in parts)

    def _samples_by_tag(
        self, tag: str, window: Window, where: Mapping[str, str] | None, metric: str
    ) -> dict[str, Tally]:
        return self._samples_by(f"`{tag}`", lambda event, _: event.value(tag), window, where, metric)

    def _samples_by(self, key: str, key_of: Callable[[BrowserEvent, RumSample], Any], window: Window,
                 where: Mapping[str, str] | None, metric: str | None = None) -> dict[Any, Tally]:  # fmt: skip
        """The samples of a window by a key, SQL over the columns of samples and of one sample."""
        settled = self._rows_of(window, where)
        found: dict[Any, Tally] = {}
        parts = [window]
        if settled is not None:
            parts = settled.open_parts(window) or []
            found = settled.tallies(key, window, where or {}, metric)
        for part in parts:
            for event in self._all(part, where):
                for sample in event.samples:
                    if metric in (None, sample.metric):
                        tally = found.setdefault(key_of(event, sample), Tally())
                        _count(tally, sample.value_ns, failed=sample.failed)
        return found

    def _rows_of(
        self, window: Window, where: Mapping[str, str] | None, tags: Sequence[str] = ()
    ) -> SettledSamples | None:
        """What is settled, where it answers: of tags of RUM, and for most of a window."""
        if any(tag not in RUM_TAGS for tag in (*(where or {}), *tags)):
            return None
        settled = self.settled_samples()
        return settled if settled is not None and settled.open_parts(window) is not None else None

    def _all(self, window: Window, where: Mapping[str, str] | None) -> list[BrowserEvent]:
        events, cut = self.browser_events(window)
        if cut:
            raise TooSlow(
                f"More than {MAX_EVENTS:,} events of browsers lie in this time: choose a shorter one."
            )
        return [event for event in events if event.carries(where or {})]


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
