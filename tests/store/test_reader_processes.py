"""Reader processes: they answer as a reader here does, and end when nobody needs them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import store
from signals.model import SessionId, SpanId, TraceId
from store.api import (
    BadQuery,
    Batch,
    LogQuery,
    MetricQuery,
    Operation,
    Reader,
    SessionQuery,
    StoreBusy,
    StoreUnavailable,
    TooSlow,
    TraceQuery,
    Window,
)
from store.sqlite.read.reader import SqliteReader
from store.sqlite.read.reader_pool import Loan, ReaderPool
from tests.fixtures import seed
from tests.helpers import REPO, eventually
from tests.store.build import row, span
from tests.store.place import Place

W = Window.ALL
TRACE, SESSION = TraceId(seed.TRACE), SessionId(seed.SESSION)
CHARGE = SpanId(seed.CHARGE_SPAN)
QUESTIONS: dict[str, Callable[[Reader], object]] = {
    "absent_spans": lambda r: r.absent_spans([(TRACE, CHARGE), (TRACE, SpanId("1" * 16))]),
    "affected": lambda r: r.affected(None, W, amounts=True),
    "affected_by_traces": lambda r: r.affected_by_traces(TraceQuery(W)),
    "breakdowns": lambda r: r.breakdowns(None, {"version": 1}.keys(), W, limit=5),  # type: ignore[arg-type]
    "browser_of_trace": lambda r: r.browser_of_trace(TRACE),
    "changes": lambda r: r.changes(W),
    "count_logs": lambda r: r.count_logs(LogQuery(W)),
    "count_sessions": lambda r: r.count_sessions(SessionQuery(W)),
    "count_traces": lambda r: r.count_traces(TraceQuery(W)),
    "coverage": lambda r: r.coverage(_window(r), "browsers"),
    "deployments": lambda r: r.deployments(W),
    "environments": lambda r: r.environments(W),
    "errors_seen": lambda r: r.errors_seen([each.error_id for each in r.rum_errors(W)[0]]),
    "exemplars_of_trace": lambda r: r.exemplars_of_trace(TRACE),
    "failing_operations": lambda r: r.failing_operations(W),
    "find_logs": lambda r: r.find_logs(LogQuery(W)),
    "find_sessions": lambda r: r.find_sessions(SessionQuery(W)),
    "find_traces": lambda r: r.find_traces(TraceQuery(W, sort="slowest")),
    "late_arrivals": lambda r: r.late_arrivals(W),
    "locate": lambda r: r.locate(TRACE),
    "locate_session": lambda r: r.locate_session(SESSION),
    "log": lambda r: r.log(r.newest_log_id()),
    "settling": lambda r: r.settling(),
    "log_fields": lambda r: r.log_fields(LogQuery(W)),
    "log_histogram": lambda r: r.log_histogram(LogQuery(_window(r))),
    "metric_attributes": lambda r: r.metric_attributes(_metric(r), W),
    "metric_chart": lambda r: r.metric_chart(MetricQuery(_window(r), _metric(r), "count")),
    "metric_exemplars": lambda r: r.metric_exemplars(MetricQuery(W, _metric(r))),
    "metric_latest": lambda r: r.metric_latest(MetricQuery(W, _metric(r))),
    "metric_names": lambda r: r.metric_names(W),
    "newest_log_id": lambda r: r.newest_log_id(),
    "operation_measures": lambda r: r.operation_measures(W),
    "operations": lambda r: r.operations(None, W),
    "rum_apps": lambda r: r.rum_apps(W),
    "rum_breakdowns": lambda r: r.rum_breakdowns("page_views", ["page"], W),
    "rum_errors": lambda r: r.rum_errors(W),
    "rum_measures": lambda r: r.rum_measures(W),
    "rum_series": lambda r: r.rum_series("page_views", _window(r)),
    "seen": lambda r: r.seen("version", ["v350.10", "v350.9"]),
    "series": lambda r: r.series(None, _window(r)),
    "service_map": lambda r: r.service_map(W),
    "services": lambda r: r.services(W),
    "services_holding": lambda r: r.services_holding("pay"),
    "session": lambda r: r.session(SESSION),
    "sessions_ending": lambda r: r.sessions_ending(SESSION[-8:]),
    "sessions_holding": lambda r: r.sessions_holding(SESSION[:6]),
    "span_ids_beginning": lambda r: r.span_ids_beginning(CHARGE[:4]),
    "spans_of_session": lambda r: r.spans_of_session(SESSION),
    "spans_of_trace": lambda r: r.spans_of_trace(TRACE),
    "status": lambda r: r.status(),
    "tags": lambda r: r.tags(W),
    "trace_ids_ending": lambda r: r.trace_ids_ending(TRACE[16:]),
    "trace_ids_with": lambda r: r.trace_ids_with(TRACE[:8]),
    "trace_of_span": lambda r: r.trace_of_span(CHARGE),
    "trace_summaries": lambda r: r.trace_summaries([TRACE]),
    "never_seen": lambda r: r.never_seen(["nobody.has"]),
    "values_holding": lambda r: r.values_holding("enduser.id", "ann"),
    "versions": lambda r: r.versions("paymentservice", W, Operation("frontend", "POST /cart/checkout")),
}


def _window(reader: Reader) -> Window:
    newest = reader.status().newest_unix_nano or 0
    return Window(newest - 3_600 * 10**9, newest + 1)


def _metric(reader: Reader) -> str:
    return reader.metric_names(W)[0][0].info.name


@pytest.fixture(name="story", scope="module")
def _story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SqliteReader]:
    """A reader here of the story with everything in it."""
    path = tmp_path_factory.mktemp("story") / "store.db"
    writer = store.open_writer(path)
    seed.hostile(seed.measured(seed.story())).send(writer)
    writer.close()
    reader = SqliteReader(path)
    yield reader
    reader.close()


@pytest.fixture(name="pool", scope="module")
def _pool(story: SqliteReader) -> Iterator[ReaderPool]:
    """One process of it."""
    pool = ReaderPool(story, 1)
    _started(pool)
    yield pool
    pool.close()


@pytest.fixture(name="lent")
def _lent(pool: ReaderPool) -> Iterator[Loan]:
    """It, lent for one test."""
    lent = pool.lend()
    assert lent is not None
    yield lent
    lent.give_back()


@pytest.fixture(name="local")
def _local(place: Place) -> SqliteReader:
    """A reader here of a small store, for tests that end processes."""
    assert isinstance(place.reader, SqliteReader)
    return place.reader


def _started(pool: ReaderPool, processes: int = 1) -> list[int]:
    for _ in range(processes):
        pool.start_one()
    eventually(lambda: len(pool.pids) == processes, f"{processes} processes", within_s=30)
    return pool.pids


def _lend(pool: ReaderPool) -> Loan:
    lent = pool.lend()
    assert lent is not None
    return lent


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # Whoever adopts an orphan may reap it late.
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text("ascii").rpartition(")")[2].split()[0] == "Z"


def test_every_question_of_the_contract_is_among_those_that_are_asked() -> None:
    """A new method of the contract gets a question here."""
    methods = {name for name in dir(Reader) if not name.startswith("_")}

    assert methods - {"snapshot", "close"} == QUESTIONS.keys()


@pytest.mark.parametrize("method", QUESTIONS)
def test_a_process_answers_as_a_reader_here(story: SqliteReader, lent: Loan, method: str) -> None:
    """The same values of the same types, for every question of the contract."""
    here, there = QUESTIONS[method](story), QUESTIONS[method](lent.reader)

    assert there == here
    assert repr(there) == repr(here)


def test_what_it_costs_is_known(lent: Loan) -> None:
    """Processor seconds of the process add up over a loan."""
    lent.reader.service_map(W)
    first = lent.processor_s
    lent.reader.service_map(W)

    assert lent.processor_s > first > 0


def test_errors_of_the_contract_travel_as_themselves(lent: Loan) -> None:
    """And so does a fault of ours, with where it happened; the process answers on."""
    with pytest.raises(BadQuery, match="limit"):
        lent.reader.find_traces(TraceQuery(W, limit=5_000))
    with pytest.raises(AttributeError) as raised:
        lent.reader.find_traces(None)  # type: ignore[arg-type]
    assert "store/sqlite/read/traces.py" in "".join(raised.value.__notes__)
    with pytest.raises(AttributeError):
        lent.reader.missing()  # type: ignore[attr-defined]

    assert lent.reader.status().spans > 0


def test_a_snapshot_holds_until_it_is_released(local: SqliteReader, place: Place) -> None:
    """All that is asked within it agrees; a loan that ends releases it, too."""
    pool = ReaderPool(local, 1)
    _started(pool)
    lent = _lend(pool)
    with lent.reader.snapshot():
        assert lent.reader.status().spans == 3
        place.writer.write(Batch([row(span(4))]))
        with lent.reader.snapshot():
            assert lent.reader.status().spans == 3
        assert lent.reader.status().spans == 3
    assert lent.reader.status().spans == 4
    with pytest.raises(BadQuery), lent.reader.snapshot():
        lent.reader.find_logs(LogQuery(W, limit=0))
    assert lent.reader.status().spans == 4
    lent.reader.snapshot().__enter__()
    lent.give_back()
    place.writer.write(Batch([row(span(5))]))

    lent = _lend(pool)
    assert lent.reader.status().spans == 5
    lent.give_back()
    pool.close()


def test_a_store_that_is_gone_or_replaced_is_noticed(local: SqliteReader, place: Place) -> None:
    """Also by a process that never saw one: empty is only what was never there."""
    pool = ReaderPool(local, 1)
    assert local.status().spans == 3
    place.writer.close()
    for each in place.path.parent.glob(f"{place.path.name}*"):
        each.unlink()
    _started(pool)
    lent = _lend(pool)
    with pytest.raises(StoreUnavailable, match="is gone") as raised:
        lent.reader.status()
    assert raised.value.reason == "gone"
    writer = store.open_writer(place.path)
    writer.write(Batch([row(span(1))]))
    writer.close()

    assert lent.reader.status().spans == 1
    pool.close()


def test_never_more_than_so_many_run(local: SqliteReader) -> None:
    """However often they are asked for; each is lent to one only."""
    pool = ReaderPool(local, 2)
    numbers: list[int] = []
    pool.watch(numbers.append)
    for _ in range(6):
        pool.start_one()
    eventually(lambda: len(pool.pids) == 2, "two processes", within_s=30)
    pool.start_one()
    first, second = _lend(pool), _lend(pool)

    assert pool.lend() is None
    assert pool._starting == 0
    first.give_back()
    first.give_back()
    again = _lend(pool)
    assert pool.lend() is None
    pids = pool.pids
    pool.close()
    assert all(_is_gone(pid) for pid in pids)
    assert pool.lend() is None
    eventually(lambda: numbers[-1] == 0, "none is ready")
    for each in (second, again):
        each.give_back()
        with pytest.raises(StoreBusy):
            each.reader.status()


def test_a_process_that_dies_in_the_middle_is_replaced(local: SqliteReader) -> None:
    """Its question is told to be asked again, and nothing hangs."""
    pool = ReaderPool(local, 1)
    (pid,) = _started(pool)
    lent = _lend(pool)
    os.kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(1) as thread:
        asked = thread.submit(lent.reader.status)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(StoreBusy, match="ask again"):
            asked.result(20)
    with pytest.raises(StoreBusy):
        lent.reader.status()
    lent.give_back()
    eventually(lambda: not pool.pids, "it is off the list")
    assert pool.lend() is None

    assert _started(pool) != [pid]
    lent = _lend(pool)
    assert lent.reader.status().spans == 3
    pool.close()


def test_a_process_that_does_not_answer_is_ended(place: Place) -> None:
    """After a few time limits of the reader."""
    local = SqliteReader(place.path, 0.2)
    pool = ReaderPool(local, 1)
    (pid,) = _started(pool)
    lent = _lend(pool)
    os.kill(pid, signal.SIGSTOP)
    with pytest.raises(TooSlow, match="shorter time range"):
        lent.reader.status()
    lent.give_back()

    eventually(lambda: _is_gone(pid), "it is gone")
    pool.close()
    local.close()


def test_a_process_that_nobody_needs_ends(local: SqliteReader) -> None:
    """After its idle time by itself, and is not lent shortly before."""
    pool = ReaderPool(local, 1, idle_s=0.3)
    pool.start_one()
    eventually(lambda: pool._starting == 0, "it was started", within_s=30)
    eventually(lambda: not pool.pids, "it ended")

    assert pool.lend() is None
    pool.close()


def test_a_process_that_needs_too_much_memory_is_replaced(local: SqliteReader) -> None:
    """After the loan: its answers count."""
    pool = ReaderPool(local, 1, most_bytes=1)
    (pid,) = _started(pool)
    lent = _lend(pool)
    assert lent.reader.status().spans == 3
    lent.give_back()

    eventually(lambda: _is_gone(pid), "it is gone")
    pool.close()


def test_a_process_that_cannot_start_is_not_tried_at_once_again(
    local: SqliteReader, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged once, and questions find none."""
    monkeypatch.setattr(sys, "executable", "/usr/bin/false")
    pool = ReaderPool(local, 2)
    pool.start_one()
    eventually(lambda: "did not start" in caplog.text, "a line of the log")
    eventually(lambda: pool._starting == 0, "it was given up")
    pool.start_one()

    assert pool._starting == 0
    assert pool.lend() is None
    pool.close()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of others does not end it in the middle")
@pytest.mark.parametrize("busy", [False, True])
def test_a_killed_parent_takes_its_processes_along(place: Place, busy: bool) -> None:
    """Whether they wait or are in the middle of a question."""
    script = f"""
        import sys, threading, store
        pool = store.open_reader_processes(store.open_reader({str(place.path)!r}), 1)
        ready = threading.Event()
        pool.watch(lambda number: ready.set())
        pool.start_one()
        ready.wait(30)
        print(*pool.pids, flush=True)
        sys.stdin.read()
    """
    parent = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        cwd=REPO,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        if busy:
            os.kill(pid, signal.SIGSTOP)
        parent.kill()
    eventually(lambda: _is_gone(pid), "its process is gone")


def test_only_a_reader_of_a_file_has_processes() -> None:
    """A reader of another kind is a fault of the caller."""
    other: Any = object()
    with pytest.raises(TypeError, match="object"):
        store.open_reader_processes(other, 2)
