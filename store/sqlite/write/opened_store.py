"""A store's file while the writer has it open: connection, ingest, aggregation, retention, guard.

Opening it says what is missing since the last run; leaving it loses nothing that can be kept.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from runtime.installation import COMMAND
from store.api import StoreUnavailable
from store.sqlite.store_file import INDEX_SUFFIX, LOG_SUFFIX, connect_writer, unavailable
from store.sqlite.write import writer_runs
from store.sqlite.write.ingest import Ingest
from store.sqlite.write.last_run import Contents, LastRun, missing_since
from store.sqlite.write.metric_ingest import SeriesBounds
from store.sqlite.write.metric_settling import MetricSettling
from store.sqlite.write.older_files import see_to_schema
from store.sqlite.write.retention import Retention
from store.sqlite.write.setting_aside import begins_like_ours, is_cut_off, is_damaged, let_go, set_aside
from store.sqlite.write.settlement import Apart, Settlement
from store.sqlite.write.store_guard import Loss, StoreGuard

_BUSY_MS: Final = 1_000
"""How long a transaction waits for another program's lock before the batches that wait are refused."""
_ASIDE: Final = (
    "Its files were set aside as {0}. A new store was begun. What can be read of the former one: "
    f"{COMMAND} store salvage {{0}}"
)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a store is opened with."""

    max_bytes: int
    max_age_s: float
    clock: Callable[[], int]
    """Unix nanoseconds."""
    series: SeriesBounds = field(default_factory=SeriesBounds)


class OpenedStore:
    """One file, open for writing. Used by the writer's thread only."""

    def __init__(self, path: Path, bounds: Bounds, last_run: LastRun, apart: Apart | None = None) -> None:
        """Open or create the store, which is settled in this thread or `apart`.

        Raises StoreUnavailable or StoreMismatch.
        """
        self._path = path
        self._last_run = last_run
        try:
            new = not path.stat().st_size
        except OSError:
            new = True
        self.connection = connect_writer(path)
        try:
            self.ingest = Ingest(self.connection, bounds.clock, bounds.series)
            self._run_began = writer_runs.begin(self.connection, self.ingest.clock.now())
            self.settlement = Settlement(path, self.connection, self.ingest, apart)
            self.settling = MetricSettling(self.connection, self.ingest)
            self.retention = Retention(
                self.connection, self.ingest, self.settlement.view, bounds.max_bytes, bounds.max_age_s
            )
            wait_ms = min(_BUSY_MS, int(self.connection.execute("PRAGMA busy_timeout").fetchone()[0]))
            self.connection.execute(f"PRAGMA busy_timeout = {wait_ms}")
            self.guard = StoreGuard(path)
        except (OSError, sqlite3.Error) as error:
            self.connection.close()
            raise unavailable(path, error) from error
        self.busy_ms = wait_ms
        missing = missing_since(last_run.contents, self.ingest.seq, path, new=new)
        if missing:
            last_run.note(missing, bounds.clock())
        last_run.save(self.contents(), now=True)

    def contents(self) -> Contents:
        """What it holds now."""
        counters = self.ingest.counters
        return Contents(
            counters.get("spans"), counters.get("logs"), self.ingest.seq, counters.get("last_received")
        )

    def leave(self, loss: Loss) -> str:
        """Close it after its files were lost or damaged; returns the sentence about it.

        Files in the way of a new store are set aside, a whole store at the path stays. An empty
        sentence means that nothing was lost. Raises StoreUnavailable if they cannot be renamed.
        """
        # Before the files are renamed: what reads them deletes log and index by name when it closes.
        self.settlement.leave()
        if loss is Loss.CHANGED and is_damaged(self._path):
            loss = Loss.DAMAGED
        held = str(self.contents())
        if loss in (Loss.GONE, Loss.REPLACED, Loss.DAMAGED):
            # What it held is said here: the next file is no older copy of it.
            self._last_run.contents = None
        try:
            if loss is Loss.DAMAGED:
                target = set_aside(self._path, "damaged")
                let_go(self.connection, self.guard)
                return f"{self._path} was damaged while it was written; it held {held}. " + _ASIDE.format(
                    target
                )
            own = loss is Loss.REPLACED
            leftover = self.guard.beside(own=True) + ([] if own else self.guard.beside(own=False))
            whole = let_go(self.connection, self.guard)
            if loss is not Loss.CHANGED and any(each.exists() for each in leftover):
                suffixes = [s for s in (LOG_SUFFIX, INDEX_SUFFIX) if Path(f"{self._path}{s}") in leftover]
                set_aside(self._path, "left", suffixes)
        except OSError as error:
            raise unavailable(self._path, error) from error
        return _sentence(self._path, loss, held, whole=whole)

    def close(self) -> None:
        """Write the log into the file and close. Raises sqlite3.Error."""
        self._last_run.save(self.contents(), now=True)
        self.settlement.close()
        try:
            writer_runs.end(self.connection, self._run_began, self.ingest.clock.now())
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self.connection.close()
            self.guard.close()


def _sentence(path: Path, loss: Loss, held: str, *, whole: bool) -> str:
    if loss is Loss.GONE:
        return (
            f"{path} was deleted or moved away while it was written; it held {held}. A new store was begun. "
            "If it was moved, it is whole where it is now: stop the lab to move it back."
        )
    if loss is Loss.REPLACED:
        return (
            f"Another file was put in the place of {path} while it was written; the former one held {held}. "
            "If it is a store, it is written from now on."
        )
    if loss is Loss.LOG_GONE and not whole:
        return (
            f"The write-ahead log of {path} was deleted while it was written: the newest of its {held} may "
            "be missing. The rest is there, and writing goes on."
        )
    return ""


def open_store(
    path: Path, bounds: Bounds, last_run: LastRun, apart: Apart | None = None, *, ours: bool = False
) -> OpenedStore:
    """Open or create the store; one that is damaged and was `ours` is set aside first.

    One of another schema is carried over or set aside. A file that no writer of ours has written is
    refused: the path may be mistyped. `ours` need not be said where the last run has left its word, or
    the file still begins like one of ours.
    Raises StoreUnavailable or StoreMismatch.
    """
    ours = ours or begins_like_ours(path)
    if see_to_schema(path, lambda text: last_run.note(text, bounds.clock())):
        last_run.contents = None
    try:
        if is_cut_off(path):
            raise StoreUnavailable(f"{path} is cut off: a part of it is missing.", "damaged")
        return OpenedStore(path, bounds, last_run, apart)
    except StoreUnavailable as error:
        if error.reason != "damaged" or not (ours or last_run.contents):
            raise
    held = f"; it held {last_run.contents}" if last_run.contents else ""
    try:
        target = set_aside(path, "damaged")
    except OSError as error:
        raise unavailable(path, error) from error
    last_run.note(f"{path} was damaged or not a store{held}. " + _ASIDE.format(target), bounds.clock())
    last_run.contents = None
    return OpenedStore(path, bounds, last_run, apart)
