"""Which names of attributes occur in which stretch of arrivals. Must run inside the writer's transaction.

A slot is a stretch of the sequence of some ten minutes. A search by a name that no slot has need read
nothing. Rows that come without names (carried over from another file, written by an older program) make
their slot one in which any name may occur.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Final

from store.attribute_names import AttributeNames

_SLOT_S: Final = 600.0


class NameSlots:
    """Files the names that come with rows."""

    def __init__(self, connection: sqlite3.Connection, highest: int) -> None:
        """`highest` is the number of the last row that the file has."""
        self._connection = connection
        self._slot: int | None = None
        """The number before the first of the open slot; None if none is open."""
        self._ends_s = 0.0
        self._whole = True
        self._filed: dict[int, tuple[AttributeNames, int]] = {}
        """By identity: names that came, and how many of them this slot has."""
        last = connection.execute("SELECT max(upto) FROM name_slots").fetchone()[0] or 0
        if highest > last:
            # An older program wrote them, without names.
            connection.execute("INSERT INTO name_slots (seq, upto, whole) VALUES (?, ?, 0)", (last, highest))

    def note(self, names: AttributeNames | None, before: int, upto: int) -> None:
        """Rows were numbered from `before` + 1 to `upto`, and have no other names than these."""
        if upto == before:
            return
        # Asked before the names are read: what is added later may not be in the list.
        whole = names is not None and not names.overflows
        if self._slot is None or (self._whole and not whole) or time.monotonic() >= self._ends_s:
            self._begin(before, whole=whole)
        if self._whole and names is not None:
            self._file(names)
        self._connection.execute("UPDATE name_slots SET upto = ? WHERE seq = ?", (upto, self._slot))

    def invalidate(self) -> None:
        """Begin a new slot with the next rows: what was filed may have been rolled back."""
        self._slot = None

    def prune(self, upto: int) -> None:
        """Delete the slots of which no row is left; not the newest, which may be open."""
        execute = self._connection.execute
        gone = execute(
            "SELECT seq FROM name_slots WHERE upto <= ? AND seq < (SELECT max(seq) FROM name_slots)", (upto,)
        ).fetchall()
        for (slot,) in gone:
            execute("DELETE FROM slot_names WHERE slot = ?", (slot,))
            execute("DELETE FROM name_slots WHERE seq = ?", (slot,))

    def _begin(self, before: int, *, whole: bool) -> None:
        self._connection.execute(
            "INSERT INTO name_slots (seq, upto, whole) VALUES (?, ?, ?)", (before, before, whole)
        )
        self._slot, self._whole = before, whole
        self._ends_s = time.monotonic() + _SLOT_S
        self._filed.clear()

    def _file(self, names: AttributeNames) -> None:
        _, filed = self._filed.get(id(names), (names, 0))
        found = names.names[filed:]
        if found:
            self._connection.executemany(
                "INSERT OR IGNORE INTO slot_names (slot, name) VALUES (?, ?)",
                [(self._slot, name.encode("utf-8", "replace").decode()) for name in found],
            )
            self._filed[id(names)] = names, filed + len(found)
