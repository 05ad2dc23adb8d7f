"""Senders of spans are asked to wait before what is not settled grows beyond a bound."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

import store
from signals.model import SpanKind, TraceId
from store.api import Batch, StoreBusy, StoreUnavailable, TraceQuery
from store.rows import SpanRow
from store.sqlite.store_file import empty_store
from store.sqlite.write import aggregation_schedule
from store.sqlite.write.aggregation_schedule import AggregationSchedule
from store.sqlite.write.ingest import Ingest
from store.sqlite.write.settler import Settler
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import eventually
from tests.store.build import T0, row, span
from tests.store.house import WINDOW


class Clock:
    """The times of the schedule, which go on when they are told to."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def time_ns(self) -> int:
        return T0 + round((self.now_s - 100.0) * 1e9)


class Place:
    """A store in memory, whose rounds of settling are run by hand."""

    def __init__(self, connection: sqlite3.Connection, clock: Clock) -> None:
        self.clock = clock
        self._ingest = Ingest(connection, clock.time_ns)
        self.schedule = AggregationSchedule(connection, connection)

    def commit(self, *spans: SpanRow) -> None:
        self._ingest.insert([Batch(list(spans))])
        self._ingest.on_commit()

    def round(self) -> None:
        if self.schedule.is_due(final=False):
            self.schedule.aggregate()


@pytest.fixture(name="place")
def a_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A store in memory, with a clock of its own."""
    clock = Clock()
    monkeypatch.setattr(aggregation_schedule, "time", clock)
    connection = empty_store()
    yield Place(connection, clock)
    connection.close()


def entry(number: int) -> SpanRow:
    """A span that is a trace of its own."""
    return row(span(number, kind=SpanKind.SERVER, trace_id=TraceId(f"{number:032x}")))


def test_spans_wait_while_a_round_leaves_old_ones(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """And are taken again as soon as it is settled."""
    monkeypatch.setattr(aggregation_schedule, "_ROUND_S", -1.0)
    place.commit(entry(1), entry(2))
    place.round()
    place.clock.now_s += 1.9
    place.round()
    place.schedule.check_pace()
    place.clock.now_s += 0.2
    place.round()
    with pytest.raises(StoreBusy, match=r"waited for 2\.1 s") as raised:
        place.schedule.check_pace()
    assert raised.value.reason == "behind"
    monkeypatch.setattr(aggregation_schedule, "_ROUND_S", 1.0)
    place.clock.now_s += 0.2
    place.round()
    place.schedule.check_pace()


def test_a_process_that_had_no_core_is_not_behind(place: Place) -> None:
    """What has waited for its first round for long is settled by that round."""
    place.commit(entry(1))
    place.round()
    place.clock.now_s += 60
    place.schedule.check_pace()
    place.round()
    place.schedule.check_pace()
    assert not place.schedule.has_work


def test_what_the_last_run_left_holds_up_nobody(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was acknowledged before; only what is sent now can be sent slower."""
    place.commit(entry(1), entry(2))
    place.schedule.on_rollback()
    monkeypatch.setattr(aggregation_schedule, "_ROUND_S", -1.0)
    place.clock.now_s += 60
    place.round()
    assert place.schedule.has_work
    place.schedule.check_pace()


def test_spans_wait_while_what_is_left_takes_too_long(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the pace of the last round: the youngest of them is late before the oldest is. Not if few wait."""
    aggregate = place.schedule.traces.aggregate

    def slowly(trace_id: bytes, remembered: Sequence[SpanRow]) -> None:
        place.clock.now_s += 0.05
        aggregate(trace_id, remembered)

    monkeypatch.setattr(place.schedule.traces, "aggregate", slowly)
    place.commit(*[entry(number) for number in range(1, 60)])
    place.round()
    place.clock.now_s += 0.2
    place.round()
    place.schedule.check_pace()
    monkeypatch.setattr(aggregation_schedule, "_FEW", 10)
    place.clock.now_s += 0.2
    place.round()
    with pytest.raises(StoreBusy, match="53 of them wait"):
        place.schedule.check_pace()
    place.schedule.aggregate(final=True)
    place.schedule.check_pace()
    assert not place.schedule.has_work


@pytest.mark.parametrize(
    ("bound", "most", "told"), [("MAX_WAITING", 2, "3"), ("MAX_WAITING_BYTES", 150, "MB")]
)
def test_spans_wait_while_too_much_is_in_memory(
    place: Place, monkeypatch: pytest.MonkeyPatch, bound: str, most: int, told: str
) -> None:
    """However young it is; what is settled and only remembered holds up nobody."""
    monkeypatch.setattr(aggregation_schedule, bound, most)
    place.commit(entry(1), entry(2), entry(3))
    place.round()
    with pytest.raises(StoreBusy, match=f"{told} of them wait") as raised:
        place.schedule.check_pace()
    assert raised.value.reason == "behind"
    place.clock.now_s += 0.2
    place.round()
    place.schedule.check_pace()


def test_large_rows_of_settled_traces_are_forgotten(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a size of all together; late spans of such a trace find it in the table."""
    monkeypatch.setattr(aggregation_schedule, "_MAX_REMEMBERED_BYTES", 210)
    monkeypatch.setattr(aggregation_schedule, "MAX_WAITING_BYTES", 260)
    place.commit(entry(1), entry(2))
    place.round()
    place.clock.now_s += 0.2
    place.round()
    place.commit(entry(3))
    place.round()
    assert place.schedule.has_work
    place.schedule.check_pace()


def test_what_else_is_wrong_is_told_by_the_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes nothing lets nothing be settled either, but that is not the reason."""
    writer = SqliteWriter(tmp_path / "store.db", max_bytes=1 << 30, max_age_s=1e6)
    monkeypatch.setattr(Settler, "lag", "9 of them wait")
    with pytest.raises(StoreBusy):
        writer.check_pace()
    monkeypatch.setattr(writer, "_trouble", StoreUnavailable("The disk is full.", "disk_full"))
    writer.check_pace()
    monkeypatch.undo()
    writer.close()


def test_nothing_is_lost_where_senders_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Several at once, against a bound that each batch reaches: all is kept and settled."""
    monkeypatch.setattr(aggregation_schedule, "MAX_WAITING", 10)
    path = tmp_path / "store.db"
    writer = store.open_writer(path)
    waited = threading.Event()

    def send(number: int) -> None:
        for batch in range(5):
            first = (number * 5 + batch) * 20 + 1

            def is_taken(first: int = first) -> bool:
                try:
                    writer.check_pace()
                except StoreBusy:
                    waited.set()
                    return False
                writer.write(Batch([entry(each) for each in range(first, first + 20)]))
                return True

            eventually(is_taken, "the batch is taken", within_s=30)

    senders = [threading.Thread(target=send, args=(number,)) for number in range(3)]
    for each in senders:
        each.start()
    for each in senders:
        each.join()
    assert waited.is_set()
    writer.close()
    reader = store.open_reader(path)
    assert reader.status().spans == 300
    assert reader.services(WINDOW)["shop"].requests == 300
    assert reader.count_traces(TraceQuery(WINDOW)) == (300, False)
    reader.close()
