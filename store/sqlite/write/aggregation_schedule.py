"""When to settle what: traces once they are quiet, browser spans in order of arrival.

Two marks make it survive a crash: every span up to `settled_seq` has been settled
in its trace, every browser span up to `sessions_seq` counted. At the start,
whatever lies beyond them is due.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import Final

from store.rows import SpanRow
from store.sqlite.rollups import Rollups
from store.sqlite.tag_sets import TagSets
from store.sqlite.write.ingest import Ingest
from store.sqlite.write.interning import Pairs
from store.sqlite.write.session_aggregation import Sessions, arrived
from store.sqlite.write.trace_aggregation import Traces

_LOG = logging.getLogger(__name__)
_QUIET_S: Final = 0.1
"""A trace that got nothing for so long is settled …"""
_LATEST_S: Final = 0.3
"""… and one that still gets spans, so long after the first that is not settled."""
_PAUSE_S: Final = 0.1
"""Between two rounds: under load, what many batches brought is settled at once."""
_REMEMBER_S: Final = 3.0
_MAX_REMEMBERED: Final = 20_000
_ROUND_S: Final = 0.1
"""Time given to one round, so that writers do not wait behind a backlog."""


class _Open:
    """A trace in memory: its rows, and when they came."""

    __slots__ = ("last_s", "rows")

    def __init__(self) -> None:
        self.rows: dict[bytes, SpanRow] = {}
        self.last_s = 0.0


class Settler:
    """Settles what the ingest committed."""

    def __init__(self, connection: sqlite3.Connection, ingest: Ingest) -> None:
        self._connection = connection
        self._ingest = ingest
        self.pairs = Pairs(connection)
        self.rollups = Rollups(connection)
        self.tagsets = TagSets(connection)
        self.traces = Traces(connection, self.pairs, self.tagsets, self.rollups)
        self.sessions = Sessions(connection, self.pairs, self.rollups)
        self._open: dict[bytes, _Open] = {}
        self._remembered = 0
        self._dirty: dict[bytes, tuple[float, int]] = {}
        """Trace id to the time of its first span that is not settled, and a number before that span's."""
        self._failed: dict[bytes, int] = {}
        self._browsers_wait = True
        self._taken_seq = 0
        self._last_round_s = 0.0
        self._catch_up()

    def _catch_up(self) -> None:
        mark = self._ingest.facts.get("settled_seq")
        rows = self._connection.execute("SELECT DISTINCT trace_id FROM spans WHERE seq > ?", (mark,))
        self._dirty.update((trace_id, (0.0, mark)) for (trace_id,) in rows)
        self._browsers_wait = True
        self._taken_seq = self._ingest.seq

    @property
    def waits(self) -> bool:
        """Whether something will soon be due."""
        return bool(self._dirty or self._browsers_wait or self._ingest.committed)

    def is_due(self, *, final: bool) -> bool:
        """Take over what was committed; say whether a round is worth a transaction."""
        now_s = time.monotonic()
        self._take(now_s)
        if not final and now_s - self._last_round_s < _PAUSE_S:
            return False
        if self._browsers_wait and (final or not self._dirty):
            return True
        return any(
            final or self._is_ripe(trace_id, since[0], now_s) for trace_id, since in self._dirty.items()
        )

    def settle(self, *, final: bool = False) -> None:
        """One round, inside the writer's transaction."""
        now_s = self._last_round_s = time.monotonic()
        facts = self._ingest.facts
        upto = self._ingest.seq
        if self._browsers_wait:
            after = facts.get("sessions_seq")
            known = self._ingest.browsers_since(after)
            self.sessions.settle(self.sessions.stored(after, upto) if known is None else arrived(known))
        facts.set("sessions_seq", upto)
        settled = self._settle_traces(now_s, final=final)
        self.traces.flush()
        self.rollups.flush()
        for trace_id in settled:
            del self._dirty[trace_id]
        facts.set("settled_seq", min((low for _, low in self._dirty.values()), default=upto))
        facts.flush()
        self._browsers_wait = False
        self._let_go(now_s)

    def _settle_traces(self, now_s: float, *, final: bool) -> list[bytes]:
        settled = []
        for trace_id, (first_s, _) in self._dirty.items():
            if not final:
                if not self._is_ripe(trace_id, first_s, now_s):
                    continue
                if time.monotonic() > now_s + _ROUND_S:
                    break
            settled.append(trace_id)
            if self._failed.get(trace_id, 0) > 1:
                continue
            known = self._open.get(trace_id)
            try:
                self.traces.settle(trace_id, tuple(known.rows.values()) if known else ())
            except (sqlite3.OperationalError, MemoryError):
                raise
            except Exception:
                # Once more from the table (the round is undone, and memory forgotten); then without it.
                self._failed[trace_id] = self._failed.get(trace_id, 0) + 1
                _LOG.exception("trace %s cannot be summed up", trace_id.hex())
                raise
        return settled

    def forget(self) -> None:
        """A transaction was undone: trust nothing in memory, look again at what is not settled."""
        self.pairs.forget()
        self.tagsets.forget()
        self.traces.forget()
        self.sessions.forget()
        self.rollups.forget()
        self._open.clear()
        self._remembered = 0
        self._dirty.clear()
        self._catch_up()

    def drop(self, trace_id: bytes) -> None:
        """The trace was pruned."""
        known = self._open.pop(trace_id, None)
        if known:
            self._remembered -= len(known.rows)
        self._dirty.pop(trace_id, None)

    def _take(self, now_s: float) -> None:
        for span in self._ingest.committed:
            trace_id = span.trace_id
            known = self._open.get(trace_id)
            if known is None:
                known = self._open[trace_id] = _Open()
            if known.rows.setdefault(span.span_id, span) is span:
                self._remembered += 1
            known.last_s = now_s
            if trace_id not in self._dirty:
                self._dirty[trace_id] = (now_s, self._taken_seq)
            if span.browser:
                self._browsers_wait = True
        self._ingest.committed.clear()
        self._taken_seq = self._ingest.seq

    def _is_ripe(self, trace_id: bytes, first_s: float, now_s: float) -> bool:
        known = self._open.get(trace_id)
        return known is None or now_s - known.last_s >= _QUIET_S or now_s - first_s >= _LATEST_S

    def _let_go(self, now_s: float) -> None:
        """Forget rows of settled traces, those that were quiet for long or that are too many."""
        for trace_id in list(self._open):
            known = self._open[trace_id]
            if self._remembered <= _MAX_REMEMBERED and now_s - known.last_s < _REMEMBER_S:
                break
            if trace_id not in self._dirty:
                self._remembered -= len(known.rows)
                del self._open[trace_id]
