"""Adds to the rollup cells what was counted, and subtracts it again.

A cell is (series, width, slot, bucket); kinds of series and widths of slots are in
`store.sqlite.table_layout`. Must run inside the settler's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

from store.histogram import bucket_of
from store.sqlite.table_layout import (
    CALL_SERIES,
    ERROR_ORIGIN,
    FINE_S,
    SAMPLE_SERIES,
    SECOND_NS,
    SERVICE_SERIES,
    WIDTHS,
    synthetic_item,
)
from store.sqlite.write.interning import SeriesIds, SeriesKey

_FINE_NS: Final = FINE_S * SECOND_NS
_Where = tuple[int, int, int]
_MAX_TEXT: Final = 256
"""Characters of a callee's name, which any sender may make as long as it likes."""

_ADD = (
    "INSERT INTO cells (series, width, slot, bucket, n, errors, origins) VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET n = n + excluded.n, errors = errors + excluded.errors, "
    "origins = origins + excluded.origins"
)


StoredCall = tuple[str, str, int, int, int, str]
"""(source, target, start, duration, error, flag) as `traces.calls` keeps it, a list in JSON.

The flag is `REPORTED`, `UNANSWERED`, `INFERRED` or `INFERRED_DATABASE` of `table_layout`. A plain tuple:
orjson does not serialize named ones.
"""


class Rollups:
    """Collects counts in memory until `flush`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._series = SeriesIds(connection)
        self._cells: dict[_Where, list[int]] = {}
        """(series, slot of FINE_S, bucket) to [count, errors, origins], which may be negative."""

    def request(
        self, sign: int, environment: str, service: str, start: int, bucket: int, error: int, worst: int
    ) -> None:
        """Add one request (`sign` 1), or subtract one that was added (-1)."""
        self._count(
            (SERVICE_SERIES, environment, service, "", ""), sign, start, bucket, error, worst == ERROR_ORIGIN
        )

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
        self._count(key, sign, start, bucket, int(failed), False)

    def call(self, sign: int, environment: str, call: StoredCall) -> None:
        """Add one call (`sign` 1), or subtract one that was added (-1)."""
        source, target, start, duration_ns, error, flag = call
        key: SeriesKey = (CALL_SERIES, environment, source, target[:_MAX_TEXT], flag)
        self._count(key, sign, start, bucket_of(duration_ns), error, False)

    def _count(self, key: SeriesKey, sign: int, start: int, bucket: int, error: int, origin: bool) -> None:
        where = (self._series.id_of(key), start // _FINE_NS, bucket)
        cell = self._cells.get(where)
        if cell is None:
            cell = self._cells[where] = [0, 0, 0]
        cell[0] += sign
        if error:
            cell[1] += sign
        if origin:
            cell[2] += sign

    def flush(self) -> None:
        """Add what was collected to the cells of every width."""
        if not self._cells:
            return
        # A trace that was subtracted and added again unchanged sums to nothing.
        sums = {where: counts for where, counts in self._cells.items() if any(counts)}
        rows: list[tuple[int, ...]] = []
        narrower = FINE_S
        for width in WIDTHS:
            if width != narrower:
                sums = _wider(sums, width // narrower)
                narrower = width
            rows += [(series, width, slot, bucket, *cell) for (series, slot, bucket), cell in sums.items()]
        # In the order of the primary key, so that neighbouring cells share a page.
        rows.sort()
        self._connection.executemany(_ADD, rows)
        self._cells.clear()

    def on_rollback(self) -> None:
        """Drop what was collected, and read the series anew."""
        self._cells.clear()
        self._series.reload()

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


def _wider(cells: Mapping[_Where, list[int]], ratio: int) -> dict[_Where, list[int]]:
    """The sums of the cells of `ratio` neighbouring slots each."""
    sums: dict[_Where, list[int]] = {}
    for (series, slot, bucket), counts in cells.items():
        where = (series, slot // ratio, bucket)
        cell = sums.get(where)
        if cell is None:
            sums[where] = counts.copy()
        else:
            cell[0] += counts[0]
            cell[1] += counts[1]
            cell[2] += counts[2]
    return sums
