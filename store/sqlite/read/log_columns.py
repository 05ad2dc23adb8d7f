"""How many logs of each severity match a query in each column of a histogram."""

from __future__ import annotations

import logging
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from store.sqlite.log_parts import DamagedLogs, Table
from store.sqlite.read.log_blocks import Info, LogBlocks
from store.sqlite.read.log_match import LogMatch, LogRange
from store.sqlite.read.log_tallies import Tally, tally_of

_LOG: Final = logging.getLogger(__name__)


class _Columns:
    """Columns of equal width."""

    def __init__(self, begin: int, width: int) -> None:
        self._begin = begin
        self._width = width
        self.counts: defaultdict[tuple[int, int], int] = defaultdict(int)
        """By column and severity number."""

    def only_one(self, info: Info) -> int | None:
        """The column of all logs of a block; None if they are in several."""
        column = (info.oldest - self._begin) // self._width
        return column if column == (info.newest - self._begin) // self._width else None

    def add(self, column: int, severities: Sequence[tuple[int, int]]) -> None:
        """So many logs of each severity."""
        for severity, n in severities:
            self.counts[column, severity] += n

    def add_each(self, table: Table, places: Sequence[int], tally: Tally, start: int, end: int) -> None:
        """The logs at the places from `start` to before `end`, which `tally` tells of.

        They are in the order of time: those of a column are a stretch.
        """
        times = table.times
        while start < end:
            column = (times[places[start]] - self._begin) // self._width
            behind = self._begin + (column + 1) * self._width
            stop = bisect_left(places, behind, start, end, key=times.__getitem__)
            self.add(column, tally.between(start, stop))
            start = stop


def counts_by_column(
    match: LogMatch, blocks: LogBlocks, asked: LogRange, begin: int, width: int
) -> list[tuple[int, int, int]]:
    """(column, severity number, count) of what matches in a range, in this order."""
    columns = _Columns(begin, width)
    by_time = asked.window is not None and not match.is_narrow
    for info in match.infos(asked):
        if by_time:
            _add_known(columns, match, blocks, info, asked)
        elif matching := match.matching(info, asked):
            table, places = matching[0].table, matching[1]
            columns.add_each(table, places, tally_of(table, places), 0, len(places))
    return [(*place, n) for place, n in sorted(columns.counts.items())]


def _add_known(columns: _Columns, match: LogMatch, blocks: LogBlocks, info: Info, asked: LogRange) -> None:
    """Of a block in one column nothing is read, if what matches there was counted before."""
    found = match.everywhere(info)
    if not found.places:
        return
    column, is_whole = columns.only_one(info), asked.holds_all(info)
    if found.tally is not None and column is not None and is_whole:
        columns.add(column, found.all)
        return
    try:
        block = blocks.open(info)
        tally = found.tallied(block.table)
        start, end = (0, len(found.places)) if is_whole else match.stretch(block, asked, found.places)
    except DamagedLogs as error:
        _LOG.warning("left out: %s", error)
        return
    if column is not None and is_whole:
        columns.add(column, found.all)
    else:
        columns.add_each(block.table, found.places, tally, start, end)
