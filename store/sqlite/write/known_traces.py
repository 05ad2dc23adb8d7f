"""What is known of traces that are about to be aggregated: what was derived, how many spans there are.

It is asked of a hundred at once: three questions for each trace took a twentieth of all that settling takes.
Must run inside the settler's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final, NamedTuple

from store.sqlite.stored_spans import StoredSpans

# The index traces_by_id begins with the last 8 bytes of the id: a condition on them makes SQLite use it.
_STORED: Final = (
    "SELECT trace_id, id, start, services, tags, calls FROM traces WHERE substr(trace_id, 9) IN ({})"
)


class Previous(NamedTuple):
    """What is stored of a trace that is aggregated again."""

    id: int
    start: int
    services: str
    tags: str
    calls: bytes


class KnownTraces:
    """What was looked up, until it is taken. Of a round: nothing of it is stored before its end."""

    def __init__(self, connection: sqlite3.Connection, stored: StoredSpans) -> None:
        self._connection = connection
        self._stored = stored
        self._previous: dict[bytes, Previous] = {}
        self._counts: dict[bytes, int] = {}

    def look_up(self, traces: Sequence[bytes]) -> None:
        """Look up some traces, in place of those before."""
        asked = self._connection.execute(
            _STORED.format(", ".join("?" * len(traces))), [trace_id[8:] for trace_id in traces]
        )
        self._previous = {row[0]: Previous._make(row[1:]) for row in asked}
        self._counts = {**dict.fromkeys(traces, 0), **self._stored.counts_of(traces)}

    def forget(self) -> None:
        """Forget what was not taken."""
        self._previous, self._counts = {}, {}

    def previous(self, trace_id: bytes) -> Previous | None:
        """What is stored of a trace."""
        if trace_id not in self._counts:
            self.look_up([trace_id])
        return self._previous.get(trace_id)

    def take(self, trace_id: bytes) -> tuple[Previous | None, int]:
        """The same, and how many spans it has; the next who asks looks again."""
        previous = self.previous(trace_id)
        return previous, self._counts.pop(trace_id)
