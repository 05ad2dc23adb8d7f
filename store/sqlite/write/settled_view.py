"""What the writer sees of the settled file: how far it is, how large, whom it proved slow.

The writer never attaches it: its transactions would lock that file, too.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from store.sqlite.mark_names import BACKLOG, BACKLOG_UPTO, EVENTS_BACKLOG, ROUND, SETTLED, STORE

T = TypeVar("T")


class SlowClock(NamedTuple):
    """A session whose clock is slow, by a trace that answered it."""

    id: int
    session_id: str
    shift: int
    whole: int
    counted: int


class SettledView:
    """Asks the settled file; what it cannot see it takes as it was before. Used by the writer's thread."""

    def __init__(self, store_id: int, connect: Callable[[], sqlite3.Connection | None]) -> None:
        """`connect` gives a connection to the file as it is now, None while there is none."""
        self._store_id = store_id
        self._connect = connect
        self.settled = 0
        """The handover up to which all is settled."""
        self.last_unix_nano = 0
        """When settling last came on."""
        self.anew = False
        """Whether all is settled anew."""
        self.lag = ""
        self.slow: Sequence[SlowClock] = ()
        self.waits = False
        """Whether something that was handed over waits for the settler; set by who knows."""
        self._used_bytes = 0

    def look(self, slow_after: int) -> None:
        """Ask anew; of slow clocks those after a number."""
        found = self._ask(lambda connection: self._seen(connection, slow_after))
        if found is None:
            self.anew = True
            return
        marks, self.lag, self.slow = found
        self.settled, self.last_unix_nano = marks.get(SETTLED, 0), marks.get(ROUND, 0)
        backlog = min(marks.get(BACKLOG, 0), marks.get(EVENTS_BACKLOG, 0))
        self.anew = backlog < marks.get(BACKLOG_UPTO, 0)

    def used_bytes(self) -> int:
        """What its data takes, free pages not counted."""

        def used(connection: sqlite3.Connection) -> int:
            pages, free, size = (
                int(connection.execute(f"PRAGMA {name}").fetchone()[0])
                for name in ("page_count", "freelist_count", "page_size")
            )
            return (pages - free) * size

        found = self._ask(used)
        if found is not None:
            self._used_bytes = found
        return self._used_bytes

    def oldest(self, since: int) -> int | None:
        """When the oldest trace or session from this time on began; None if there is none."""

        def oldest(connection: sqlite3.Connection) -> int | None:
            row = connection.execute(
                "SELECT min(t) FROM (SELECT min(start) AS t FROM traces WHERE start >= ?1 UNION ALL "
                "SELECT min(start) FROM sessions WHERE start >= ?1)",
                (since,),
            ).fetchone()
            return None if row[0] is None else int(row[0])

        return self._ask(oldest)

    def _seen(
        self, connection: sqlite3.Connection, slow_after: int
    ) -> tuple[Mapping[str, int], str, Sequence[SlowClock]] | None:
        marks = dict(connection.execute("SELECT name, value FROM marks"))
        if marks.get(STORE) != self._store_id:
            return None
        row = connection.execute("SELECT lag FROM pace").fetchone()
        slow = connection.execute("SELECT * FROM slow_clocks WHERE id > ? ORDER BY id", (slow_after,))
        return marks, str(row[0]) if row else "", [SlowClock(*each) for each in slow]

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T | None:
        try:
            connection = self._connect()
            return None if connection is None else question(connection)
        except sqlite3.Error:
            return None
