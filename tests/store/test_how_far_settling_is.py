"""A reader and the writer say how far settling is: behind, stopped, anew; complete once it caught up."""

from __future__ import annotations

import os
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import store
from store.api import Batch, Settling, StoreBusy
from store.sqlite.settled_file import discard_settled, settled_path
from store.sqlite.write import settlement
from store.sqlite.write.settler import Settler
from store.sqlite.write.settler_process import SettlerProcess
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import eventually
from tests.store.build import row, span

_S = 10**9


class Nobody:
    """A settling process that is not there."""

    def see_to_it(self) -> None:
        pass

    def finish(self) -> None:
        pass

    def end(self) -> None:
        pass


class Unsettled:
    """A store of which nothing is settled until it is asked for."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9, apart=Nobody())
        self.reader = store.open_reader(path)

    def settle(self) -> None:
        """Settle all that there is."""
        main = sqlite3.connect(self.path, isolation_level=None)
        settler = Settler(self.path, main, apart=True)
        settler.step(final=True)
        settler.close()
        main.close()

    def states(self, after_s: float = 0.0) -> tuple[str, str]:
        """What a reader, and the writer, say after this time."""
        now = time.time_ns() + int(after_s * _S)
        return self.reader.settling().state(now), self.writer.health().settling.state(now)

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


@pytest.fixture(name="unsettled")
def _unsettled(tmp_path: Path) -> Iterator[Unsettled]:
    found = Unsettled(tmp_path / "store.db")
    yield found
    found.close()


def test_a_store_without_anything_is_complete(unsettled: Unsettled) -> None:
    assert unsettled.states(100) == ("complete", "complete")


def test_what_waits_is_behind_after_three_seconds_and_stopped_where_nothing_happens(
    unsettled: Unsettled,
) -> None:
    """And complete again, however long nothing comes, once it is settled."""
    unsettled.writer.write(Batch([row(span(1))]))
    unsettled.settle()
    unsettled.writer.write(Batch([row(span(2))]))
    eventually(lambda: unsettled.states() == ("complete", "complete"), "within its time")
    assert unsettled.states(5) == ("stopped", "stopped")
    found = unsettled.reader.settling()
    assert found.up_to_unix_nano is not None
    assert abs(time.time_ns() - found.up_to_unix_nano) < 60 * _S
    unsettled.settle()
    eventually(lambda: unsettled.states(3600) == ("complete", "complete"), "complete")
    assert unsettled.reader.status().settled_up_to_unix_nano is None


def test_a_store_whose_settled_file_is_gone_is_not_called_complete(unsettled: Unsettled) -> None:
    """Nothing is handed over any more: all is computed anew, from the spans."""
    unsettled.writer.write(Batch([row(span(1))]))
    unsettled.settle()
    eventually(lambda: unsettled.states(3600) == ("complete", "complete"), "complete")
    discard_settled(settled_path(unsettled.path))
    eventually(lambda: unsettled.states() == ("anew", "anew"), "computed anew")
    unsettled.settle()
    eventually(lambda: unsettled.states(3600) == ("complete", "complete"), "complete")


def test_what_goes_on_and_is_late_is_behind() -> None:
    now = time.time_ns()
    assert Settling(now - 5 * _S, now - _S // 5).state(now) == "behind"
    assert Settling(now - 2 * _S, now - 3600 * _S).state(now) == "complete"
    assert Settling(None, now - 3600 * _S).state(now) == "complete"
    assert Settling(now - 5 * _S, now - _S, anew=True).state(now) == "anew"
    assert Settling(now - 5 * _S, now - 4 * _S, anew=True).state(now) == "stopped"


def test_a_process_that_hangs_is_said_and_what_it_left_is_settled_when_it_goes_on(tmp_path: Path) -> None:
    process = SettlerProcess(tmp_path / "store.db")
    writer = SqliteWriter(tmp_path / "store.db", max_bytes=1 << 30, max_age_s=1e9, apart=process)
    reader = store.open_reader(tmp_path / "store.db")
    try:
        os.kill(process.pid, signal.SIGSTOP)
        writer.write(Batch([row(span(1))]))
        later = time.time_ns() + 5 * _S
        for settling in (reader.settling, lambda: writer.health().settling):
            eventually(lambda of=settling: of().state(later) in ("stopped", "anew"), "said")  # type: ignore[misc]
        os.kill(process.pid, signal.SIGCONT)
        for settling in (reader.settling, lambda: writer.health().settling):
            eventually(lambda of=settling: of().state(later + 3600 * _S) == "complete", "settled")  # type: ignore[misc]
    finally:
        os.kill(process.pid, signal.SIGCONT)
        writer.close()
        reader.close()


def test_many_spans_wait_for_a_shorter_time_than_few(
    unsettled: Unsettled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that had no core for a moment settles few at once; many take as long as they came in."""
    monkeypatch.setattr(settlement, "_LATE_S", 0.0)
    monkeypatch.setattr(settlement, "_MANY_SPANS", 3)
    health = unsettled.writer.health

    def is_asked_to_wait() -> bool:
        try:
            unsettled.writer.check_pace()
        except StoreBusy as error:
            return error.reason == "behind" and "has waited for" in str(error)
        return False

    unsettled.writer.write(Batch([row(span(number)) for number in range(1, 4)]))
    eventually(lambda: health().settling.up_to_unix_nano is not None, "the writer sees what waits")
    assert not is_asked_to_wait()
    unsettled.writer.write(Batch([row(span(4))]))
    eventually(is_asked_to_wait, "senders wait")
    unsettled.settle()
    eventually(lambda: not is_asked_to_wait(), "senders go on")
