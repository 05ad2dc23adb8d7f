"""Counters kept while writing: what is counted, in which slots, and adding and taking away.

A cell is (series, width, slot, bucket). Slots of 10 s make short
windows right, slots of a minute draw long ones, slots of 10 min keep their sums cheap.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from store.histogram import bucket_of
from store.sqlite.write.interning import SeriesIds, SeriesKey

SERVICE: Final = 1
"""subject: the service."""
CALL: Final = 2
"""subject: the caller; item: who is called; value: `i` inferred, `d` inferred database, or nothing."""
SAMPLE: Final = 3
"""subject: the RUM metric; item: what kind of synthetic traffic it is of, or nothing."""
SYNTHETIC_TAG: Final = "user_agent.synthetic.type"
SYNTHETIC_ITEMS: Final = frozenset({"", "test", "bot"})
"""The conventions' words, which have sums of their own; any other is put with `OTHER_ITEM`."""
OTHER_ITEM: Final = "(other)"
FINE_S: Final = 10
COARSE_S: Final = 600
MIDDLE_S: Final = 60
WIDTHS: Final = (FINE_S, MIDDLE_S, COARSE_S)
SECOND_NS: Final = 1_000_000_000
_MAX_TEXT: Final = 256

_ADD = (
    "INSERT INTO cells (series, width, slot, bucket, n, errors, origins) VALUES (?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET n = n + excluded.n, errors = errors + excluded.errors, "
    "origins = origins + excluded.origins"
)


def synthetic_item(value: str) -> str:
    """The series that samples of this synthetic traffic are summed up in."""
    return value if value in SYNTHETIC_ITEMS else OTHER_ITEM


class Rollups:
    """Gathers what is to be added, and adds it at once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._series = SeriesIds(connection)
        self._cells: dict[tuple[int, int, int], list[int]] = {}

    def request(
        self, sign: int, environment: str, service: str, start: int, bucket: int, error: int, worst: int
    ) -> None:
        """Count one request; with sign -1, count it no more."""
        self._count((SERVICE, environment, service, "", ""), sign, start, bucket, error, worst == 2)

    def sample(
        self, environment: str, synthetic: str, metric: str, start: int, bucket: int, failed: bool
    ) -> None:
        """Count one measured value of a browser."""
        key: SeriesKey = (SAMPLE, environment, metric, synthetic_item(synthetic), "")
        self._count(key, 1, start, bucket, int(failed), False)

    def call(self, sign: int, environment: str, call: tuple[str, str, int, int, int, str]) -> None:
        """Count one call: source, target, start, duration, error and flag."""
        source, target, start, duration_ns, error, flag = call
        key: SeriesKey = (CALL, environment, source, target[:_MAX_TEXT], flag)
        self._count(key, sign, start, bucket_of(duration_ns), error, False)

    def _count(self, key: SeriesKey, sign: int, start: int, bucket: int, error: int, origin: bool) -> None:
        where = (self._series.id_of(key), start // (FINE_S * SECOND_NS), bucket)
        cell = self._cells.get(where)
        if cell is None:
            cell = self._cells[where] = [0, 0, 0]
        cell[0] += sign
        if error:
            cell[1] += sign
        if origin:
            cell[2] += sign

    def flush(self) -> None:
        """Add what was gathered to the table, inside the caller's transaction."""
        if not self._cells:
            return
        rows = []
        for width in WIDTHS:
            ratio = width // FINE_S
            sums: dict[tuple[int, int, int], list[int]] = {}
            for (series, slot, bucket), counts in self._cells.items():
                if not any(counts):
                    continue
                cell = sums.setdefault((series, slot // ratio, bucket), [0, 0, 0])
                for place, count in enumerate(counts):
                    cell[place] += count
            rows += [(series, width, slot, bucket, *cell) for (series, slot, bucket), cell in sums.items()]
        rows.sort()
        self._connection.executemany(_ADD, rows)
        self._cells.clear()

    def forget(self) -> None:
        """Drop what was gathered: the transaction it belonged to is gone."""
        self._cells.clear()
        self._series.forget()

    def prune(self, before_unix_nano: int) -> None:
        """Drop the slots that ended before a time, and the series that have none left."""
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
        self._series.forget()
