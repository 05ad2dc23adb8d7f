"""`store.api.RumReader` over SQLite."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from signals.attributes import text_of
from signals.browser_events import rum_tags_of
from store.api import BadQuery, RumMetric
from store.queries import Window
from store.results import Breakdown, ErrorGroup, Measure, Point
from store.sqlite.read.exact_samples import FEW, make_samples_exact
from store.sqlite.read.read_connection import ReadSession, SqlitePart
from store.sqlite.read.request_groups import ranked, slot_columns
from store.sqlite.read.rollup_sums import Tally, sum_series, summed_columns
from store.sqlite.read.row_mapping import limited
from store.sqlite.read.rum_errors import error_groups
from store.sqlite.read.sample_conditions import MAX_DECODED, conditions, has, narrowed, with_seq
from store.sqlite.read.sample_counts import SampleCounts, by_column, count_up_to
from store.sqlite.read.series_filter import SeriesFilter
from store.sqlite.table_layout import (
    METRICS,
    SAMPLE_SERIES,
    SYNTHETIC_ITEMS,
    SYNTHETIC_TAG,
    TAG_COLUMNS,
)

_COUNTED_ONE_BY_ONE = 10_000
"""With fewer samples than this, a time series counts each; else it sums slots."""
_MAX_COLUMNS = 1_000


class SqliteRumReader(SqlitePart):
    """Measures browsers."""

    def rum_apps(self, window: Window) -> Sequence[tuple[str, str]]:
        with self._connections.session() as db:
            rows = db.all(
                "SELECT DISTINCT app, environment FROM sessions "
                "WHERE finish >= ? AND +start < ? ORDER BY 1, 2",
                (window.from_unix_nano, window.to_unix_nano),
            )
        return [(app, environment) for app, environment in rows]

    def rum_measures(
        self, window: Window, where: Mapping[str, str] | None = None
    ) -> Mapping[RumMetric, Measure]:
        found: dict[RumMetric, Measure] = {}
        with self._connections.session() as db:
            if _is_summed(where):
                tallies = _summed(db, window, where or {})
                for metric in METRICS:
                    if metric in tallies:
                        _make_exact(db, metric, window, where, {"0": tallies[metric]}, "0")
                return {
                    metric: tallies[metric].measure()
                    for metric in METRICS
                    if metric in tallies and tallies[metric].requests > 0
                }
            for metric in METRICS:
                tally = Tally()
                for _, bucket, n, failed in by_column(db, metric, window, where, window.duration_ns):
                    tally.add(bucket, n, failed, 0)
                _make_exact(db, metric, window, where, {"0": tally}, "0")
                if tally.requests:
                    found[metric] = tally.measure()
        return found

    def rum_series(
        self,
        metric: RumMetric,
        window: Window,
        columns: int = 60,
        where: Mapping[str, str] | None = None,
    ) -> Sequence[Point]:
        if not 1 <= columns <= _MAX_COLUMNS:
            raise BadQuery(f"columns is {columns}: give 1 to {_MAX_COLUMNS}.")
        width = max(1, -(-window.duration_ns // columns))
        begin = window.from_unix_nano
        with self._connections.session() as db:
            if _is_summed(where) and not _are_few(db, metric, window):
                summed = summed_columns(db, _series_of(metric, where), window, width)
                if sum([one.requests for column, one in summed.items() if column < columns]) > FEW:
                    none = Measure()
                    measures = [
                        summed[place].measure() if place in summed else none for place in range(columns)
                    ]
                    return [Point(begin + place * width, one) for place, one in enumerate(measures)]
                found: Iterable[tuple[int, int, int, int]] = [
                    row[:4] for row in slot_columns(db, _series_of(metric, where), window, width)
                ]
            else:
                found = by_column(db, metric, window, where, width)
            tallies = [Tally() for _ in range(columns)]
            for column, bucket, n, failed in found:
                if 0 <= column < columns:
                    tallies[column].add(bucket, n, failed, 0)
            by_name = {str(column): tally for column, tally in enumerate(tallies) if tally.requests}
            _make_exact(db, metric, window, where, by_name, f"(m.start - {begin}) / {width}")
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
        found: dict[str, Breakdown] = {}
        summed = [tag for tag in tags if tag in TAG_COLUMNS]
        with self._connections.session() as db:
            if summed:
                found.update(_broken_down(db, metric, summed, window, where, limit))
            for tag in tags:
                if tag not in found:
                    decoded: dict[str, Tally] = {}
                    scanned = _decoded(db, metric, tag, window, where, decoded)
                    found[tag] = ranked(tag, decoded, limit, scanned, cut=scanned >= MAX_DECODED)
        return found

    def rum_errors(
        self, window: Window, where: Mapping[str, str] | None = None, limit: int = 20
    ) -> tuple[Sequence[ErrorGroup], bool]:
        limited(limit)
        with self._connections.session() as db:
            return error_groups(db, window, where, limit)


def _is_summed(where: Mapping[str, str] | None) -> bool:
    """Whether rollups can answer: they have environments and kinds of synthetic traffic, no other tags."""
    if not where:
        return True
    return where.keys() <= {"environment", SYNTHETIC_TAG} and where.get(SYNTHETIC_TAG, "") in SYNTHETIC_ITEMS


def _series_of(metric: RumMetric | None, where: Mapping[str, str] | None) -> SeriesFilter:
    given = where or {}
    return SeriesFilter(SAMPLE_SERIES, metric, given.get(SYNTHETIC_TAG), given.get("environment"))


def _summed(db: ReadSession, window: Window, where: Mapping[str, str]) -> dict[str, Tally]:
    """By metric, of conditions that rollups can answer.

    Those of all synthetic traffic are read, and once for a page that compares people with all.
    """
    every = SeriesFilter(SAMPLE_SERIES, None, None, where.get("environment"))
    item = where.get(SYNTHETIC_TAG)
    found = sum_series(db, every, window, lambda key: key.subject if item in (None, key.item) else "")
    found.pop("", None)
    return found


def _are_few(db: ReadSession, metric: str, window: Window) -> bool:
    return count_up_to(db, metric, window, _COUNTED_ONE_BY_ONE) < _COUNTED_ONE_BY_ONE


def _broken_down(
    db: ReadSession,
    metric: RumMetric,
    tags: Sequence[str],
    window: Window,
    where: Mapping[str, str] | None,
    limit: int,
) -> dict[str, Breakdown]:
    """By tags that samples have."""
    found: dict[str, Breakdown] = {}
    counts = SampleCounts(db, metric, window, where)
    for tag, outcomes, cut in counts.by_value(tags):
        names, tallies = counts.tallies(outcomes)
        few = [pair for pair, name in names.items() if name in tallies and tallies[name].requests <= FEW]
        own: dict[str, list[int]] = {}
        for seq, pair in counts.numbers(tag, few):
            own.setdefault(names[pair], []).append(seq)
        make_samples_exact(db, metric, tallies, own)
        found[tag] = ranked(tag, tallies, limit, outcomes.total() if cut else 0, cut=cut)
    return found


def _make_exact(
    db: ReadSession,
    metric: RumMetric,
    window: Window,
    where: Mapping[str, str] | None,
    tallies: Mapping[str, Tally],
    group: str,
) -> None:
    """Give tallies the values of their samples where these are few in all; `group` names each one's tally."""
    if not 0 < sum(tally.requests for tally in tallies.values()) <= FEW:
        return
    found = narrowed(db, metric, window, where)
    if found is None:
        return
    seqs: dict[str, list[int]] = {}
    rows = db.all(f"SELECT {group}, m.seq FROM samples m WHERE {found[0]} LIMIT ?", (*found[1], FEW + 1))
    for name, seq in rows:
        seqs.setdefault(str(name), []).append(seq)
    make_samples_exact(db, metric, tallies, seqs)


