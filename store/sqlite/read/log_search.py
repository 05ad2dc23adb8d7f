"""A log query: one page, the count, or the counts over time.

Conditions on time, service, severity, environment and ids are applied to all logs. A frequent text or an
attribute that is not indexed is searched in a bounded number of them, from the end where the order begins.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from itertools import islice
from operator import itemgetter
from typing import Final, NamedTuple

from store.api import BadQuery, LogQuery
from store.queries import Window
from store.sqlite.read import attribute_scan
from store.sqlite.read.log_blocks import NEWEST, Block, Info, LogBlocks
from store.sqlite.read.log_cells import LogCells
from store.sqlite.read.log_columns import counts_by_column
from store.sqlite.read.log_match import BEHIND_ALL, LogMatch, LogRange
from store.sqlite.read.log_order import Counted, Stretch
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.row_mapping import make_cursor, read_cursor
from store.sqlite.table_layout import LOG_SLOT_NS

_LOOKED: Final = 30
"""Blocks that are read before it is looked up which others have logs of the service and severity."""


_MANY: Final = 5 * _LOOKED
"""Blocks that are read one after another before all of a range are put in order."""


class Hit(NamedTuple):
    """A log that matches, in the order that is asked for."""

    key: tuple[int, int]
    block: Block
    place: int


class _Questions(dict[tuple[object, ...], "_Question"]):
    """What questions of this snapshot have in common with the next ones."""


class _Question:
    """Which logs are asked for, apart from how many and where a page begins."""

    def __init__(self, db: ReadSession, query: LogQuery) -> None:
        self.blocks = LogBlocks(db)
        self.match = LogMatch(db, query, self.blocks)
        self.bounds: dict[LogRange, int | None] = {}
        """How far ranges are read."""
        self.hits: dict[LogRange, _Hits] = {}


def _question(db: ReadSession, query: LogQuery) -> _Question:
    """A page asks for its logs, counts them, and asks for their fields."""
    known = db.noted.of(_Questions)
    key = tuple([_hashable(getattr(query, name)) for name in _ASKED])
    found = known.get(key)
    if found is None:
        found = known[key] = _Question(db, query)
    return found


def _hashable(value: object) -> object:
    if isinstance(value, Mapping):
        return tuple(value.items())
    return tuple(value) if isinstance(value, list) else value


_ASKED: Final = tuple([each.name for each in fields(LogQuery) if each.name not in ("limit", "cursor")])


class _Hits:
    """What matches in a range, in order, as far as it was asked for."""

    def __init__(self, all_of: Iterator[Hit]) -> None:
        self._all = all_of
        self._found: list[Hit] = []

    def first(self, most: int) -> list[Hit]:
        """The first of them, up to a number."""
        self._found += islice(self._all, max(0, most - len(self._found)))
        return self._found[:most]


class Search:
    """One query. `order` is `newest`, `oldest` or, for logs that arrived after another, `after`."""

    def __init__(self, db: ReadSession, query: LogQuery) -> None:
        self._db = db
        self._query = query
        self._question = _question(db, query)
        self._blocks, self._match = self._question.blocks, self._question.match
        self.order = "after" if query.after is not None else "oldest" if query.oldest_first else "newest"
        self._all = LogRange(query.window)
        if query.after is not None:
            self._all = LogRange(None, above=log_number(query.after))

    # -- what matches, in order ---------------------------------------------------------------

    def _begin_of(self) -> Callable[[Info], int]:
        """By what a block's first log comes in the order that is asked for."""
        return {
            "newest": lambda info: -info.newest,
            "oldest": lambda info: info.oldest,
            "after": lambda info: info.first,
        }[self.order]

    def _keys_of(self, block: Block, places: Sequence[int]) -> list[tuple[int, int]]:
        """By what logs are in the order that is asked for."""
        times, seqs = block.table.times, block.table.seqs
        if self.order == "newest":
            return [(-times[place], -seqs[place]) for place in places]
        if self.order == "oldest":
            return [(times[place], seqs[place]) for place in places]
        return [(seqs[place], 0) for place in places]

    def _in_order(self, asked: LogRange, most: int) -> tuple[list[Info], bool]:
        """The blocks with logs of a range, in the order that is asked for; whether only the first of them."""
        window = asked.window
        if (
            most <= _MANY
            and self.order == "newest"
            and self.is_cheap
            and window
            and not self._match.is_narrow
        ):
            found = self._blocks.newest_within(window, most)
            return found, len(found) == most
        return self._sorted(self._match.infos(asked)), False

    def _sorted(self, infos: Iterable[Info]) -> list[Info]:
        if self.order == "newest":
            # Not by time alone: those of `newest_within` come in the same order.
            return sorted(infos, key=NEWEST, reverse=True)
        return sorted(infos, key=self._begin_of())

    def _with_any(self, asked: LogRange, window: Window, looked: list[Info]) -> list[Info]:
        """Blocks that were looked at, and behind them, in order, those in whose time may be what matches.

        These are chosen before they are put in order: of ten thousand there may be none.
        """
        some = self._cells().overlapping(self._match.infos(asked), window)
        known = frozenset(looked)
        return looked + self._sorted(info for info in some if info not in known)

    def _hits(self, asked: LogRange) -> Iterator[Hit]:
        """What matches, in the order that is asked for; blocks are read as far as hits are taken."""
        begin_of = self._begin_of()
        infos, are_cut = self._in_order(asked, _LOOKED)
        waiting: list[tuple[tuple[int, int], int, Block]] = []
        number = unknown = 0
        while number < len(infos):
            if are_cut and number + 1 == len(infos):
                infos, are_cut = self._in_order(asked, 5 * len(infos))
            info = infos[number]
            number += 1
            unknown += not self._match.is_known(info)
            if unknown == _LOOKED and asked.window is not None and not self._match.is_narrow:
                # What is so seldom: most blocks have none.
                infos, are_cut = self._with_any(asked, asked.window, infos[:number]), False
                unknown += 1
            if matching := self._match.matching(info, asked):
                block, places = matching
                keys = self._keys_of(block, places)
                waiting += [(key, place, block) for key, place in zip(keys, places, strict=True)]
                waiting.sort(key=itemgetter(0))
            # Those before all logs of the blocks that are not read yet.
            ready = len(waiting)
            if number < len(infos):
                ready = bisect_left(waiting, begin_of(infos[number]), key=lambda each: each[0][0])
            yield from [Hit(key, block, place) for key, place, block in waiting[:ready]]
            del waiting[:ready]

    def _bound(self, asked: LogRange) -> int | None:
        """Time (for `after`: number) of the last log that is read; None if all are."""
        if not self._match.is_bounded:
            return None
        known = self._question.bounds
        if asked not in known:
            found = self._bound_of_numbers(asked) if asked.window is None else self._bound_of_times(asked)
            known[asked] = -found if found is not None and self.order == "newest" else found
        return known[asked]

    def _bound_of_numbers(self, asked: LogRange) -> int | None:
        most, found = attribute_scan.MAX_LOGS, list[int]()
        for info in sorted(self._match.infos(asked), key=self._begin_of()):
            if len(found) >= most and info.first > found[most - 1]:
                break
            for block in self._blocks.readable([info]):
                found += self._firsts_of(block, self._match.cheap(block, asked))
            if len(found) >= most:
                found.sort()
                del found[most:]
        return found[-1] if len(found) >= most else None

    def _bound_of_times(self, asked: LogRange) -> int | None:
        """Blocks are counted, and only those around the bound are looked at."""
        begin_of, most = self._begin_of(), attribute_scan.MAX_LOGS
        counted = Counted[Info]()
        for info in sorted(self._match.infos(asked), key=begin_of):
            first = begin_of(info)
            if counted.are_before(first) >= most:
                break
            if places := self._match.cheap_places(info, asked):
                last = -info.oldest if self.order == "newest" else info.newest
                counted.add(Stretch(first, last, info, places))
        return counted.nth(most, self._firsts_in)

    def _firsts_in(self, info: Info, places: Sequence[int]) -> list[int]:
        return [each for block in self._blocks.readable([info]) for each in self._firsts_of(block, places)]

    def _firsts_of(self, block: Block, places: Sequence[int]) -> list[int]:
        """The first numbers of `_keys_of`."""
        column = block.table.seqs if self.order == "after" else block.table.times
        if self.order == "newest":
            return [-column[place] for place in places]
        return [column[place] for place in places]

    def _within(self, asked: LogRange, bound: int | None) -> LogRange:
        """The logs of a range up to the bound."""
        if bound is None:
            return asked
        window = asked.window
        if window is None:
            return replace(asked, upto=bound)
        if self.order == "oldest":
            return replace(asked, window=Window(window.from_unix_nano, min(window.to_unix_nano, bound + 1)))
        return replace(asked, window=Window(max(window.from_unix_nano, bound), window.to_unix_nano))

    # -- the answers --------------------------------------------------------------------------

    def places(self, limit: int) -> tuple[list[tuple[Block, int]], str | None, bool]:
        """(logs by block and place, cursor to go on, whether the bound ended the search)."""
        asked = self._behind(read_cursor(self._query.cursor, self.order))
        bound = self._bound(asked)
        hits = self._first_hits(self._within(asked, bound), limit + 1)
        found = [(hit.block, hit.place) for hit in hits[:limit]]
        if len(hits) > limit:
            table, place = hits[limit - 1].block.table, hits[limit - 1].place
            return found, make_cursor(self.order, table.times[place], table.seqs[place]), False
        if bound is None:
            return found, None, False
        behind = {"after": (0, bound), "oldest": (bound, BEHIND_ALL), "newest": (bound, 0)}[self.order]
        return found, make_cursor(self.order, *behind), True

    def _first_hits(self, asked: LogRange, most: int) -> list[Hit]:
        known = self._question.hits
        if asked not in known:
            known[asked] = _Hits(self._hits(asked))
        return known[asked].first(most)

    def _behind(self, after: Sequence[int] | None) -> LogRange:
        """What is asked for behind the end of the page before."""
        asked, window = self._all, self._all.window
        if after is None:
            return asked
        time, seq = after
        if window is None:
            return replace(asked, above=max(asked.above, seq))
        begin, end = window.from_unix_nano, window.to_unix_nano
        if self.order == "oldest":
            return LogRange(Window(max(begin, time), end), (time, seq))
        return LogRange(Window(begin, min(end, time + 1)), (time, seq))

    def count(self) -> int:
        """How many match, of all logs."""
        first, behind = self._whole_slots()
        if self._is_summed() and first < behind:
            edges = sum([part._counted() for part in self._edges(first, behind)])
            return self._cells().total(first, behind) + edges
        return self._counted()

    def _counted(self) -> int:
        return sum([self._match.number(info, self._all) for info in self._match.infos(self._all)])

    def by_column(self, begin: int, width: int) -> tuple[list[tuple[int, int, int]], int | None]:
        """(column, severity number, count), a column and severity perhaps several times; the bound.

        Sums by slot serve columns of at least 4 slots: each slot is filed by its middle, and the
        parts of slots at both ends are counted log by log, as in `count`.
        """
        first, behind = self._whole_slots()
        if self.is_by_slots(width):
            found = self._cells().by_column(begin, width, first, behind)
            for part in self._edges(first, behind):
                found += part._in_columns(begin, width, part._all)
            return found, None
        bound = self._bound(self._all)
        return self._in_columns(begin, width, self._within(self._all, bound)), bound

    def is_by_slots(self, width: int) -> bool:
        """Whether columns of this width are summed of slots, as `count` is: they add up to all that match."""
        first, behind = self._whole_slots()
        return width >= 4 * LOG_SLOT_NS and self._is_summed() and first < behind

    def _in_columns(self, begin: int, width: int, asked: LogRange) -> list[tuple[int, int, int]]:
        """(column, severity number, count) of what matches in a range."""
        return counts_by_column(self._match, self._blocks, asked, begin, width)

    def _is_summed(self) -> bool:
        """Whether `log_cells` can answer the query."""
        return self.is_cheap and not self._match.is_narrow and self._query.after is None

    @property
    def is_cheap(self) -> bool:
        """Whether neither texts nor attributes decide which logs match."""
        query = self._query
        return not (query.attributes or query.like or query.excluded or query.text)

    def _cells(self) -> LogCells:
        return LogCells(self._db, self._query.service, self._match.severities, self._query.environment)

    def _whole_slots(self) -> tuple[int, int]:
        """The first whole slot of the window, and the one behind the last."""
        window = self._query.window
        return -(-window.from_unix_nano // LOG_SLOT_NS), window.to_unix_nano // LOG_SLOT_NS

    def _edges(self, first: int, behind: int) -> list[Search]:
        """The same search in the parts of slots at both ends of the window."""
        window = self._query.window
        parts = (
            (window.from_unix_nano, first * LOG_SLOT_NS),
            (behind * LOG_SLOT_NS, window.to_unix_nano),
        )
        return [
            Search(self._db, replace(self._query, window=Window(begin, end)))
            for begin, end in parts
            if begin < end
        ]


def log_number(log_id: str) -> int:
    """A log's number in the table; raise BadQuery for anything but a log id."""
    if not (log_id.isascii() and log_id.isdigit() and len(log_id) < 19):
        raise BadQuery(f"{log_id[:80]!r} is not a log id: take one from a list of logs.")
    return int(log_id)
