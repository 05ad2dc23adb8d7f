"""Tables of our own in ClickHouse: every answer is the one without them, whoever fills them may die."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pytest

from signals.model import Span, SpanKind, TraceId
from store.api import Batch, StoreUnavailable, TraceQuery
from store.clickhouse.settler import Settler
from store.results import TraceSummary
from tests.helpers import eventually
from tests.store.build import failing_checkout, row, span
from tests.store.prepared import SUMMED, Prepared, hostile, prepared, windows

pytestmark = pytest.mark.timeout(300)  # hundreds of answers, each asked of ClickHouse several times

MINUTES = 34


@pytest.fixture(name="store")
def _store() -> Iterator[Prepared]:
    found = prepared()
    yield found
    found.close()


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("stage", ["new", "settled", "late", "settled again"])
def test_every_answer_is_the_one_without_our_tables(stage: str, seed: int) -> None:
    """Before anything is settled, after it, and when half as much came later."""
    spans = hostile(seed, 120, MINUTES)
    store = prepared(before=spans[::2])
    if stage != "new":
        assert store.settle() > 20
        assert store.count("lab_blocks") > 1
    if stage in ("late", "settled again"):
        store.write(spans[1::2])
    if stage == "settled again":
        store.settle()
    assert store.differences(*windows(MINUTES)[seed - 1 :: 2]) == []
    store.close()


def test_a_trace_that_lasts_longer_than_what_is_settled_counts_as_one(store: Prepared) -> None:
    """Settled piece by piece, read from its spans: with spans all along, and with a pause."""
    going_on = TraceId("1" * 32)
    paused = TraceId("2" * 32)
    long = [_server(1 + place, place, place * 4, going_on) for place in range(12)]
    pause = [_server(101, 0, 3, paused), _server(102, 101, 28, paused)]
    store.write([*long, *failing_checkout()])
    store.settle()
    assert store.count("lab_long") > 0
    assert store.differences(*windows(50), names=SUMMED) == []
    # Without our tables a pause as long as what is looked at parts a trace.
    store.write(pause)
    store.settle()
    for trace_id, spans in ((going_on, long), (paused, pause)):
        found = [one for one in _newest(store, 50) if one.trace_id == trace_id]
        assert [(one.spans, one.complete) for one in found] == [(len(spans), True)]
    store.write([_server(200, 12, 46, going_on)])
    assert [one.spans for one in _newest(store, 50) if one.trace_id == going_on] == [13]


def _server(number: int, parent: int, minute: int, trace_id: TraceId) -> Span:
    return span(number, parent, "worker", "step", kind=SpanKind.SERVER, start_ms=minute * 60_000,
                trace_id=trace_id)  # fmt: skip


def _newest(store: Prepared, minutes: int) -> Sequence[TraceSummary]:
    return store.reader.find_traces(TraceQuery(windows(minutes)[0])).items


def test_late_spans_are_seen_at_once_and_settled_later(store: Prepared) -> None:
    """Some of one minute: only what is around it is computed anew."""
    spans = hostile(3, 120, MINUTES)
    late = [one for one in spans if one.trace_id == spans[-30].trace_id]
    store.write([one for one in spans if one not in late])
    first = store.settle()
    store.write(late)
    assert store.differences(windows(MINUTES)[0], names=SUMMED) == []
    again = store.settle()
    assert 0 < again < first
    assert store.differences(windows(MINUTES)[0], names=SUMMED) == []


class Killed(BaseException):
    """The end of a process in the midst of its work."""


@pytest.mark.parametrize("statements", range(11))
def test_a_settler_that_is_killed_loses_and_doubles_nothing(
    store: Prepared, monkeypatch: pytest.MonkeyPatch, statements: int
) -> None:
    """After so many of its statements that write; what another one has to do is done once."""
    store.write(hostile(4, 60, 12))
    settler = store.settler()
    left = [statements]

    def until_dead(write: Callable[..., None]) -> Callable[..., None]:
        def dying(*args: object) -> None:
            if not left[0]:
                raise Killed
            left[0] -= 1
            write(*args)

        return dying

    for name in ("insert", "run"):
        monkeypatch.setattr(settler._connections, name, until_dead(getattr(settler._connections, name)))
    with pytest.raises(Killed):
        _settle(settler)
    assert store.differences(windows(12)[0], names=SUMMED) == []
    monkeypatch.undo()
    # Its lease would end by itself.
    settler.close()
    store.settle()
    assert store.differences(windows(12)[0], names=SUMMED) == []


def test_what_was_not_published_is_deleted_when_it_is_old(
    store: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Versions that were followed by others, too: readers that began before may read them for a while."""
    store.write(hostile(5, 60, 12))
    store.settle()
    kept = store.count("lab_traces")
    store.connections.run(
        f"INSERT INTO {store.connections.address.database}.lab_traces "
        "(Home, Version, TraceId) VALUES (1, 1, 'nobody')"
    )
    store.write(hostile(6, 60, 12))
    store.settle()
    both = store.count("lab_traces")
    assert both > kept
    monkeypatch.setattr("store.clickhouse.settler._KEEP_NS", -(10**18))
    store.settle()
    assert store.count("lab_traces") < both
    rows = store.connections.rows(
        "SELECT count() - uniqExact(TraceId), countIf(TraceId = 'nobody') FROM "
        + store.connections.source("lab_traces")
    )
    assert tuple(rows[0]) == (0, 0)
    assert store.differences(windows(12)[0], names=SUMMED) == []


