"""Keeps logs: the newest as rows of `logs`, a thousand of them at a time packed into `log_parts`.

Logs come by fives and by hundreds, from many processes: only what many requests brought makes parts that
compress well and of which a search need not open many. Must run inside the writer's transaction.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final
from zlib import crc32

from signals.attributes import environment_of
from signals.folding import fold, is_simple
from store.decode import resource_attributes
from store.sqlite.log_keys import keys_of
from store.sqlite.log_parts import (
    DamagedLogs,
    KeptLog,
    Packed,
    by_time,
    cut_up,
    pack,
    part_check,
    read_table,
    unpack,
)
from store.sqlite.table_layout import LOG_SLOT_NS

ROUND: Final = 1_000
"""Rows that are packed at once: four parts."""
_ROUND_BYTES: Final = 4 * 1024**2
"""Of messages: as many are packed at once, at most, and no more than about as many are left as rows."""
_ROUNDS: Final = 8
"""Of one transaction, at most: of a file of before, whose logs all are rows, a second has many."""
_INSERT_ROW: Final = (
    "INSERT INTO logs (seq, time, severity, service, trace_id, span_id, session_id, body, resource, scope, "
    "raw, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_RAW: Final = 10
"""Place of the message in that."""
_ROWS: Final = (
    "SELECT seq, time, severity, service, coalesce(trace_id, x''), coalesce(span_id, x''), "
    "coalesce(session_id, ''), body, resource, scope, raw FROM logs"
)
_COUNT: Final = (
    "INSERT INTO log_cells (slot, service, severity, environment, n) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET n = n + excluded.n"
)
Cell = tuple[int, str, int, str, int]
"""Slot, service, severity, environment, count: of `log_cells`."""


class LogTables:
    """The tables of logs with all that leads to them and counts them. Used by the writer's thread."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._has_text = (
            connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'log_text'").fetchone() is not None
        )
        self._rows = self._bytes = 0
        """How many logs are rows, and the bytes of their messages."""
        self.invalidate()

    def invalidate(self) -> None:
        """Count anew: a transaction was rolled back."""
        counted = self._connection.execute("SELECT count(*), coalesce(sum(length(raw)), 0) FROM logs")
        self._rows, self._bytes = counted.fetchone()

    def newest(self) -> int:
        """The highest number of a log, 0 if there is none."""
        return max(self._one("SELECT max(seq) FROM logs"), self._one("SELECT max(last) FROM log_parts"))

    def oldest(self) -> int:
        """The lowest number of a log, 0 if there is none."""
        found = (self._one("SELECT min(seq) FROM logs"), self._one("SELECT min(first) FROM log_parts"))
        return min([number for number in found if number], default=0)

    def _one(self, question: str) -> int:
        return self._connection.execute(question).fetchone()[0] or 0

    def oldest_time(self, since: int) -> int | None:
        """The oldest time of a log from this one on; None if there is none."""
        execute = self._connection.execute
        found = [execute("SELECT min(time) FROM logs WHERE time >= ?", (since,)).fetchone()[0]]
        found.append(execute("SELECT min(oldest) FROM log_parts WHERE oldest >= ?", (since,)).fetchone()[0])
        for part, columns in execute(
            "SELECT id, columns FROM log_parts WHERE newest >= ? AND oldest < ?", (since, since)
        ):
            try:
                found.append(min(time for time in read_table(part, columns).times if time >= since))
            except DamagedLogs:
                continue
        return min([time for time in found if time is not None], default=None)

    def insert(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows with their checksums, which are newer than all before."""
        self._connection.executemany(_INSERT_ROW, rows)
        self._rows += len(rows)
        self._bytes += sum([len(row[_RAW]) for row in rows])

    @property
    def is_full(self) -> bool:
        """Whether there are rows enough to be packed."""
        return self._rows >= ROUND or self._bytes >= _ROUND_BYTES

    def pack(self) -> None:
        """Pack the oldest rows, a bounded number of them."""
        for _ in range(_ROUNDS):
            if not self.is_full:
                return
            logs = self._oldest_rows()
            self._connection.execute("DELETE FROM logs WHERE seq <= ?", (logs[-1].seq,))
            self._rows -= len(logs)
            self._bytes -= sum([len(log.raw) for log in logs])
            self._put(logs)

    def _oldest_rows(self) -> list[KeptLog]:
        found = map(KeptLog._make, self._connection.execute(f"{_ROWS} ORDER BY seq LIMIT {ROUND}"))
        if self._bytes < 2 * _ROUND_BYTES:
            return list(found)
        logs, size = [], 0
        for log in found:
            logs.append(log)
            size += len(log.raw)
            if size >= _ROUND_BYTES:
                break
        return logs

    def _put(self, logs: list[KeptLog]) -> None:
        checks = self._checks({number for log in logs for number in (log.resource, log.scope)})
        logs.sort(key=by_time)
        for part in cut_up(logs):
            self._insert_part(part, pack(part, checks))

    def _insert_part(self, logs: Sequence[KeptLog], packed: Packed) -> None:
        execute = self._connection.execute
        seqs = [log.seq for log in logs]
        numbers = min(seqs), max(seqs), logs[0].time, logs[-1].time, len(logs)
        number = execute(
            "INSERT INTO log_parts (first, last, oldest, newest, n, checksum, columns, traces, spans, texts, "
            "raws) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*numbers, part_check(numbers, packed), *map(bytearray, packed)),
        ).lastrowid
        keys = keys_of([log.trace_id for log in logs], [log.session for log in logs])
        self._connection.executemany(
            "INSERT INTO log_keys (key, part) VALUES (?, ?)", [(key, number) for key in sorted(keys)]
        )
        if self._has_text:
            execute(
                "INSERT INTO log_text (rowid, body) VALUES (?, ?)",
                (number, _indexed(log.body for log in logs)),
            )

    def _checks(self, origins: set[int]) -> dict[int, int]:
        found = {}
        for number in origins:
            row = self._connection.execute("SELECT body FROM origins WHERE id = ?", (number,)).fetchone()
            found[number] = crc32(row[0] if row else b"")
        return found

    def prune(self, upto: int) -> int:
        """Delete all logs up to this number and subtract them from `log_cells`; returns how many."""
        gone: Counter[tuple[int, str, int, int]] = Counter()
        for number, last, packed in self._parts_from(upto):
            logs = self._taken_out(number, packed)
            gone.update([_place(log) for log in logs if log.seq <= upto])
            if last > upto and (left := [log for log in logs if log.seq > upto]):
                self._put(left)
        rows = [KeptLog._make(row) for row in self._connection.execute(f"{_ROWS} WHERE seq <= ?", (upto,))]
        gone.update(map(_place, rows))
        self._connection.execute("DELETE FROM logs WHERE seq <= ?", (upto,))
        self._rows -= len(rows)
        self._bytes -= sum([len(row.raw) for row in rows])
        self._connection.executemany(_COUNT, self._cells(gone))
        self._connection.execute("DELETE FROM log_cells WHERE n <= 0")
        return gone.total()

    def _parts_from(self, upto: int) -> list[tuple[int, int, Packed]]:
        rows = self._connection.execute(
            "SELECT id, last, columns, traces, spans, texts, raws FROM log_parts WHERE first <= ?", (upto,)
        )
        return [(number, last, Packed(*columns)) for number, last, *columns in rows]

    def _taken_out(self, part: int, packed: Packed) -> list[KeptLog]:
        """Delete a part and what leads to it; returns its logs, none of one that is damaged."""
        execute = self._connection.execute
        try:
            logs = unpack(part, packed)
        except DamagedLogs:
            # What leads to it can only be found by reading all.
            logs = []
            execute("DELETE FROM log_keys WHERE part = ?", (part,))
        keys = keys_of([log.trace_id for log in logs], [log.session for log in logs])
        self._connection.executemany(
            "DELETE FROM log_keys WHERE key = ? AND part = ?", [(key, part) for key in sorted(keys)]
        )
        if self._has_text and logs:
            # An index without content must be given the text again to delete it.
            execute(
                "INSERT INTO log_text (log_text, rowid, body) VALUES ('delete', ?, ?)",
                (part, _indexed(log.body for log in logs)),
            )
        execute("DELETE FROM log_parts WHERE id = ?", (part,))
        return logs

    def _cells(self, gone: Counter[tuple[int, str, int, int]]) -> Iterator[Cell]:
        environments = {}
        for resource in {place[3] for place in gone}:
            row = self._connection.execute("SELECT body FROM origins WHERE id = ?", (resource,)).fetchone()
            environments[resource] = environment_of(resource_attributes(row[0] if row else b""))
        for (slot, service, severity, resource), n in gone.items():
            yield slot, service, severity, environments[resource], -n

    def count(self, cells: Iterable[Sequence[object]]) -> None:
        """Add to `log_cells`."""
        self._connection.executemany(_COUNT, cells)


def _place(log: KeptLog) -> tuple[int, str, int, int]:
    return log.time // LOG_SLOT_NS, log.service, log.severity, log.resource


def _indexed(bodies: Iterable[str]) -> str:
    """The text under which a part is in the index; deleting it there needs the same again.

    What is not ASCII is there folded and as it came, as both are searched.
    """
    texts = set()
    for body in set(bodies):
        if is_simple(body):
            texts.add(body.lower())
        else:
            texts.update((fold(body), body.replace("\0", "\n")))
    return "\n".join(sorted(texts))
