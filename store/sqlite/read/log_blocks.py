"""Stored logs as a read session sees them: blocks of them in order of time, whichever form they have.

A block is a part (`log_parts`) or a stretch of the rows of `logs`. Only this module knows where a log is.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, partial
from operator import attrgetter
from typing import Final, NamedTuple

from store.queries import Window
from store.sqlite.log_parts import (
    DamagedLogs,
    KeptLog,
    LogKind,
    Pieces,
    Table,
    by_time,
    joined,
    kinds_of,
    read_pieces,
    read_table,
)
from store.sqlite.read.log_part_times import parts_within
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.shared import BoundedCache

_LOG = logging.getLogger(__name__)
_STRETCH: Final = 4_096
"""Numbers of a block of rows: a file of before has all its logs in rows."""
_TABLES_BYTES: Final = 8 * 1024**2
"""Columns of 800 parts."""
_COLUMNS_BYTES: Final = 4 * 1024**2
"""Messages, texts and ids of 80 parts: a list of what is seldom reads a few of 25 parts."""
_KEPT_COLUMNS: Final = 200
"""Of a question: those of a search of a thousand parts would replace one another. What it finds is kept."""
_KINDS: Final = 5_000
"""What logs have in common with others, of which each is in memory once."""
_LONG_NS: Final = 3_600 * 10**9
"""From a longer range on the times of all parts are kept: of a shorter one the index is read."""
_OPENED: Final = 32
"""Blocks that a snapshot keeps open for the next question of a page: with texts and messages 3 MB."""
_ROWS: Final = (
    "SELECT seq, time, severity, service, coalesce(trace_id, x''), coalesce(span_id, x''), "
    "coalesce(session_id, ''), body, resource, scope, raw FROM logs WHERE seq >= ? AND seq <= ?"
)


class Info(NamedTuple):
    """What chooses a block, without reading it."""

    part: int
    """Its number in `log_parts`; 0 of rows."""
    first: int
    """The lowest number of its logs, and `last` the highest: those of other blocks may lie between."""
    last: int
    oldest: int
    """The time of its first log, and `newest` of its last."""
    newest: int
    n: int


_INFO_OF: Final = partial(tuple.__new__, Info)
"""In C: `Info._make` took a fifth of what a question for a thousand blocks takes."""
NEWEST: Final = attrgetter("newest", "oldest", "first")
"""By what the newest block is found, the same for the same blocks."""


class Block:
    """The logs of a block, read and decompressed as far as they are asked for. Reading raises DamagedLogs."""

    def __init__(self, info: Info, table: Callable[[], Table], pieces: Callable[[str], Pieces]) -> None:
        """`table` reads what every search needs, `pieces` another column."""
        self.info = info
        self._read_table = table
        self._pieces = pieces

    @cached_property
    def table(self) -> Table:
        """What every search needs of them."""
        return self._read_table()

    @cached_property
    def traces(self) -> Pieces:
        """Their trace ids, empty where a log has none, like the span ids."""
        return self._pieces("traces")

    @cached_property
    def spans(self) -> Pieces:
        """Their span ids."""
        return self._pieces("spans")

    @cached_property
    def texts(self) -> Pieces:
        """Their texts in UTF-8."""
        return self._pieces("texts")

    @cached_property
    def raws(self) -> Pieces:
        """Their messages."""
        return self._pieces("raws")

    def kind(self, place: int) -> LogKind:
        """What a log has in common with others."""
        return self.table.kinds[self.table.places[place]]


class _RowBlock(Block):
    """A stretch of rows, in order of time."""

    def __init__(self, info: Info, logs: Sequence[KeptLog]) -> None:
        kinds, places = kinds_of(logs, {})
        table = Table([log.seq for log in logs], [log.time for log in logs], places, kinds)
        super().__init__(info, lambda: table, lambda _: joined([]))
        self.traces = joined([log.trace_id for log in logs])
        self.spans = joined([log.span_id for log in logs])
        self.texts = joined([log.body.encode() for log in logs])
        self.raws = joined([log.raw for log in logs])


class _Tables(BoundedCache[int, Table]):
    """The columns of parts, which never change, by their number."""

    def __init__(self) -> None:
        super().__init__(_TABLES_BYTES, lambda table: 800 + 18 * len(table.seqs) + 40 * len(table.kinds))
        self._kinds: dict[LogKind, LogKind] = {}

    def shared(self, part: int, table: Table) -> Table:
        """Keep a table, with what it has in common with others once."""
        if len(self._kinds) > _KINDS:
            self._kinds.clear()
        kinds = list(map(self._kinds.setdefault, table.kinds, table.kinds))
        kept = Table(table.seqs, table.times, table.places, kinds)
        self.keep(part, kept)
        return kept


class _Columns(BoundedCache[tuple[int, str], Pieces]):
    """Decompressed columns of parts, which never change, by part and name."""

    def __init__(self) -> None:
        super().__init__(_COLUMNS_BYTES, lambda pieces: 600 + len(pieces.whole))


class _Opened(dict[int, Block]):
    """Blocks that were opened in this snapshot, the last used last: by part; rows by the negative of their
    first number."""


class _Within(dict[Window, Sequence[Info]]):
    """The blocks of windows that questions of this snapshot named."""


class _Stretches(list[Info]):
    """The blocks of rows of this snapshot, once they were asked for."""

    read = False


class LogBlocks:
    """The blocks of one snapshot."""

    def __init__(self, db: ReadSession) -> None:
        self._db = db
        self._has_parts = db.one("SELECT 1 FROM sqlite_master WHERE name = 'log_parts'") is not None
        """A file of an earlier schema has none until a writer opens it."""
        self._columns_read = 0

    def within(self, window: Window) -> Sequence[Info]:
        """Those with logs of this window."""
        known = self._db.noted.of(_Within)
        if window not in known:
            begin, end = window.from_unix_nano, window.to_unix_nano
            found = [info for info in self.rows() if info.newest >= begin and info.oldest < end]
            if self._has_parts and window.duration_ns > _LONG_NS:
                known[window] = found + list(map(_INFO_OF, parts_within(self._db, begin, end)))
            else:
                known[window] = found + self._infos(
                    "newest >= ? AND oldest < ?", (begin, end), "log_parts_by_time"
                )
        return known[window]

    def newest_within(self, window: Window, most: int) -> list[Info]:
        """The newest of them, newest first, at most as many."""
        begin, end = window.from_unix_nano, window.to_unix_nano
        found = [info for info in self.rows() if info.newest >= begin and info.oldest < end]
        condition = f"newest >= ? AND oldest < ? ORDER BY newest DESC, oldest DESC, first DESC LIMIT {most}"
        found += self._infos(condition, (begin, end), "log_parts_by_time")
        return sorted(found, key=NEWEST, reverse=True)[:most]

    def after(self, number: int) -> list[Info]:
        """Those with logs that arrived after this one."""
        found = [info for info in self.rows() if info.last > number]
        return found + self._infos("last > ?", (number,), "log_parts_by_time")

    def with_keys(self, keys: Iterable[int]) -> tuple[list[Info], dict[int, list[int]]]:
        """Those that may hold logs of traces or sessions with these keys (`log_keys`), and of each part which
        of the keys it has."""
        asked = list(keys)
        found, keys_of = list(self.rows()), dict[int, list[int]]()
        if not self._has_parts or not asked:
            return found, keys_of
        for begin in range(0, len(asked), 500):
            some = asked[begin : begin + 500]
            marks = ", ".join("?" * len(some))
            for part, key in self._db.each(f"SELECT part, key FROM log_keys WHERE key IN ({marks})", some):
                keys_of.setdefault(part, []).append(key)
        for part in keys_of:
            found += self._infos("id = ?", (part,))
        return found, keys_of

    def rows(self) -> Sequence[Info]:
        """The blocks of what is still in rows. They have to be searched whatever is sought."""
        known = self._db.noted.of(_Stretches)
        if not known.read:
            known.extend(
                Info(0, *row)
                for row in self._db.each(
                    "SELECT min(seq), max(seq), min(time), max(time), count(*) FROM logs "
                    f"GROUP BY seq / {_STRETCH}"
                )
            )
            known.read = True
        return known

    def _infos(self, condition: str, values: Sequence[object], index: str = "") -> list[Info]:
        if not self._has_parts:
            return []
        hint = f" INDEXED BY {index}" if index else ""
        rows = self._db.each(
            f"SELECT id, first, last, oldest, newest, n FROM log_parts{hint} WHERE {condition}", values
        )
        return list(map(_INFO_OF, rows))

    def open(self, info: Info) -> Block:
        """The logs of a block. Raises DamagedLogs."""
        self._db.check_time()
        opened = self._db.noted.of(_Opened)
        key = info.part or -info.first
        block = opened.pop(key, None)
        if block is None:
            block = self._part(info) if info.part else self._of_rows(info)
            while len(opened) >= _OPENED:
                del opened[next(iter(opened))]
        opened[key] = block
        return block

    def readable(self, infos: Iterable[Info]) -> Iterator[Block]:
        """The blocks that can be read: one that is damaged is left out, and it is logged."""
        for info in infos:
            try:
                yield self.open(info)
            except DamagedLogs as error:
                _LOG.warning("left out: %s", error)

    def _of_rows(self, info: Info) -> Block:
        rows = self._db.each(_ROWS, (info.first, info.last))
        return _RowBlock(info, sorted(map(KeptLog._make, rows), key=by_time))

    def _part(self, info: Info) -> Block:
        block = Block(info, lambda: self._table(info.part), lambda column: self._pieces(info, column))
        known = self._db.shared.of(_Tables).get(info.part)
        if known is not None:
            # A search over hours opens a thousand.
            block.table = known
        return block

    def _pieces(self, info: Info, column: str) -> Pieces:
        columns, key = self._db.shared.of(_Columns), (info.part, column)
        found = columns.get(key)
        if found is None:
            found = read_pieces(info.part, info.n, self._read(info.part, column))
            self._columns_read += 1
            if self._columns_read <= _KEPT_COLUMNS:
                columns.keep(key, found)
        return found

    def _table(self, part: int) -> Table:
        tables = self._db.shared.of(_Tables)
        return tables.get(part) or tables.shared(part, read_table(part, self._read(part, "columns")))

    def _read(self, part: int, column: str) -> bytes:
        row = self._db.one(f"SELECT {column} FROM log_parts WHERE id = ?", (part,))
        found: bytes = row[0] if row else b""
        return found

    def place_of(self, number: int) -> tuple[Block, int] | None:
        """Where a log is; None if it is not stored. Raises DamagedLogs."""
        infos = [info for info in self.rows() if info.first <= number <= info.last]
        for info in infos + self._infos("first <= ? AND last >= ?", (number, number), "log_parts_by_time"):
            block = self.open(info)
            if number in block.table.seqs:
                return block, block.table.seqs.index(number)
        return None

    def places_of(self, numbers: Iterable[int]) -> Iterator[tuple[Block, int]]:
        """Where logs are; those that are not stored, or damaged, are left out."""
        for number in numbers:
            try:
                found = self.place_of(number)
            except DamagedLogs as error:
                _LOG.warning("left out: %s", error)
                continue
            if found is not None:
                yield found

    def newest_number(self) -> int:
        """The highest number of a log, 0 if there is none."""
        row = self._db.one("SELECT max(last) FROM log_parts") if self._has_parts else None
        of_rows = self._db.one("SELECT max(seq) FROM logs")
        return max([each[0] or 0 for each in (row, of_rows) if each], default=0)