def test_an_answer_that_was_lost_doubles_nothing_in_our_tables(
    store: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The insert arrived, its answer did not: views saw it once, as the table of spans did."""
    insert, lost = store.writer._connections.insert, [True]

    def lossy(table: str, columns: Mapping[str, Sequence[object]], token: str) -> None:
        insert(table, columns, token)
        if lost and lost.pop():
            raise StoreUnavailable("the answer was lost")

    monkeypatch.setattr(store.writer._connections, "insert", lossy)
    store.write(failing_checkout())
    assert not lost
    assert (store.count("otel_traces"), store.count("lab_spans")) == (10, 10)
    spans = store.connections.rows("SELECT sum(Spans) FROM " + store.connections.source("lab_arrivals"))
    assert int(spans[0][0]) == 10


def test_a_batch_that_comes_twice_is_kept_once(store: Prepared) -> None:
    for _ in range(2):
        store.writer.write(Batch([row(one) for one in failing_checkout()]))
    store.settle()
    assert store.count("lab_spans") == 10
    assert store.differences(windows(1)[0], names=SUMMED) == []


def test_the_lease_follows_its_holder(store: Prepared) -> None:
    """One works, the other waits; who was killed is followed when its time is up."""
    store.write(failing_checkout())
    first, second = store.settler(), store.settler()
    assert first._lease.hold()
    assert not second._lease.hold()
    assert second.step() == 0
    first.close()
    assert second._lease.hold()
    second.close()
    killed, next_one = store.settler(), store.settler()
    killed._lease._lasts_ms = 500
    killed._lease.hold()
    _until(next_one)
    assert next_one._lease.holder() == next_one._lease.owner
    assert not killed._lease.still_held()
    next_one.close()


def test_who_lost_the_lease_publishes_nothing(store: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it believes: the server decides when it executes the insert."""
    store.write(failing_checkout())
    settler = store.settler()
    monkeypatch.setattr(settler._lease, "still_held", lambda: True)
    monkeypatch.setattr(settler, "_sum", lambda *_: settler._lease._write(1))
    assert settler.step() == 0
    assert store.count("lab_traces") == 1
    assert store.count("lab_homes") == store.count("lab_minutes") == 0
    settler.close()


def _settle(settler: Settler) -> None:
    while settler.step():
        pass


def _until(settler: Settler) -> None:
    eventually(lambda: settler._lease.hold(), "the lease of a settler whose other was killed")
