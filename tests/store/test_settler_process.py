"""A process that settles may die at any moment, and its file may go: all is settled right afterwards."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

import store
from signals.model import SpanKind, TraceId
from store.api import Batch, Reader, StoreUnavailable, TraceQuery
from store.rows import SpanRow
from store.sqlite.settled_file import settled_path
from store.sqlite.store_file import connect_writer
from store.sqlite.write.handover import HandoverRow, Unreadable, rows_after
from store.sqlite.write.settler_process import SettlerProcess
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import eventually
from tests.store.build import TRACE, failing_checkout, row, span
from tests.store.contract.test_browsers import event
from tests.store.house import WINDOW
from tests.store.test_retention import derived


class Apart:
    """A store that is settled by a process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.process = SettlerProcess(path)
        self.writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9, apart=self.process)
        self.reader: Reader = store.open_reader(path)
        self._next = 1

    def write(self, traces: int = 20) -> None:
        """Traces of one span each, and a browser's event for each."""
        spans: list[SpanRow] = []
        for number in range(self._next, self._next + traces):
            trace_id = TraceId(f"{number:032x}")
            spans += [
                row(span(number, kind=SpanKind.SERVER, trace_id=trace_id)),
                row(event(10_000 + number, "documentLoad", f"s{number // 4}", at_ms=number)),
            ]
        self._next += traces
        self.writer.write(Batch(spans))

    def is_settled(self) -> bool:
        """Whether every trace and event that was written is there once."""
        count = self._next - 1
        return (
            self.reader.count_traces(TraceQuery(WINDOW)) == (count, False)
            and self.reader.services(WINDOW)["shop"].requests == count
            and self.reader.rum_measures(WINDOW)["page_views"].requests == count
            and self.reader.status().settled_up_to_unix_nano is None
        )

    def kill(self) -> None:
        pid = self.process.pid
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: self.process.pid not in (0, pid), "another settling process")

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


@pytest.fixture(name="apart")
def a_store_settled_apart(tmp_path: Path) -> Iterator[Apart]:
    """Closed at the end."""
    apart = Apart(tmp_path / "store.db")
    yield apart
    apart.close()


def _handed_over(path: Path) -> int:
    connection = sqlite3.connect(path)
    (count,) = connection.execute("SELECT count(*) FROM handovers").fetchone()
    connection.close()
    return int(count)


def test_a_process_settles_and_what_is_settled_is_no_longer_handed_over(apart: Apart) -> None:
    apart.write()
    eventually(apart.is_settled, "all settled")
    eventually(lambda: not _handed_over(apart.path), "the handovers deleted")


def test_it_may_be_killed_again_and_again(apart: Apart, tmp_path: Path) -> None:
    """Nothing is missing or doubled, and all is as settling from nothing makes it."""
    for _ in range(4):
        apart.write()
        apart.kill()
        apart.write()
    eventually(apart.is_settled, "all settled", within_s=20)
    apart.close()
    found = derived(apart.path)
    settled_path(apart.path).unlink()
    SqliteWriter(apart.path, max_bytes=1 << 30, max_age_s=1e9).close()
    assert derived(apart.path) == found


def test_its_file_may_be_deleted_while_it_runs(apart: Apart) -> None:
    apart.write()
    eventually(apart.is_settled, "all settled")
    for suffix in ("", "-wal", "-shm"):
        Path(f"{settled_path(apart.path)}{suffix}").unlink(missing_ok=True)
    apart.write()
    eventually(apart.is_settled, "all settled anew")


def test_an_older_copy_of_its_file_is_not_gone_on_from(apart: Apart) -> None:
    """What was handed over since is gone: all is settled from nothing."""
    apart.write()
    eventually(apart.is_settled, "all settled")
    apart.writer.close()
    copy = settled_path(apart.path).read_bytes()
    again = SqliteWriter(apart.path, max_bytes=1 << 30, max_age_s=1e9)
    again.write(Batch([row(one) for one in failing_checkout()]))
    again.close()
    settled_path(apart.path).write_bytes(copy)
    last = SqliteWriter(apart.path, max_bytes=1 << 30, max_age_s=1e9)
    eventually(lambda: "frontend" in apart.reader.services(WINDOW), "what came since")
    assert apart.reader.services(WINDOW)["shop"].requests == 20
    assert TRACE in apart.reader.trace_summaries([TRACE])
    last.close()


@pytest.mark.parametrize("begin", [0, 4_096])
def test_a_damaged_file_of_it_is_made_anew(apart: Apart, begin: int) -> None:
    apart.write()
    eventually(apart.is_settled, "all settled")
    apart.writer.close()
    path = settled_path(apart.path)
    body = bytearray(path.read_bytes())
    for at in range(begin, len(body), 4_096):
        body[at : at + 16] = b"\xff" * 16
    path.write_bytes(body)
    last = SqliteWriter(apart.path, max_bytes=1 << 30, max_age_s=1e9)

    def is_settled_anew() -> bool:
        try:
            return apart.is_settled()
        except StoreUnavailable:  # until the settler has found it out
            return False

    eventually(is_settled_anew, "all settled anew")
    last.close()


DAMAGED = {
    "bytes": "CAST(x'00' || body AS BLOB)",
    "a text that cannot be decoded": "CAST(x'ff' || body AS TEXT)",
    "nothing": "x''",
}


@pytest.mark.parametrize("damaged", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_handover_is_found(tmp_path: Path, damaged: str) -> None:
    connection = connect_writer(tmp_path / "store.db")
    HandoverRow(spans=[row(span(1))]).store(connection, 1)
    assert [len(each.spans) for each in rows_after(connection, 0)] == [1]
    connection.execute(f"UPDATE handovers SET body = {damaged}")
    with pytest.raises(Unreadable, match="handover 1"):
        list(rows_after(connection, 0))
    connection.close()


def test_what_a_damaged_handover_told_of_is_settled_from_the_spans(apart: Apart) -> None:
    apart.process.end()
    apart.write()
    other = sqlite3.connect(apart.path, isolation_level=None, timeout=5.0)
    other.execute("UPDATE handovers SET body = CAST(x'ff' || body AS TEXT)")
    other.close()
    eventually(apart.is_settled, "all settled")


def test_a_late_span_of_the_newest_trace_before_a_new_trace_is_settled_after_a_start(tmp_path: Path) -> None:
    """Each has an id of its own: the newest one was given twice, and nothing was settled any more."""
    path = tmp_path / "store.db"
    first, second = TraceId(f"{1:032x}"), TraceId(f"{2:032x}")
    for spans in (
        [span(1, kind=SpanKind.SERVER, trace_id=first)],
        [span(2, 1, trace_id=first), span(3, kind=SpanKind.SERVER, trace_id=second)],
    ):
        writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
        writer.write(Batch([row(each) for each in spans]))
        writer.close()
    reader = store.open_reader(path)
    found = reader.trace_summaries([first, second])
    assert {trace_id: each.spans for trace_id, each in found.items()} == {first: 2, second: 1}
    reader.close()


def test_it_ends_with_its_writer(apart: Apart) -> None:
    apart.write()
    eventually(apart.is_settled, "all settled")
    pid = apart.process.pid
    apart.writer.close()
    assert not Path(f"/proc/{pid}").exists()
    assert apart.is_settled()
