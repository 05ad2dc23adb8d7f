"""Files the first bytes of span ids by block of the sequence, so that a span is found without its trace.

An index by span id would cost time for every span that arrives; without one, each search read the ids of all
that is stored. Numbers are never given again, and ids never change: a block that is full is filed once. Must
run inside the settler's transaction.
"""

from __future__ import annotations

import sqlite3
import time
from bisect import bisect_left
from itertools import pairwise
from typing import Final

from store.sqlite.mark_names import SPAN_IDS
from store.sqlite.stored_spans import of_connection
from store.sqlite.table_layout import SPAN_ID_BLOCK, SPAN_ID_BYTES
from store.sqlite.trace_parts import ID_BYTES
from store.sqlite.write.settled_marks import Marks

_LOOK_S: Final = 1.0
"""Between two looks whether a block is full: under load one is, each second."""
_HEADS: Final = 256
_IDS_OF_PARTS: Final = (
    "SELECT i.ids FROM trace_parts p CROSS JOIN part_ids i ON i.trace_id = p.trace_id AND i.seq = p.seq "
    "WHERE p.seq > ? AND p.seq <= ?"
)


class SpanIdBlocks:
    """The table `span_id_blocks`. Used by the settler's thread."""

    def __init__(self, settled: sqlite3.Connection, main: sqlite3.Connection, marks: Marks) -> None:
        self._settled = settled
        self._main = main
        self._marks = marks
        self._next_look_s = 0.0
        self.has_work = False
        """Whether a block was full at the last look, and is not filed."""

    @property
    def is_due(self) -> bool:
        """Whether a block is full."""
        now_s = time.monotonic()
        if not self.has_work and now_s >= self._next_look_s:
            self._next_look_s = now_s + _LOOK_S
            row = self._main.execute("SELECT value FROM facts WHERE name = 'seq'").fetchone()
            self.has_work = row is not None and self._marks.get(SPAN_IDS) + SPAN_ID_BLOCK <= row[0]
        return self.has_work

    def file_one(self) -> None:
        """File the next full block."""
        # What was pruned before it was filed is passed over.
        before = max(self._marks.get(SPAN_IDS), self._oldest_block() * SPAN_ID_BLOCK)
        upto = before + SPAN_ID_BLOCK
        self._settled.executemany(
            "INSERT OR REPLACE INTO span_id_blocks (head, block, ids) VALUES (?, ?, ?)",
            [(head, before // SPAN_ID_BLOCK, ids) for head, ids in _by_head(self._ids(before, upto))],
        )
        self._marks.set(SPAN_IDS, upto)
        self.has_work, self._next_look_s = False, 0.0

    def prune(self) -> None:
        """Delete the blocks before the one of the oldest span that is stored."""
        block = self._oldest_block()
        if self._settled.execute("SELECT 1 FROM span_id_blocks WHERE block < ? LIMIT 1", (block,)).fetchone():
            self._settled.executemany(
                "DELETE FROM span_id_blocks WHERE head = ? AND block < ?",
                [(head, block) for head in range(_HEADS)],
            )

    def _oldest_block(self) -> int:
        return max(0, of_connection(self._main).oldest() - 1) // SPAN_ID_BLOCK

    def _ids(self, before: int, upto: int) -> list[bytes]:
        """Those of the spans of a block: of a part all, if its first is in the block."""
        packed = b"".join([ids for (ids,) in self._main.execute(_IDS_OF_PARTS, (before, upto))])
        found = [packed[at : at + ID_BYTES] for at in range(0, len(packed), ID_BYTES)]
        rows = self._main.execute("SELECT span_id FROM spans WHERE seq > ? AND seq <= ?", (before, upto))
        # Of a row an id may have any length.
        found += [span_id[:ID_BYTES].ljust(ID_BYTES, b"\0") for (span_id,) in rows]
        return found


def _by_head(ids: list[bytes]) -> list[tuple[int, bytes]]:
    """(first byte, the next bytes of each id that begins with it), in order."""
    ids.sort()
    whole = b"".join(ids)
    # Every eighth byte at once: a step of Python for each id takes five times as long.
    rest = bytearray(SPAN_ID_BYTES * len(ids))
    for place in range(SPAN_ID_BYTES):
        rest[place::SPAN_ID_BYTES] = whole[place + 1 :: ID_BYTES]
    ends = [bisect_left(ids, bytes([head])) for head in range(_HEADS)] + [len(ids)]
    return [
        (head, bytes(rest[low * SPAN_ID_BYTES : high * SPAN_ID_BYTES]))
        for head, (low, high) in enumerate(pairwise(ends))
        if low < high
    ]
