"""`store.api.Reader` over one SQLite file: one class for each of its protocols, put together."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from store.queries import Window
from store.results import LateArrivals, StoreStatus
from store.settling import Settling
from store.sqlite.mark_names import BACKLOG, BACKLOG_UPTO, EVENTS_BACKLOG, ROUND, SETTLED, STORE
from store.sqlite.read.apm import SqliteApmReader
from store.sqlite.read.changes import SqliteChangeReader
from store.sqlite.read.deployments import SqliteDeploymentReader
from store.sqlite.read.logs import SqliteLogReader
from store.sqlite.read.metrics import SqliteMetricReader
from store.sqlite.read.names import SqliteNameReader
from store.sqlite.read.read_connection import TIME_LIMIT_S, ReadConnections, ReadSession
from store.sqlite.read.rum import SqliteRumReader
from store.sqlite.read.sessions import SqliteSessionReader
from store.sqlite.read.traces import SqliteTraceReader
from store.sqlite.store_file import STORE_ID
from store.sqlite.table_layout import KEPT_POINTS, PRUNED_POINTS

_LATE_BATCHES = 10_000
_WAITING = "SELECT time FROM handovers WHERE id >= ? ORDER BY id LIMIT 1"
_LATE = (
    "SELECT total(spans), total(logs), min(oldest), max(newest) "
    "FROM (SELECT * FROM late_batches ORDER BY seq DESC LIMIT ?) "
    "WHERE arrived >= ? AND arrived < ? AND newest < ?"
)


class SqliteReader(
    SqliteTraceReader,
    SqliteSessionReader,
    SqliteLogReader,
    SqliteApmReader,
    SqliteRumReader,
    SqliteDeploymentReader,
    SqliteChangeReader,
    SqliteMetricReader,
    SqliteNameReader,
):
    """Reads beside the writer, never in its way; while there is no file, every answer is empty.

    Each base also works alone, on `ReadConnections`; they share nothing else.
    """

    def __init__(self, path: Path, time_limit_s: float = TIME_LIMIT_S, *, frugal: bool = False) -> None:
        super().__init__(ReadConnections(path, time_limit_s, frugal=frugal))
        self.path = path
        self.time_limit_s = time_limit_s

    @property
    def has_seen_store(self) -> bool:
        """Whether there was a store at the path once: without one all is empty before, and an error after."""
        return self._connections.seen

    def note_seen(self, *, seen: bool) -> None:
        """Note what another reader of the same path has seen."""
        self._connections.seen |= seen

    def snapshot(self) -> AbstractContextManager[None]:
        return self._connections.snapshot()

    def status(self) -> StoreStatus:
        with self._connections.session() as db:
            counters: dict[str, int] = dict(db.all("SELECT name, value FROM facts"))
            is_written = "max_bytes" in counters
            sessions = db.one("SELECT count(*) FROM sessions") or (0,)
            size_bytes = _used_bytes(db) if is_written else 0
            settling = _settling(db)
        return StoreStatus(
            spans=counters.get("spans", 0),
            logs=counters.get("logs", 0),
            sessions=sessions[0],
            metric_points=counters.get(KEPT_POINTS, 0),
            rejected=counters.get("rejected", 0),
            oldest_unix_nano=counters.get("oldest"),
            newest_unix_nano=counters.get("newest"),
            last_received_unix_nano=counters.get("last_received"),
            bytes=size_bytes,
            max_bytes=counters.get("max_bytes", 0),
            pruned_spans=counters.get("pruned_spans", 0),
            pruned_logs=counters.get("pruned_logs", 0),
            pruned_before_unix_nano=counters.get("pruned_before"),
            pruned_metric_points=counters.get(PRUNED_POINTS, 0),
            settled_up_to_unix_nano=settling.up_to_unix_nano,
        )

    def settling(self) -> Settling:
        with self._connections.session() as db:
            return _settling(db)

    def late_arrivals(self, window: Window) -> LateArrivals | None:
        begin, end = window.from_unix_nano, window.to_unix_nano
        with self._connections.session() as db:
            # A file of an earlier version gets the table when a writer opens it.
            if not db.one("SELECT 1 FROM sqlite_master WHERE name = 'late_batches'"):
                return None
            row = db.one(_LATE, (_LATE_BATCHES, begin, end, begin))
        return LateArrivals(int(row[0]), int(row[1]), row[2], row[3]) if row and row[2] is not None else None

    def close(self) -> None:
        self._connections.close()


def _used_bytes(db: ReadSession) -> int:
    """What the data takes in both files, free pages not counted."""
    used = 0
    for _, schema, _ in db.all("PRAGMA database_list"):
        if schema in ("main", "settled"):
            pages, free, size = (
                int((db.one(f"PRAGMA {schema}.{name}") or (0,))[0])
                for name in ("page_count", "freelist_count", "page_size")
            )
            used += (pages - free) * size
    return used


def _settling(db: ReadSession) -> Settling:
    """What waits for the settler, since when, and when it last came on."""
    if not db.one("SELECT 1 FROM main.sqlite_master WHERE name = 'handovers'"):
        return Settling()
    facts: dict[str, int] = dict(
        db.all("SELECT name, value FROM facts WHERE name IN (?, ?)", ("seq", STORE_ID))
    )
    # The handovers before the marks: the writer deletes what is settled.
    (first,) = db.one("SELECT coalesce(min(id), 0) FROM handovers") or (0,)
    marks: dict[str, int] = dict(db.all("SELECT name, value FROM marks"))
    settled, last = marks.get(SETTLED, 0), marks.get(ROUND, 0)
    if marks.get(STORE) != facts.get(STORE_ID):
        # There is no settled file yet, or one of another store: none of this one's spans is in it.
        return Settling(0, last, anew=True) if facts.get("seq") else Settling()
    mark = min(marks.get(BACKLOG, 0), marks.get(EVENTS_BACKLOG, 0))
    if mark < marks.get(BACKLOG_UPTO, 0):
        row = db.one("SELECT min(unix_nano) FROM arrivals WHERE seq > ?", (mark,))
        return Settling(row[0] if row and row[0] is not None else 0, last, anew=True)
    waiting = db.one(
        "SELECT time FROM handovers WHERE id >= ? ORDER BY id LIMIT 1", (max(first, settled + 1),)
    )
    return Settling(waiting[0] if waiting else None, last)
