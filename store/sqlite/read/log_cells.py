"""Counts of logs by slots of 10 s, as `log_cells` keeps them."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Final

import orjson

from store.queries import Window
from store.sqlite.read.log_blocks import Info
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.table_layout import LOG_SLOT_NS

_MIDDLE_NS: Final = LOG_SLOT_NS // 2
_FREQUENT: Final = 9
"""The number of `INFO`, the severity of most logs."""


class LogCells:
    """The counts of logs with a service, severities and an environment, each of which may be any."""

    def __init__(
        self,
        db: ReadSession,
        service: str | None,
        severities: Sequence[tuple[int, int]],
        environment: str | None,
    ) -> None:
        """`severities` are numbers from the first to the last of each pair."""
        self._db = db
        parts, self._values = ["1"], list[object]()
        for column, value in (("service", service), ("environment", environment)):
            if value is not None:
                parts.append(f"{column} = ?")
                self._values.append(value)
        if severities:
            parts.append(
                "(" + " OR ".join(f"severity BETWEEN {low} AND {high}" for low, high in severities) + ")"
            )
        self._where = " AND ".join(parts)
        self._has_frequent = not severities or any(low <= _FREQUENT <= high for low, high in severities)

    def total(self, first: int, behind: int) -> int:
        """How many there are in whole slots."""
        row = self._db.one(
            f"SELECT sum(n) FROM log_cells WHERE slot >= ? AND slot < ? AND {self._where}",
            (first, behind, *self._values),
        )
        return (row[0] or 0) if row else 0

    def by_column(self, begin: int, width: int, first: int, behind: int) -> list[tuple[int, int, int]]:
        """(column, severity number, count) of whole slots, each filed by its middle."""
        # SQLite sorts what it groups: of all but the most frequent severity that is a third of the rows, and
        # those of one severity in a column are a stretch of the table, which is added up unsorted.
        rows: list[tuple[int, int, int]] = self._db.all(
            "SELECT (slot * ? + ? - ?) / ?, severity, sum(n) FROM log_cells "
            f"WHERE slot >= ? AND slot < ? AND {self._where} AND severity <> ? GROUP BY 1, 2",
            (*(LOG_SLOT_NS, _MIDDLE_NS, begin, width), *(first, behind), *self._values, _FREQUENT),
        )
        return sorted(rows + self._frequent(begin, width, first, behind))

    def _frequent(self, begin: int, width: int, first: int, behind: int) -> list[tuple[int, int, int]]:
        """As `by_column`, of the most frequent severity."""
        if not self._has_frequent:
            return []
        columns = range(
            (first * LOG_SLOT_NS + _MIDDLE_NS - begin) // width,
            ((behind - 1) * LOG_SLOT_NS + _MIDDLE_NS - begin) // width + 1,
        )
        starts = [max(first, -(-(begin + column * width - _MIDDLE_NS) // LOG_SLOT_NS)) for column in columns]
        stretches = list(zip(columns, starts, [*starts[1:], behind], strict=True))
        found = self._db.each(
            "WITH stretches (place, first, behind) AS (SELECT json_extract(value, '$[0]'), "
            "json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?)) "
            "SELECT place, (SELECT sum(n) FROM log_cells WHERE slot >= first AND slot < behind "
            f"AND {self._where} AND severity = ?) FROM stretches",
            (orjson.dumps(stretches).decode(), *self._values, _FREQUENT),
        )
        return [(column, _FREQUENT, n) for column, n in found if n]

    def overlapping(self, infos: Sequence[Info], window: Window) -> list[Info]:
        """The blocks in whose time there are any such logs."""
        if self._where == "1":
            return list(infos)
        first, last = (at // LOG_SLOT_NS for at in (window.from_unix_nano, window.to_unix_nano))
        rows = self._db.each(
            "SELECT DISTINCT slot FROM log_cells "
            f"WHERE slot >= ? AND slot <= ? AND {self._where} ORDER BY slot",
            (first, last, *self._values),
        )
        slots = [slot for (slot,) in rows]
        if not slots:
            return []
        return [info for info in infos if _any_between(slots, info, first, last)]


def _any_between(slots: Sequence[int], info: Info, first: int, last: int) -> bool:
    """Whether one of the slots is in the time of a block and between the first and the last."""
    low, high = max(info.oldest // LOG_SLOT_NS, first), min(info.newest // LOG_SLOT_NS, last)
    return bisect_left(slots, low) < bisect_right(slots, high)
