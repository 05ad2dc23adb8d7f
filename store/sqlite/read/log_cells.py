"""Counts of logs by slots of 10 s, as `log_cells` keeps them."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from store.queries import Window
from store.sqlite.read.log_blocks import Info
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.table_layout import LOG_SLOT_NS


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

    def total(self, first: int, behind: int) -> int:
        """How many there are in whole slots."""
        row = self._db.one(
            f"SELECT sum(n) FROM log_cells WHERE slot >= ? AND slot < ? AND {self._where}",
            (first, behind, *self._values),
        )
        return (row[0] or 0) if row else 0

    def by_column(self, begin: int, width: int, first: int, behind: int) -> list[tuple[int, int, int]]:
        """(column, severity number, count) of whole slots, each filed by its middle."""
        return self._db.all(
            "SELECT (slot * ? + ? - ?) / ?, severity, sum(n) FROM log_cells "
            f"WHERE slot >= ? AND slot < ? AND {self._where} GROUP BY 1, 2",
            (*(LOG_SLOT_NS, LOG_SLOT_NS // 2, begin, width), *(first, behind), *self._values),
        )

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
        return [info for info in infos if _any_between(slots, info, first, last)]


def _any_between(slots: Sequence[int], info: Info, first: int, last: int) -> bool:
    """Whether one of the slots is in the time of a block and between the first and the last."""
    low, high = max(info.oldest // LOG_SLOT_NS, first), min(info.newest // LOG_SLOT_NS, last)
    return bisect_left(slots, low) < bisect_right(slots, high)
