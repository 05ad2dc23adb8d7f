"""`store.api.Reader` over one SQLite file: its parts put together."""

from __future__ import annotations

from pathlib import Path

from store.results import StoreStatus
from store.sqlite.read.logs import LogReader
from store.sqlite.read.rum_metrics import RumReader
from store.sqlite.read.services import ApmReader
from store.sqlite.read.sessions import SessionReader
from store.sqlite.read.traces import TraceReader
from store.sqlite.read_connection import TIME_LIMIT_S, Asking


class SqliteReader(TraceReader, SessionReader, LogReader, ApmReader, RumReader):
    """Reads beside the writer, never in its way; while there is no file, every answer is empty."""

    def __init__(self, path: Path, time_limit_s: float = TIME_LIMIT_S) -> None:
        super().__init__(Asking(path, time_limit_s))

    def status(self) -> StoreStatus:
        with self._asking.question() as ask:
            facts: dict[str, int] = dict(ask.all("SELECT name, value FROM facts"))
            sessions = ask.one("SELECT count(*) FROM sessions") or (0,)
            pages = ask.one("PRAGMA page_count") or (0,)
            free = ask.one("PRAGMA freelist_count") or (0,)
            page_bytes = ask.one("PRAGMA page_size") or (0,)
        return StoreStatus(
            spans=facts.get("spans", 0),
            logs=facts.get("logs", 0),
            sessions=sessions[0],
            metric_points=facts.get("metric_points", 0),
            rejected=facts.get("rejected", 0),
            oldest_unix_nano=facts.get("oldest"),
            newest_unix_nano=facts.get("newest"),
            last_received_unix_nano=facts.get("last_received"),
            bytes=(pages[0] - free[0]) * page_bytes[0] if facts else 0,
            max_bytes=facts.get("max_bytes", 0),
            pruned_spans=facts.get("pruned_spans", 0),
            pruned_logs=facts.get("pruned_logs", 0),
            pruned_before_unix_nano=facts.get("pruned_before"),
        )

    def close(self) -> None:
        self._asking.close()
