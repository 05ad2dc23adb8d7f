"""What outlives a writer: the digests of its log batches, and its word about what the store held."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from store.api import Batch, LogQuery, StoreUnavailable
from store.sqlite.write import writer as writer_module
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import eventually
from tests.store.build import log_row, row, span
from tests.store.house import WINDOW
from tests.store.place import Place


def test_a_stuck_disk_is_answered_soon_and_a_repetition_is_kept_once(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit hangs: the sender is told so, sends again, and its logs are there once."""
    monkeypatch.setattr(writer_module, "_ANSWER_S", 0.3)
    stuck, go_on = threading.Event(), threading.Event()
    opened = place.writer._store
    assert opened is not None
    insert = opened.ingest.insert

    def hanging(batches: list[Batch]) -> None:
        insert(batches)
        stuck.set()
        go_on.wait(10)

    monkeypatch.setattr(opened.ingest, "insert", hanging)
    batch = Batch([], [log_row("once", ms=5), log_row("and this", ms=6)])
    with pytest.raises(StoreUnavailable) as first:
        place.writer.write(batch)
    assert (first.value.reason, stuck.is_set()) == ("slow", True)
    with pytest.raises(StoreUnavailable) as second:
        place.writer.write(batch)
    assert second.value.reason == "slow"
    assert place.writer.health().reason == "slow"
    go_on.set()
    eventually(lambda: _taken(place.writer, batch), "it takes the repetition")
    assert place.counts()[1] == 4
    assert place.reader.count_logs(LogQuery(WINDOW, text="once")) == 1


def _taken(writer: SqliteWriter, batch: Batch) -> bool:
    try:
        writer.write(batch)
    except StoreUnavailable:
        return False
    return True


def test_a_repeated_log_batch_is_kept_once_across_restarts(place: Place) -> None:
    """The digest is committed with the logs: a kill between commit and answer does not make them twice."""
    batch = Batch([], [log_row("once", ms=5)])
    place.writer.write(batch)
    place.writer.write(batch)
    assert place.counts() == (3, 3)
    place.writer.close()
    place.writer = SqliteWriter(place.path, max_bytes=1 << 30, max_age_s=1e9)
    place.writer.write(batch)
    place.writer.write(Batch([], [log_row("once", ms=6)]))
    assert place.counts() == (3, 4)


def test_logs_without_a_senders_time_are_never_a_repetition(place: Place) -> None:
    """A heartbeat in the same words may well come twice."""
    untimed = log_row("alive")._replace(raw=b"")
    place.writer.write(Batch([], [untimed]))
    place.writer.write(Batch([], [untimed]))
    assert place.counts() == (3, 4)


def test_a_store_that_is_gone_at_the_next_start_is_said(place: Place) -> None:
    """By the small file beside it; a start after that says nothing new."""
    place.writer.close()
    _delete_files_but_the_word(place.path)
    place.writer = SqliteWriter(place.path, max_bytes=1 << 30, max_age_s=1e9)
    assert "was gone or empty at the start" in place.notes()
    assert "3 spans and 2 logs" in place.notes()
    place.writer.close()
    place.writer = SqliteWriter(place.path, max_bytes=1 << 30, max_age_s=1e9)
    assert len(place.writer.health().notes) == 1


def test_a_store_that_is_older_than_its_last_run_is_said(place: Place, tmp_path: Path) -> None:
    """An earlier copy was put back."""
    place.writer.close()
    copy = tmp_path / "copy.db"
    shutil.copy(place.path, copy)
    again = SqliteWriter(place.path, max_bytes=1 << 30, max_age_s=1e9)
    again.write(Batch([row(span(number)) for number in range(50, 60)]))
    again.close()
    _delete_files_but_the_word(place.path)
    shutil.copy(copy, place.path)
    place.writer = SqliteWriter(place.path, max_bytes=1 << 30, max_age_s=1e9)
    assert "is older than what was written last: 10 spans and logs are missing" in place.notes()


def test_a_damaged_store_of_ours_is_set_aside_at_the_next_start(place: Place) -> None:
    """A foreign file at a mistyped path is refused; one that the last run wrote is known by its word."""
    place.writer.close()
    place.path.write_bytes(os.urandom(20_000))
    place.writer = SqliteWriter(place.path, max_bytes=1 << 30, max_age_s=1e9)
    assert "was damaged or not a store; it held 3 spans and 2 logs" in place.notes()
    assert len(place.set_aside("damaged")) == 1
    place.writer.write(Batch([row(span(7))]))
    assert place.counts() == (1, 0)


def _delete_files_but_the_word(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", ".lock"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
