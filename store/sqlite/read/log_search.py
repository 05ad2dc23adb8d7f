"""A log query: one page, the count, or the counts over time.

Conditions on time, service, severity, environment and ids are applied to all logs. A frequent text or an
attribute that is not indexed is searched in a bounded number of them, from the end where the order begins.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

import hashlib
import logging
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import compress, islice
from typing import Final, NamedTuple

from signals.model import Severity
from store.api import BadQuery, LogQuery
from store.queries import Window
from store.question_parts import words_of
from store.sqlite.log_keys import session_key, trace_key
from store.sqlite.log_parts import DamagedLogs, LogKind
from store.sqlite.read import attribute_scan
from store.sqlite.read.attribute_names import is_never_seen
from store.sqlite.read.log_attributes import Carrying, Holding, LogCondition
from store.sqlite.read.log_blocks import Block, Info, LogBlocks, LogRows
from store.sqlite.read.log_cells import LogCells
from store.sqlite.read.log_text import Words, parts_with
from store.sqlite.read.read_connection import ReadSession, Row
from store.sqlite.read.row_mapping import make_cursor, read_cursor, span_bytes, trace_bytes
from store.sqlite.read.shared import BoundedCache
from store.sqlite.table_layout import LOG_SLOT_NS

_LOG = logging.getLogger(__name__)
_BEHIND_ALL: Final = Window.ALL.to_unix_nano
"""Greater than any number of a log: the cursor of an oldest-first page that ended at a time."""
_FEW: Final = 20_000
"""With at most this many hits in its window, a text is searched in all of it."""
_SEARCHED_BYTES: Final = 4 * 1024**2
_LOOKED: Final = 30
"""Blocks that are read before it is looked up which others have logs of the service and severity."""


class _Searched(BoundedCache[tuple[bytes, int], "array[int]"]):
    """Which logs of a part fulfil a condition, by condition and part: neither changes."""

    def __init__(self) -> None:
        super().__init__(_SEARCHED_BYTES, lambda places: 250 + 2 * len(places))


class Hit(NamedTuple):
    """A log that matches, in the order that is asked for."""

    key: tuple[int, int]
    block: Block
    place: int


@dataclass(frozen=True, slots=True)
class _Range:
    """Of which logs: a window, or numbers where logs after another are sought."""

    window: Window | None
    beyond: tuple[int, int] | None = None
    """Time and number of the log behind which the page begins."""
    above: int = -1
    upto: int = _BEHIND_ALL

    def places(self, block: Block, *, newest: bool) -> range | list[int]:
        """Those of a block."""
        seqs, times = block.table.seqs, block.table.times
        if self.window is None:
            return [place for place, seq in enumerate(seqs) if self.above < seq <= self.upto]
        begin = bisect_left(times, self.window.from_unix_nano)
        end = bisect_left(times, self.window.to_unix_nano)
        if self.beyond is not None:
            time, seq = self.beyond
            same = bisect_left(times, time), bisect_right(times, time)
            if newest:
                end = min(end, bisect_left(seqs, seq, *same))
            else:
                begin = max(begin, bisect_right(seqs, seq, *same))
        return range(begin, max(begin, end))


class Search:
    """One query. `order` is `newest`, `oldest` or, for logs that arrived after another, `after`."""

    def __init__(self, db: ReadSession, query: LogQuery) -> None:
        self._db = db
        self._query = query
        self._blocks = LogBlocks(db)
        self._searched = db.shared.of(_Searched)
        self.order = "after" if query.after is not None else "oldest" if query.oldest_first else "newest"
        self._all = (
            _Range(None, above=log_number(query.after)) if query.after is not None else _Range(query.window)
        )
        self._keys, self._wanted_ids = _ids_of(query)
        self._narrow = self._keys is not None or query.span_id is not None
        self._severities = _severity_ranges(query.severities)
        self._resources = (
            attribute_scan.resources_of(db, query.environment) if query.environment is not None else None
        )
        self._conditions: list[tuple[bytes, LogCondition, bool]] = []
        """Digest, condition, and whether it must hold, or must not: texts and attributes."""
        self._parts: frozenset[int] | None = None
        """The parts in which the text may be; None where all are to be searched."""
        self._nowhere = False
        """Whether nothing can match."""
        self._bounded = False
        """Whether only a bounded number of logs may be read."""
        self._attributes(query)
        if query.text:
            self._text(words_of(query.text))

    def _condition(self, condition: LogCondition, *, wanted: bool = True) -> bytes:
        digest = hashlib.blake2b(condition.key.encode("utf-8", "replace"), digest_size=16).digest()
        self._conditions.append((digest, condition, wanted))
        return digest

    def _attributes(self, query: LogQuery) -> None:
        """Conditions on attributes; nothing is read for one that nothing has."""
        db = self._db
        nowhere = {
            name
            for name in {*query.attributes, *query.like, *(name for name, _ in query.excluded)}
            if is_never_seen(db, name)
        }
        if not nowhere.isdisjoint({*query.attributes, *query.like}):
            self._nowhere = True
            return
        for name, value in query.attributes.items():
            self._condition(Carrying(db, name, value))
        for name, part in query.like.items():
            self._condition(Holding(db, name, part))
        for name, value in query.excluded:
            if name not in nowhere:
                self._condition(Carrying(db, name, value), wanted=False)
        self._bounded = not self._narrow and bool(self._conditions)

    def _text(self, words: Sequence[str]) -> None:
        """Every word is a substring; all of the window is searched if it has few."""
        words_in = Words(words)
        digest = self._condition(words_in)
        if self._narrow or self.order == "after" or self._nowhere:
            return
        self._parts = parts_with(self._db, words)
        self._bounded = self._parts is None or not self._is_rare(digest, words_in)

    def _is_rare(self, digest: bytes, words: Words) -> bool:
        """Whether few logs of the window have the text, or seem to after the newest ones were searched."""
        infos = [info for info in self._blocks.within(self._query.window) if self._may_hold(info)]
        total = sum([info.n for info in infos])
        hits = searched = 0
        for info in sorted(infos, key=lambda info: -info.newest):
            hits += len(self._fulfilling(digest, words, info))
            searched += info.n
            if hits > _FEW:
                return False
            if searched >= attribute_scan.MAX_LOGS and hits * total > 4 * _FEW * searched:
                return False
        return True

    def _may_hold(self, info: Info) -> bool:
        return self._parts is None or not info.part or info.part in self._parts

    def _fulfilling(self, digest: bytes, condition: LogCondition, info: Info) -> Sequence[int]:
        """The places of the logs of a block that fulfil a condition; none of one that is damaged."""
        key = digest, info.part
        known = self._searched.get(key) if info.part else None
        if known is not None:
            return known
        try:
            found = array("H", condition.places(self._blocks.open(info)))
        except DamagedLogs as error:
            _LOG.warning("left out: %s", error)
            return ()
        if info.part:
            self._searched.update({key: found})
        return found

    # -- which logs match ---------------------------------------------------------------------

    def _infos(self, asked: _Range) -> list[Info]:
        """The blocks that may hold logs of this range."""
        if self._nowhere:
            return []
        if self._keys is not None:
            found = self._blocks.with_keys(self._keys)
        elif asked.window is None:
            found = self._blocks.after(asked.above)
        else:
            found = self._blocks.within(asked.window)
        return [info for info in found if _overlaps(info, asked)]

    def _cheap(self, block: Block, asked: _Range) -> Sequence[int]:
        """The places of the logs of a block that match all but texts and attributes."""
        places: Sequence[int] = asked.places(block, newest=self.order == "newest")
        table = block.table
        fits = list(map(self._fits, table.kinds))
        if not all(fits):
            places = list(compress(places, map(fits.__getitem__, map(table.places.__getitem__, places))))
        for with_ids in self._wanted_ids:
            places = sorted(with_ids(block).intersection(places))
        return places

    def _fits(self, kind: LogKind) -> bool:
        query = self._query
        return (
            (query.service is None or kind.service == query.service)
            and (self._resources is None or kind.resource in self._resources)
            and (
                not self._severities
                or any(low <= kind.severity <= high for low, high in self._severities)
            )
        )

    def _matching(self, info: Info, asked: _Range) -> tuple[Block, Sequence[int]] | None:
        """A block and the places of the logs in it that match; None if there are none."""
        if not self._may_hold(info):
            return None
        costly = [(self._fulfilling(*each, info), wanted) for *each, wanted in self._conditions]
        if any(wanted and not places for places, wanted in costly):
            return None
        try:
            block = self._blocks.open(info)
            found = self._cheap(block, asked)
        except DamagedLogs as error:
            _LOG.warning("left out: %s", error)
            return None
        for places, wanted in costly:
            if wanted and isinstance(found, range):
                found = places[bisect_left(places, found.start) : bisect_left(places, found.stop)]
            elif places:
                known = set(places)
                found = [place for place in found if (place in known) == wanted]
        return (block, found) if len(found) else None

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

    def _hits(self, asked: _Range) -> Iterator[Hit]:
        """What matches, in the order that is asked for; blocks are read as far as hits are taken."""
        begin_of = self._begin_of()
        infos = sorted(self._infos(asked), key=begin_of)
        waiting: list[tuple[tuple[int, int], int, Block]] = []
        for number, info in enumerate(infos, 1):
            if number == _LOOKED and asked.window is not None and not self._narrow:
                # What is so seldom: most blocks have none.
                infos[number:] = self._cells().overlapping(infos[number:], asked.window)
            if matching := self._matching(info, asked):
                block, places = matching
                keys = self._keys_of(block, places)
                waiting += [(key, place, block) for key, place in zip(keys, places, strict=True)]
                waiting.sort(key=lambda each: each[0])
            # Those before all logs of the blocks that are not read yet.
            ready = len(waiting)
            if number < len(infos):
                ready = bisect_left(waiting, begin_of(infos[number]), key=lambda each: each[0][0])
            yield from [Hit(key, block, place) for key, place, block in waiting[:ready]]
            del waiting[:ready]

    def _bound(self, asked: _Range) -> int | None:
        """Time (for `after`: number) of the last log that is read; None if all are."""
        if not self._bounded:
            return None
        begin_of, most = self._begin_of(), attribute_scan.MAX_LOGS
        found: list[int] = []
        for info in sorted(self._infos(asked), key=begin_of):
            if len(found) >= most and begin_of(info) > found[most - 1]:
                break
            for block in self._blocks.readable([info]):
                found += self._firsts_of(block, self._cheap(block, asked))
            if len(found) >= most:
                found.sort()
                del found[most:]
        if len(found) < most:
            return None
        return -found[-1] if self.order == "newest" else found[-1]

    def _firsts_of(self, block: Block, places: Sequence[int]) -> list[int]:
        """The first numbers of `_keys_of`."""
        column = block.table.seqs if self.order == "after" else block.table.times
        if self.order == "newest":
            return [-column[place] for place in places]
        return [column[place] for place in places]

    def _within(self, asked: _Range, bound: int | None) -> _Range:
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

    def page(self, limit: int) -> tuple[list[Row], str | None, bool]:
        """(logs as `row_model.log_of` takes them, cursor to go on, whether the bound ended the search)."""
        asked = self._behind(read_cursor(self._query.cursor, self.order))
        bound = self._bound(asked)
        hits = list(islice(self._hits(self._within(asked, bound)), limit + 1))
        rows = LogRows(self._db).rows([(hit.block, hit.place) for hit in hits[:limit]])
        if len(hits) > limit:
            table, place = hits[limit - 1].block.table, hits[limit - 1].place
            return rows, make_cursor(self.order, table.times[place], table.seqs[place]), False
        if bound is None:
            return rows, None, False
        behind = {"after": (0, bound), "oldest": (bound, _BEHIND_ALL), "newest": (bound, 0)}[self.order]
        return rows, make_cursor(self.order, *behind), True

    def _behind(self, after: Sequence[int] | None) -> _Range:
        """What is asked for behind the end of the page before."""
        asked, window = self._all, self._all.window
        if after is None:
            return asked
        time, seq = after
        if window is None:
            return replace(asked, above=max(asked.above, seq))
        begin, end = window.from_unix_nano, window.to_unix_nano
        if self.order == "oldest":
            return _Range(Window(max(begin, time), end), (time, seq))
        return _Range(Window(begin, min(end, time + 1)), (time, seq))

    def count(self) -> int:
        """How many match, of all logs."""
        first, behind = self._whole_slots()
        if self._is_summed() and first < behind:
            edges = sum([part._counted() for part in self._edges(first, behind)])
            return self._cells().total(first, behind) + edges
        return self._counted()

    def _counted(self) -> int:
        found = [self._matching(info, self._all) for info in self._infos(self._all)]
        return sum([len(each[1]) for each in found if each is not None])

    def by_column(self, begin: int, width: int) -> tuple[list[tuple[int, int, int]], int | None]:
        """(column, severity number, count), a column and severity perhaps several times; the bound.

        Sums by slot serve columns of at least 4 slots: each slot is filed by its middle, and the
        parts of slots at both ends are counted log by log, as in `count`.
        """
        first, behind = self._whole_slots()
        if width >= 4 * LOG_SLOT_NS and self._is_summed() and first < behind:
            found = self._cells().by_column(begin, width, first, behind)
            for part in self._edges(first, behind):
                found += part._in_columns(begin, width, part._all)
            return found, None
        bound = self._bound(self._all)
        return self._in_columns(begin, width, self._within(self._all, bound)), bound

    def _in_columns(self, begin: int, width: int, asked: _Range) -> list[tuple[int, int, int]]:
        """(column, severity number, count) of what matches in a range."""
        counts: Counter[tuple[int, int]] = Counter()
        for info in self._infos(asked):
            matching = self._matching(info, asked)
            if matching is None:
                continue
            (_, times, kinds, known), places = matching[0].table, matching[1]
            first, last = ((times[place] - begin) // width for place in (places[0], places[-1]))
            if first == last:
                for kind, n in Counter([kinds[place] for place in places]).items():
                    counts[first, known[kind].severity] += n
            else:
                counts.update(
                    [((times[place] - begin) // width, known[kinds[place]].severity) for place in places]
                )
        return [(*place, n) for place, n in sorted(counts.items())]

    def _is_summed(self) -> bool:
        """Whether `log_cells` can answer the query."""
        return self.is_cheap and not self._narrow and self._query.after is None

    @property
    def is_cheap(self) -> bool:
        """Whether neither texts nor attributes decide which logs match."""
        query = self._query
        return not (query.attributes or query.like or query.excluded or query.text)

    def _cells(self) -> LogCells:
        return LogCells(self._db, self._query.service, self._severities, self._query.environment)

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


def _overlaps(info: Info, asked: _Range) -> bool:
    if asked.window is None:
        return info.last > asked.above and info.first <= asked.upto
    return info.newest >= asked.window.from_unix_nano and info.oldest < asked.window.to_unix_nano


_Wanted = Callable[[Block], set[int]]
"""The places of the logs of a block that have an id."""


def _ids_of(query: LogQuery) -> tuple[set[int] | None, list[_Wanted]]:
    """(keys of the parts with logs of a query by ids, None of any other; which of their logs are meant)."""
    keys: set[int] | None = None
    wanted: list[_Wanted] = []
    session = query.session_id
    if session is not None:
        keys = {session_key(session)}
    if query.trace_ids:
        traces = frozenset(map(trace_bytes, query.trace_ids))
        keys = (keys or set()) | {trace_key(trace_id) for trace_id in traces}
        wanted.append(
            lambda block: set().union(_of_session(block, session), *(_of_trace(block, each) for each in traces))
        )
    elif session is not None:
        wanted.append(lambda block: _of_session(block, session))
    if query.trace_id is not None:
        trace = trace_bytes(query.trace_id)
        keys = {trace_key(trace)}
        wanted.append(lambda block: _of_trace(block, trace))
    if query.span_id is not None:
        span = span_bytes(query.span_id)
        wanted.append(lambda block: set(block.spans.with_bytes(span)))
    return keys, wanted


def _of_trace(block: Block, trace_id: bytes) -> set[int]:
    return set(block.traces.with_bytes(trace_id))


def _of_session(block: Block, session: str | None) -> set[int]:
    kinds = [kind.session == session for kind in block.table.kinds]
    return {place for place, kind in enumerate(block.table.places) if kinds[kind]}


def _severity_ranges(severities: frozenset[Severity]) -> list[tuple[int, int]]:
    """OTLP numbers severities 1 to 24, four to each name; 0 is unspecified, and counts as info."""
    ranges = []
    for place, severity in enumerate(Severity):
        if severity in severities:
            low = place * 4 + 1
            ranges.append((low, 2**31 if severity is Severity.FATAL else low + 3))
            if severity is Severity.INFO:
                ranges.append((-(2**31), 0))
    return ranges


def log_number(log_id: str) -> int:
    """A log's number in the table; raise BadQuery for anything but a log id."""
    if not (log_id.isascii() and log_id.isdigit() and len(log_id) < 19):
        raise BadQuery(f"{log_id[:80]!r} is not a log id: take one from a list of logs.")
    return int(log_id)
