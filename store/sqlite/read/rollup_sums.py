"""Rollups summed over a window, exact at its edges.

Whole slots come from the cells, wide ones where they fit; the parts of slots at both
ends are counted row by row. A last slot after which no data follows is taken whole.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple, TypeVar

from store.histogram import latency_of
from store.queries import Window
from store.results import Latency, Measure
from store.sqlite.packed_cells import pack, total
from store.sqlite.packed_requests import split
from store.sqlite.read.cut_slots import cut_outcomes, cut_requests
from store.sqlite.read.outcome_tallies import tally_of
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.series_filter import Series, SeriesFilter
from store.sqlite.read.shared import BoundedCache
from store.sqlite.table_layout import (
    FINE_S,
    METRICS,
    SAMPLE_SERIES,
    SECOND_NS,
    SYNTHETIC_TAG,
    TAG_COLUMNS,
    WIDTHS,
    synthetic_item,
)
from store.tallies import Tally as Tally

G = TypeVar("G")
Columns = Sequence[tuple[int, int, int, int, int]]
"""(column, bucket, requests, errors, origin errors); errors may stand in one bucket for several."""
_SUMMED_BYTES = 2 * 1024**2
_MEASURED_BYTES = 1024**2
_WORTH_KEEPING = 4


_Counts = tuple[int, int, int, bytes]
"""(requests, errors, origin errors, latencies) of a cell."""


class _Cover(NamedTuple):
    """How a window is covered: (width, first slot, slot behind the last), and (from, to) in ns."""

    slots: list[tuple[int, int, int]]
    edges: list[tuple[int, int]]


def _cover_of(db: ReadSession, window: Window, widths: Sequence[int] = WIDTHS) -> _Cover:
    begin, end = window.from_unix_nano, window.to_unix_nano
    newest_start = db.counter("newest")
    fine_ns = FINE_S * SECOND_NS
    first = -(-begin // fine_ns)
    behind = end // fine_ns
    if newest_start is not None and end > newest_start:
        behind = -(-end // fine_ns)
    if first >= behind:
        return _Cover([], [(begin, end)])
    edges = [(low, high) for low, high in ((begin, first * fine_ns), (behind * fine_ns, end)) if low < high]
    return _Cover(_slots(first, behind, sorted(widths, reverse=True)), edges)


def _slots(first: int, behind: int, widths: Sequence[int]) -> list[tuple[int, int, int]]:
    """Covers the finest slots from `first` to before `behind` with as wide ones as fit; `widths` falling."""
    if first >= behind:
        return []
    ratio = widths[0] // FINE_S
    low, high = -(-first // ratio), behind // ratio
    if low >= high:
        return _slots(first, behind, widths[1:])
    return [
        *_slots(first, low * ratio, widths[1:]),
        (widths[0], low, high),
        *_slots(high * ratio, behind, widths[1:]),
    ]


def sum_series(
    db: ReadSession, selected: SeriesFilter, window: Window, group: Callable[[Series], G]
) -> dict[G, Tally]:
    """Tallies of the selected series over the window, by the result of `group` for their keys."""
    tallies: dict[G, Tally] = {}
    for key, found in _tallies_of(db, selected, window).items():
        tallies.setdefault(group(key), Tally()).merge(found)
    return tallies


_Tallies = dict[Series, Tally]


class _Asked(dict[tuple[SeriesFilter, Window], _Tallies]):
    """What was summed in one snapshot: a page asks for the same sums in several places."""


def _tallies_of(db: ReadSession, selected: SeriesFilter, window: Window) -> _Tallies:
    asked = db.noted.of(_Asked)
    known = asked.get((selected, window))
    if known is not None:
        return known
    cover = _cover_of(db, window)
    condition, values = selected.conditions()
    # The names once, and not with each of the thousands of cells.
    keys = {
        number: Series(*key)
        for number, *key in db.each(
            f"SELECT s.id, s.environment, s.subject, s.item, s.value FROM series s WHERE {condition}", values
        )
    }
    runs: dict[int, list[_Counts]] = {}
    for width, first, behind in cover.slots:
        cells: dict[int, list[_Counts]] = {}
        for number, *cell in db.each(
            "SELECT s.id, c.n, c.errors, c.origins, c.latencies FROM series s "
            "CROSS JOIN cells c ON c.series = s.id AND c.width = ? AND c.slot >= ? AND c.slot < ? "
            f"WHERE {condition}",
            (width, first, behind, *values),
        ):
            cells.setdefault(number, []).append(tuple(cell))
        for number, of_width in cells.items():
            runs.setdefault(number, []).extend(_as_one(db, of_width) if width > FINE_S else of_width)
    found = asked[selected, window] = {}
    for number, each_run in runs.items():
        requests, errors, origins, latencies = zip(*each_run, strict=True)
        found[keys[number]] = Tally(sum(requests), sum(errors), sum(origins), total(latencies))
    for begin, end in cover.edges:
        if selected.kind == SAMPLE_SERIES:
            for key, bucket, error in _edge_samples(db, selected, begin, end):
                found.setdefault(key, Tally()).add(bucket, 1, error, 0)
        else:
            for key, outcomes in cut_outcomes(db, selected, begin, end):
                found.setdefault(key, Tally()).merge(tally_of(outcomes.items()))
    return found


class _Summed(BoundedCache[bytes, bytes]):
    """The sum of several histograms by a digest of them: of what it is the sum needs no version."""

    def __init__(self) -> None:
        super().__init__(_SUMMED_BYTES, lambda body: 250 + len(body))


def _as_one(db: ReadSession, cells: list[_Counts]) -> list[_Counts]:
    """Cells that stay as they are for a minute or longer, summed: they are unpacked once for all pages."""
    if len(cells) < _WORTH_KEEPING:
        return cells
    requests, errors, origins, latencies = zip(*cells, strict=True)
    key = _digest(latencies)
    known = db.shared.of(_Summed)
    body = known.get(key)
    if body is None:
        body = pack(total(latencies))
        known.update({key: body})
    return [(sum(requests), sum(errors), sum(origins), body)]


def series_columns(db: ReadSession, selected: SeriesFilter, window: Window, column_ns: int) -> Columns:
    """The same requests as `sum_series` counts, by columns of the window.

    Slots are at most a quarter of a column wide (or the finest): each is filed by its middle.
    """
    fitting = [width for width in WIDTHS if 4 * width * SECOND_NS <= column_ns] or [FINE_S]
    cover = _cover_of(db, window, fitting)
    begin, last = window.from_unix_nano, max(0, (window.duration_ns - 1) // column_ns)
    found: list[tuple[int, int, int, int, int]] = []
    for width, first, behind in cover.slots:
        # A last slot that reaches beyond the window may have its middle there, too.
        found += cell_columns(db, selected, (width, first, behind), begin, column_ns, last)
    for low, high in cover.edges:
        for start, outcome in cut_requests(db, selected, low, high):
            bucket, error, origin = split(outcome)
            found.append(((start - begin) // column_ns, bucket, 1, error, origin))
    return found


def cell_columns(
    db: ReadSession,
    selected: SeriesFilter,
    slots: tuple[int, int, int],
    begin: int,
    column_ns: int,
    last: int,
) -> Iterator[tuple[int, int, int, int, int]]:
    """The cells of `slots` (width, first, behind the last), each in the column of its middle."""
    for column, found in _cells_by_column(db, selected, slots, begin, column_ns, last).items():
        yield column, 0, 0, sum([cell[1] for cell in found]), sum([cell[2] for cell in found])
        for bucket, n in total([cell[3] for cell in found]).items():
            yield column, bucket, n, 0, 0


def _cells_by_column(
    db: ReadSession,
    selected: SeriesFilter,
    slots: tuple[int, int, int],
    begin: int,
    column_ns: int,
    last: int,
) -> dict[int, list[_Counts]]:
    """The same, cell by cell."""
    width, first, behind = slots
    slot_ns = width * SECOND_NS
    condition, values = selected.conditions()
    cells: dict[int, list[_Counts]] = {}
    for slot, *cell in db.each(
        "SELECT c.slot, c.n, c.errors, c.origins, c.latencies FROM series s "
        "CROSS JOIN cells c ON c.series = s.id AND c.width = ? AND c.slot >= ? AND c.slot < ? "
        f"WHERE {condition}",
        (width, first, behind, *values),
    ):
        column = min(last, max(0, slot * slot_ns + slot_ns // 2 - begin) // column_ns)
        cells.setdefault(column, []).append(tuple(cell))
    return cells


@dataclass(frozen=True, slots=True)
class Summed:
    """What is measured of one column of a window; its sums may be negative."""

    requests: int
    errors: int
    origins: int
    latency: Latency

    def measure(self) -> Measure:
        """As of a tally."""
        return Measure(max(0, self.requests), max(0, self.errors), max(0, self.origins), self.latency)


class _Measured(BoundedCache[bytes, tuple[int, Latency]]):
    """(requests, percentiles) of several histograms by a digest of them, which needs no version."""

    def __init__(self) -> None:
        super().__init__(_MEASURED_BYTES, lambda _: 450)


def slots_of_columns(window: Window, column_ns: int) -> tuple[int, int, int]:
    """(width, first, behind the last) of the slots of a window, at most a quarter of a column wide."""
    width_s = max((slot for slot in WIDTHS if 4 * slot * SECOND_NS <= column_ns), default=FINE_S)
    slot_ns = width_s * SECOND_NS
    return width_s, window.from_unix_nano // slot_ns, -(-window.to_unix_nano // slot_ns)


def summed_columns(
    db: ReadSession, selected: SeriesFilter, window: Window, column_ns: int
) -> dict[int, Summed]:
    """Columns of a window measured by slots at most a quarter as wide (or the finest).

    Each slot is filed by its middle. Most columns of a page that is live stay as they are from one request
    to the next: their percentiles took most of the time of a series.
    """
    slots = slots_of_columns(window, column_ns)
    begin, last = window.from_unix_nano, -(-window.duration_ns // column_ns)
    known = db.shared.of(_Measured)
    columns: dict[int, Summed] = {}
    for column, cells in _cells_by_column(db, selected, slots, begin, column_ns, last).items():
        _, errors, origins, latencies = zip(*cells, strict=True)
        key = _digest(latencies)
        found = known.get(key)
        if found is None:
            buckets = total(latencies)
            found = sum(buckets.values()), latency_of(buckets)
            known.update({key: found})
        columns[column] = Summed(found[0], sum(errors), sum(origins), found[1])
    return columns


def _digest(latencies: Sequence[bytes]) -> bytes:
    sizes = array("I", map(len, latencies)).tobytes()
    return blake2b(b"".join((sizes, *latencies)), digest_size=16, usedforsecurity=False).digest()


def _edge_samples(
    db: ReadSession, selected: SeriesFilter, begin: int, end: int
) -> Iterator[tuple[Series, int, int]]:
    """(key, bucket, error) of single samples of a part of a slot."""
    for number, metric in enumerate(METRICS):
        if selected.subject in (None, metric):
            for environment, synthetic, bucket, failed in db.each(
                f"SELECT coalesce(p.value, ''), coalesce(q.value, ''), m.bucket, m.failed FROM samples m "
                f"LEFT JOIN pairs p ON p.id = m.{TAG_COLUMNS['environment']} "
                f"LEFT JOIN pairs q ON q.id = m.{TAG_COLUMNS[SYNTHETIC_TAG]} "
                "WHERE m.metric = ? AND m.start >= ? AND m.start < ?",
                (number, begin, end),
            ):
                key = Series(environment, metric, synthetic_item(synthetic), "")
                if selected.matches(key):
                    yield key, bucket, failed
