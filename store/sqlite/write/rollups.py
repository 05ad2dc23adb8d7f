"""Adds to the rollup cells what was counted, and subtracts it again.

A cell is (series, width, slot) with a histogram; kinds of series and widths of slots are in
`store.sqlite.table_layout`. Must run inside the settler's transaction.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from operator import itemgetter
from typing import Final

from store.histogram import bucket_of
from store.sqlite.packed_calls import StoredCall
from store.sqlite.packed_cells import Merging, pack
from store.sqlite.table_layout import (
    CALL_SERIES,
    ERROR_ORIGIN,
    FINE_S,
    NO_ERROR,
    SAMPLE_SERIES,
    SECOND_NS,
    WIDTHS,
    synthetic_item,
)
from store.sqlite.write.interning import SeriesIds, SeriesKey

_PLACE: Final = itemgetter(0, 1, 2)
"""The primary key of a row."""
_FINE_NS: Final = FINE_S * SECOND_NS
_MAX_TEXT: Final = 256
"""Characters of a callee's name, which any sender may make as long as it likes."""

_ADD = (
    "INSERT INTO cells (series, width, slot, n, errors, origins, latencies) VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET n = n + excluded.n, errors = errors + excluded.errors, "
    "origins = origins + excluded.origins, latencies = merged(latencies, excluded.latencies)"
)


class _Cell:
    """What is added to a slot of a series; numbers may be negative."""

    __slots__ = ("added", "errors", "latencies", "n", "origins", "packed", "subtracted")

    def __init__(self) -> None:
        self.errors = 0
        self.origins = 0
        self.added: list[int] = []
        """Buckets, each as often as it was counted: a function of C sums them at the end …"""
        self.subtracted: list[int] = []
        self.latencies: dict[int, int] = {}
        """… by bucket."""
        self.packed: bytearray | None = None
        """The latencies as they are stored, once nothing is added any more …"""
        self.n = 0
        """… and how many they are, then."""

    def sum_up(self) -> None:
        """Sum what was counted."""
        latencies = self.latencies = Counter(self.added)
        latencies.subtract(self.subtracted)

    def add(self, other: _Cell) -> None:
        """Add all of another."""
        self.errors += other.errors
        self.origins += other.origins
        latencies = self.latencies
        for bucket, n in other.latencies.items():
            latencies[bucket] = latencies.get(bucket, 0) + n

    def __bool__(self) -> bool:
        return bool(self.errors or self.origins or any(self.latencies.values()))


_Cells = dict[tuple[int, int], _Cell]
"""(series, slot) to what is added."""


class Rollups:
    """Collects counts in memory until `flush`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.create_function("merged", 2, Merging().merged, deterministic=True)
        self._series = SeriesIds(connection)
        self._known_series = self._series.known
        self._cells: _Cells = {}
        """Of slots of FINE_S …"""
        self._known: dict[tuple[object, ...], _Cell] = {}
        """… and the same by what is counted, without a look at the series."""

    def request(self, sign: int, series: SeriesKey, start: int, bucket: int, error: int, worst: int) -> None:
        """Add one request of a service's series (`sign` 1), or subtract one that was added (-1)."""
        slot = start // _FINE_NS
        where = (series, slot)
        cell = self._known.get(where)
        if cell is None:
            cell = self._known[where] = self._cell(series, slot)
        (cell.added if sign > 0 else cell.subtracted).append(bucket)
        if error:
            cell.errors += sign
        if worst == ERROR_ORIGIN:
            cell.origins += sign

    def sample(
        self,
        environment: str,
        synthetic: str,
        metric: str,
        start: int,
        bucket: int,
        failed: bool,
        sign: int = 1,
    ) -> None:
        """Add one measured value of a browser, or subtract one that was added (`sign` -1)."""
        key: SeriesKey = (SAMPLE_SERIES, environment, metric, synthetic_item(synthetic), "")
        self.request(sign, key, start, bucket, int(failed), NO_ERROR)

    def calls(self, sign: int, environment: str, calls: Iterable[StoredCall]) -> None:
        """Add calls (`sign` 1), or subtract some that were added (-1)."""
        known = self._known
        for source, target, start, duration_ns, error, flag in calls:
            # One look-up for each call, not one for its series and one for its cell.
            where = (environment, source, target, flag, start // _FINE_NS)
            cell = known.get(where)
            if cell is None:
                key: SeriesKey = (CALL_SERIES, environment, source, target[:_MAX_TEXT], flag)
                cell = known[where] = self._cell(key, where[4])
            (cell.added if sign > 0 else cell.subtracted).append(bucket_of(duration_ns))
            if error:
                cell.errors += sign

    def _cell(self, key: SeriesKey, slot: int) -> _Cell:
        series = self._known_series(key)
        if series is None:
            series = self._series.id_of(key)
        return self._cells.setdefault((series, slot), _Cell())

    def flush(self) -> None:
        """Add what was collected to the cells of every width."""
        if not self._cells:
            return
        for cell in self._cells.values():
            cell.sum_up()
        # A trace that was subtracted and added again unchanged sums to nothing.
        cells = {where: cell for where, cell in self._cells.items() if cell}
        rows: list[tuple[int | bytearray, ...]] = []
        narrower = FINE_S
        for width in WIDTHS:
            if width != narrower:
                cells = _wider(cells, width // narrower)
                narrower = width
            rows += [_row(width, where, cell) for where, cell in cells.items()]
        # In the order of the primary key, so that neighbouring cells share a page.
        rows.sort(key=_PLACE)
        self._connection.executemany(_ADD, rows)
        self._forget()

    def on_rollback(self) -> None:
        """Drop what was collected, and read the series anew."""
        self._forget()
        self._series.reload()

    def _forget(self) -> None:
        self._cells.clear()
        self._known.clear()

    def prune(self, before_unix_nano: int) -> None:
        """Delete the slots that ended before a time, and the series that have none left."""
        series = [found for (found,) in self._connection.execute("SELECT id FROM series")]
        for width in WIDTHS:
            slot = before_unix_nano // (width * SECOND_NS)
            self._connection.executemany(
                "DELETE FROM cells WHERE series = ? AND width = ? AND slot < ?",
                [(found, width, slot) for found in series],
            )
        self._connection.execute(
            "DELETE FROM series WHERE NOT EXISTS (SELECT 1 FROM cells WHERE cells.series = series.id)"
        )
        self._series.reload()


def _row(width: int, where: tuple[int, int], cell: _Cell) -> tuple[int | bytearray, ...]:
    """The row of a cell to be added."""
    series, slot = where
    if cell.packed is None:
        # A bytearray: `executemany` looks at the type of bytes in vain for an adapter, for 0.5 µs each.
        cell.packed = bytearray(pack(cell.latencies))
        cell.n = sum(cell.latencies.values())
    return series, width, slot, cell.n, cell.errors, cell.origins, cell.packed


def _wider(cells: _Cells, ratio: int) -> _Cells:
    """The sums of the cells of `ratio` neighbouring slots each; one that stands alone is its own sum."""
    sums: _Cells = {}
    own: set[tuple[int, int]] = set()
    for (series, slot), cell in cells.items():
        where = (series, slot // ratio)
        wide = sums.setdefault(where, cell)
        if wide is cell:
            # Most often: a round lasts half a second. It is packed once for all widths.
            continue
        if where not in own:
            own.add(where)
            sums[where] = _Cell()
            sums[where].add(wide)
        sums[where].add(cell)
    return sums