def _decoded(
    db: ReadSession,
    metric: RumMetric,
    tag: str,
    window: Window,
    where: Mapping[str, str] | None,
    tallies: dict[str, Tally],
) -> int:
    """Fill `tallies` by a tag that samples do not have; return how many spans were decoded for it."""
    found = conditions(db, metric, window, where)
    if found is None:
        return 0
    condition, values = found
    rows = with_seq(db, condition, values, MAX_DECODED)
    spans = dict(rows)
    other = {name: value for name, value in (where or {}).items() if name not in TAG_COLUMNS}
    samples = db.each(
        f"SELECT m.seq, m.bucket, m.failed FROM samples m WHERE {condition} ORDER BY m.start DESC LIMIT ?",
        (*values, MAX_DECODED),
    )
    seqs: dict[str, list[int]] = {}
    for seq, bucket, failed in samples:
        span = spans.get(seq)
        if span is None or (other and not has(span, other)):
            continue
        value = text_of(span.attributes.get(tag, span.resource.get(tag)))
        value = value or rum_tags_of(span.name, span.attributes, span.resource).get(tag, "")
        tallies.setdefault(value, Tally()).add(bucket, 1, failed, 0)
        seqs.setdefault(value, []).append(seq)
    make_samples_exact(db, metric, tallies, seqs)
    return len(rows)
