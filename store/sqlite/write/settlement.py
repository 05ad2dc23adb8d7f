"""The writer's side of settling: what was handed over and waits, what follows from what is settled.

Settling runs in the writer's own thread, between commits, or in a process that is watched from here. What was
settled is deleted from `handovers`, sessions whose clocks proved slow are moved, senders are told to wait.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from pathlib import Path
from typing import Final, Protocol

from store.sender_clocks import Restated
from store.settling import Settling
from store.sqlite.settled_file import settled_path
from store.sqlite.store_file import STORE_ID
from store.sqlite.write.handover import delete_passed, last_number
from store.sqlite.write.ingest import Ingest
from store.sqlite.write.recent_rows import busy
from store.sqlite.write.settled_view import SettledView
from store.sqlite.write.settler import Settler

_SLOW_SEEN: Final = "slow_seen"
"""The counter of the last slow clock that was dealt with."""
_LATEST_S: Final = 5.0
"""Senders of spans wait while something was handed over longer ago than this: the process does not keep up,
or is not there …"""
_LATE_S: Final = 2.2
"""… or longer ago than this, while so many spans wait. What came within this time takes about as long once
nothing more comes, however quick the machine is: then all is settled within three seconds. Fewer are settled
by the next round, even if the process had no core for a moment …"""
_MANY_SPANS: Final = 10_000
_MOST_SPANS: Final = 100_000
"""… or while so many spans wait, which the process reads as it comes to them."""
_DELETE_EVERY_S: Final = 0.2
_LOOK_S: Final = 1.0
"""Between two looks at the settled file while nothing waits: it may have been deleted."""
_OLDEST: Final = "SELECT time FROM handovers WHERE id > ? ORDER BY id LIMIT 1"


class Apart(Protocol):
    """A process that settles."""

    def see_to_it(self) -> None:
        """Start it again if it has ended."""

    def finish(self) -> None:
        """Let it settle what there is, for a moment, and end it."""

    def end(self) -> None:
        """End it at once, whatever it does."""


class Settlement:
    """Settling of an open store, as its writer sees it. Used by the writer's thread."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, ingest: Ingest, apart: Apart | None
    ) -> None:
        """Settle in this thread, or watch a process that does."""
        self._path = path
        self._connection = connection
        self._ingest = ingest
        self._apart = apart
        self._settler: Settler | None = None
        self._seen: sqlite3.Connection | None = None
        self._seen_identity: tuple[int, int] | None = None
        self.view = SettledView(ingest.counters.get(STORE_ID), self._connect)
        self._waiting: deque[tuple[int, float, int]] = deque()
        """(number, when it was committed, spans) of what was handed over in this run and is not settled."""
        self._waiting_spans = 0
        self._last = last_number(connection)
        row = connection.execute("SELECT coalesce(min(id), 0) FROM handovers").fetchone()
        self._deleted = int(row[0]) - 1 if row[0] else self._last
        self._next_delete_s = 0.0
        self._waited_s = self._next_look_s = 0.0
        self.settling = Settling()
        """How far settling is, as of the last step."""
        if apart is None:
            self._settler = Settler(path, connection)

    @property
    def has_work(self) -> bool:
        """Whether something will soon be due."""
        own = self._settler is not None and self._settler.has_work
        return own or self._deleted < self._last or bool(self.view.slow)

    @property
    def was_cut(self) -> bool:
        """Whether there is more to do at once."""
        return self._settler is not None and self._settler.was_cut

    def check_pace(self) -> None:
        """See `store.api.Writer.check_pace`. May be called by any thread."""
        lag = self._settler.lag if self._settler is not None else self._lag_of_process()
        if lag:
            raise busy(lag)

    def _lag_of_process(self) -> str:
        if self._waited_s > (_LATE_S if self._waiting_spans > _MANY_SPANS else _LATEST_S):
            return f"the oldest of them has waited for {self._waited_s:.1f} s"
        if self._waiting_spans > _MOST_SPANS:
            return f"{self._waiting_spans:,} of them wait"
        return self.view.lag

    def step(self, *, final: bool = False) -> None:
        """Settle, or see to the process; then look how far settling is."""
        now_s = time.monotonic()
        for number, spans in self._ingest.handed:
            self._waiting.append((number, now_s, spans))
            self._waiting_spans += spans
            self._last = number
        self._ingest.handed.clear()
        if self._settler is not None:
            self._settler.step(final=final)
        elif self._apart is not None and not final:
            self._apart.see_to_it()
        if self._deleted < self._last or self.view.waits or self.view.anew or now_s >= self._next_look_s:
            self._next_look_s = now_s + _LOOK_S
            self.view.look(self._ingest.counters.get(_SLOW_SEEN))
        while self._waiting and self._waiting[0][0] <= self.view.settled:
            self._waiting_spans -= self._waiting.popleft()[2]
        self._waited_s = now_s - self._waiting[0][1] if self._waiting else 0.0
        self.view.waits = self.view.settled < self._last
        self.settling = self._how_far()

    def _how_far(self) -> Settling:
        last = self.view.last_unix_nano
        if self.view.anew:
            return Settling(0, last, anew=True) if self._ingest.seq else Settling()
        if not self.view.waits:
            return Settling(None, last)
        row = self._connection.execute(_OLDEST, (self.view.settled,)).fetchone()
        return Settling(int(row[0]) if row else None, last)

    def is_due(self, *, final: bool) -> bool:
        """Whether `tidy` is worth a transaction."""
        if self.view.slow:
            return True
        passed = min(self.view.settled, self._last) > self._deleted
        return passed and (final or time.monotonic() >= self._next_delete_s)

    def tidy(self) -> None:
        """Delete what is settled, and move sessions whose clocks proved slow. Must run in a transaction."""
        upto = min(self.view.settled, self._last)
        if upto > self._deleted:
            delete_passed(self._connection, upto)
            self._deleted = upto
            self._next_delete_s = time.monotonic() + _DELETE_EVERY_S
        ingest = self._ingest
        slow, self.view.slow = self.view.slow, ()
        for number, session_id, shift, whole, counted in slow:
            ingest.counters.at_least(_SLOW_SEEN, number)
            if ingest.moved.moved_by(session_id) <= counted:
                ingest.clocks.prove_slow(session_id, whole, ingest.clock.now())
                ingest.move(Restated(session_id, shift))
        ingest.hand_over()
        ingest.counters.flush()

    def on_rollback(self) -> None:
        """Look again at what would have been deleted or moved."""
        row = self._connection.execute("SELECT coalesce(min(id), 0) FROM handovers").fetchone()
        self._deleted = int(row[0]) - 1 if row[0] else self._last
        self.view.waits = True

    def close(self) -> None:
        """Let go of the settled file; a process has a moment to settle what there is."""
        if self._settler is not None:
            self._settler.close()
        if self._apart is not None:
            self._apart.finish()
        self._let_go()

    def leave(self) -> None:
        """The store's files are lost: end what reads them."""
        if self._settler is not None:
            self._settler.close()
        if self._apart is not None:
            self._apart.end()
        self._let_go()

    def _let_go(self) -> None:
        if self._seen is not None:
            self._seen.close()
            self._seen = None

    def _connect(self) -> sqlite3.Connection | None:
        """A connection to the settled file that is at its path now."""
        if self._settler is not None:
            return self._settler.connection
        path = settled_path(self._path)
        try:
            stat = path.stat()
        except OSError:
            return None
        if self._seen is not None and self._seen_identity == (stat.st_dev, stat.st_ino):
            return self._seen
        self._let_go()
        self._seen_identity = (stat.st_dev, stat.st_ino)
        self._seen = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=0.05, isolation_level=None
        )
        self._seen.execute("PRAGMA query_only = 1")
        return self._seen
