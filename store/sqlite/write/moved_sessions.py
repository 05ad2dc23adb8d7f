"""Moves what is stored of sessions whose clocks proved slow, or right after all, and hands that over.

Must run inside the writer's transaction.
"""

# ruff: noqa: S608 - what is put into SQL text is our own

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from cachetools import LRUCache

from store.sender_clocks import Restated
from store.sqlite.row_checks import MOVED
from store.sqlite.write.handover import HandoverRow, Moved

_REMEMBERED: Final = 1_000
"""Sessions of which is remembered when they were moved."""


class MovedSessions:
    """Sessions that are moved, and that have to be moved again after a rollback."""

    def __init__(self, connection: sqlite3.Connection, handover: HandoverRow) -> None:
        self._connection = connection
        self._handover = handover
        self._moving: list[Restated] = []
        """Those that the open transaction moves."""
        self._again: list[Restated] = []
        self._moved_by: LRUCache[str, int] = LRUCache(_REMEMBERED)

    def move_all(self, sessions: Sequence[Restated], committed_seq: int) -> None:
        """Move these, and those that were rolled back; all up to `committed_seq` was handed over before."""
        if self._again or sessions:
            found, self._again = [*self._again, *sessions], []
            self._moving += found
            for restated in found:
                self.move(restated, committed_seq)

    def move(self, restated: Restated, committed_seq: int) -> None:
        """Move one; not again after a rollback."""
        session_id, shift = restated
        execute = self._connection.execute
        rows = execute("SELECT seq, start FROM spans WHERE session_id = ?", (session_id,)).fetchall()
        # Its batches are late no more.
        self._connection.executemany("DELETE FROM late_batches WHERE seq = ?", [(seq,) for seq, _ in rows])
        execute(
            f"UPDATE spans SET start = start + ?, checksum = {MOVED} WHERE session_id = ?",
            (shift, shift, session_id),
        )
        handed = [(seq, start) for seq, start in rows if seq <= committed_seq]
        if handed:
            self._handover.moved.append(Moved(session_id, shift, handed))
        self._move_fresh(session_id, shift)

    def note(self, number: int) -> None:
        """Note the number of the handover that tells of the open moves."""
        self._moved_by.update((moved.session_id, number) for moved in self._handover.moved)

    def moved_by(self, session_id: str) -> int:
        """The number of the handover that told last of a move of this session; 0 if none of the last did."""
        return self._moved_by.get(session_id, 0)

    def on_commit(self) -> None:
        """Take the moves as stored."""
        self._moving.clear()

    def on_rollback(self) -> None:
        """Let the next transaction move them."""
        self._again += self._moving
        self._moving.clear()

    def _move_fresh(self, session_id: str, shift: int) -> None:
        """Move the spans of the session that this transaction hands over."""
        row = self._handover
        moved = {
            id(span): span._replace(
                start_unix_nano=span.start_unix_nano + shift, clock_shift_ns=span.clock_shift_ns + shift
            )
            for _, span in row.browsers
            if span.session_id == session_id
        }
        if moved:
            row.spans = [moved.get(id(span), span) for span in row.spans]
            row.browsers = [(seq, moved.get(id(span), span)) for seq, span in row.browsers]
