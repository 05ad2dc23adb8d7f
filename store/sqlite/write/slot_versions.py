"""Notes which slots of requests changed, so that readers read those again and no others.

A version is never given twice, also not after its slot was empty. Must run inside the transaction that
changes `requests`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Final

from store.sqlite.table_layout import REQUEST_SLOT_NS

_START: Final = "SELECT start FROM traces WHERE substr(trace_id, 9) = substr(?1, 9) AND trace_id = ?1"
_STARTS_OF_LINKS: Final = (
    "SELECT t.start FROM links k JOIN traces t "
    "ON substr(t.trace_id, 9) = substr(k.trace_id, 9) AND t.trace_id = k.trace_id WHERE k.seq <= ?"
)


class SlotVersions:
    """Keeps the slots that changed in memory until `write`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._changed: set[int] = set()

    def change(self, start: int) -> None:
        """Note that requests of a trace that begins then were written or deleted."""
        self._changed.add(start // REQUEST_SLOT_NS)

    def change_linked(self, traces: Iterable[bytes]) -> None:
        """Note that browsers' events named these traces: readers keep whose session a trace belongs to.

        One that is not aggregated yet is noted when it is.
        """
        for trace in traces:
            row = self._connection.execute(_START, (trace,)).fetchone()
            if row is not None:
                self.change(row[0])

    def change_unlinked(self, upto: int) -> None:
        """Note the traces that are linked by spans up to this number, before these links are deleted."""
        for (start,) in self._connection.execute(_STARTS_OF_LINKS, (upto,)).fetchall():
            self.change(start)

    def write(self) -> None:
        """Give the slots that changed new versions; one without requests has none."""
        execute = self._connection.execute
        for slot in self._changed:
            bounds = slot * REQUEST_SLOT_NS, (slot + 1) * REQUEST_SLOT_NS
            if execute("SELECT 1 FROM requests WHERE start >= ? AND start < ? LIMIT 1", bounds).fetchone():
                execute("INSERT OR REPLACE INTO request_slots (slot, version) VALUES (?, random())", (slot,))
            else:
                execute("DELETE FROM request_slots WHERE slot = ?", (slot,))
        self._changed.clear()

    def clear(self) -> None:
        """Forget what was noted: it was rolled back."""
        self._changed.clear()
