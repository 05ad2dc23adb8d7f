"""Requests that a reader keeps by slot: it answers as a new one does, whatever came meanwhile."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

import store
from signals.model import Span, SpanKind, TraceId
from store.api import Batch, Operation, Reader, TraceQuery, Window
from store.sqlite.read import affected, changes, failing_entries, request_groups, request_slots, traces
from store.sqlite.settled_file import settled_path
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import eventually
from tests.store.build import SECOND, T0, row, span
from tests.store.house import House

_WINDOWS = (
    Window(T0 - 3_600 * SECOND, T0 + 3_600 * SECOND),
    Window(T0 + 31 * SECOND, T0 + 217 * SECOND + 7),
    Window.ALL,
)
_HOUR = 3_600 * SECOND
_ORDER = Operation("shop", "order")


def _trace(number: int) -> TraceId:
    return TraceId(f"{number:032x}")


def _requests(number: int, at_ms: float, *, failed: bool, late: bool = False) -> list[Span]:
    """An order of the shop at a bank, longer than the bank's part, so that hardly two last as long.

    The part that comes late is of a third service.
    """
    trace_id, attributes = _trace(number), {"version": f"v{number % 3}", "enduser.id": f"user-{number % 4}"}
    attributes["shelf"] = str(number % 3)
    if late:
        return [span(3, 2, "ledger", "book", kind=SpanKind.SERVER, start_ms=at_ms + 1, trace_id=trace_id)]
    return [
        span(
            1, 0, "shop", "order" if number % 5 else "look", kind=SpanKind.SERVER, start_ms=at_ms,
            ms=number + 300, error=failed, attributes=attributes, trace_id=trace_id,
        ),
        span(
            2, 1, "bank", "charge", kind=SpanKind.SERVER, start_ms=at_ms + 61_000 * (number % 7 == 0),
            error=failed, attributes=attributes, trace_id=trace_id,
        ),
    ]  # fmt: skip


def _answers(reader: Reader) -> list[str]:
    """What is answered from the requests of a few windows."""
    found: list[object] = []
    for window in _WINDOWS:
        for service in (None, "shop", "bank", "nobody"):
            found += [
                reader.operations(service, window),
                reader.breakdowns(service, ("version", "enduser.id"), window, {"version": "v1"}),
                reader.breakdowns(service, ("number",), window),
                reader.affected(service, window, amounts=True),
                reader.affected(service, window, {"version": "v1"}, error="origin"),
                reader.affected(service, window, operation="order", environment=""),
                reader.series(service, window, 7, where={"version": "v1"}),
            ]
        found += [reader.operation_measures(window), reader.versions("bank", window, _ORDER)]
        found += [reader.tags(window), reader.changes(window), reader.services(window)]
        found += [reader.service_map(window), reader.service_map(window, "")]
        found += [reader.failing_operations(window), reader.failing_operations(window, "")]
        found += [{name: one.requests for name, one in reader.services(window, exact=False).items()}]
        for query in _searches(window):
            page = reader.find_traces(query)
            found += [[one.trace_id for one in page.items], page.truncated]
            found += [reader.count_traces(query), reader.affected_by_traces(query)]
    return [repr(each) for each in found]


def _searches(window: Window) -> list[TraceQuery]:
    """Traces by tags, whose sets are looked at slot by slot, and by what only their spans tell."""
    user, both, shelf = {"enduser.id": "user-1"}, {"version": "v1", "enduser.id": "user-2"}, {"shelf": "2"}
    return [
        TraceQuery(window, attributes=user, limit=9),
        TraceQuery(window, service="shop", error="any", attributes=user, sort="oldest", limit=9),
        TraceQuery(window, service="bank", attributes=user, sort="slowest", limit=9),
        TraceQuery(window, attributes=both, sort="oldest", limit=3),
        TraceQuery(window, service="shop", operation="order", environment="", limit=9),
        TraceQuery(window, service="shop", attributes=shelf, limit=9),
        TraceQuery(window, attributes=shelf | both, sort="oldest", limit=9),
        TraceQuery(window, min_ns=320_000_000, limit=4),
        TraceQuery(window, min_ns=335_000_000, max_ns=400_000_000, sort="oldest", limit=4),
        TraceQuery(window, min_ns=61_000_000_000, limit=9),
    ]


def _fresh(path: Path) -> list[str]:
    reader = store.open_reader(path)
    found = _answers(reader)
    reader.close()
    return found


def _write(house: House, spans: Sequence[Span], counts: dict[TraceId, int]) -> None:
    house.write(spans)
    for one in spans:
        counts[one.trace_id] = counts.get(one.trace_id, 0) + 1
    for trace_id in {one.trace_id for one in spans}:
        house.settled(trace_id, counts[trace_id])


def _fill(house: House, seed: int, reader: Reader | None = None, path: Path | None = None) -> None:
    """Batches with late parts of traces; what a reader answers after each is compared with a new one's."""
    draw = random.Random(seed)
    at_ms = {number: draw.uniform(0, 400_000) for number in range(1, 41)}
    parts = [_requests(number, at_ms[number], failed=draw.random() < 0.4) for number in at_ms]
    parts += [
        _requests(number, at_ms[number], failed=False, late=True) for number in at_ms if number % 3 == 0
    ]
    draw.shuffle(parts)
    counts: dict[TraceId, int] = {}
    while parts:
        _write(house, [one for _ in range(min(9, len(parts))) for one in parts.pop()], counts)
        if reader and path:
            assert _answers(reader) == _fresh(path)


@pytest.mark.parametrize("seed", [1, 2])
def test_answers_follow_what_arrives(
    house: House, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Late spans change traces of slots that were read before: the next answer tells of them."""
    monkeypatch.setattr(traces, "MAX_LOOKED", 21)
    monkeypatch.setattr(traces, "_MAX_LOOKED_AFFECTED", 13)
    monkeypatch.setattr(affected, "MAX_TRACES", 23)
    monkeypatch.setattr(affected, "MAX_LOOKED", 31)
    monkeypatch.setattr(changes, "MAX_ROWS", 19)
    monkeypatch.setattr(failing_entries, "MAX_FAILING", 11)
    monkeypatch.setattr(request_groups, "MAX_COUNTED", 47)
    _fill(house, seed, house.reader, tmp_path / "store.db")


@pytest.mark.parametrize(
    ("constant", "value"),
    [("_MOST_ROWS", 3), ("_KEPT_BYTES", 4_000), ("_SLOTS_AT_ONCE", 2), ("_FIRST_PART", 2)],
)
def test_answers_do_not_depend_on_what_is_kept(
    house: House, tmp_path: Path, constant: str, value: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slots that are too full to be kept, and a cache that holds few of them, cost time only."""
    _fill(house, 3)
    path = tmp_path / "store.db"
    expected = _answers(house.reader)
    monkeypatch.setattr(request_slots, constant, value)
    if constant == "_FIRST_PART":
        monkeypatch.setattr(request_slots, "_MOST_ROWS", 1)
    assert _fresh(path) == expected


def test_slots_have_versions_again_after_a_settling_from_nothing(tmp_path: Path) -> None:
    """How a file of an earlier program answers before a writer opened it: test_existing_file.py."""
    path = tmp_path / "store.db"
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    reader = store.open_reader(path)
    _fill(House(writer, reader), 4)
    expected = _answers(reader)
    writer.close()
    reader.close()
    settled_path(path).unlink()
    SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9).close()
    assert len(_slots(path)) > 3
    assert _fresh(path) == expected


def test_a_slot_without_requests_has_no_version(tmp_path: Path) -> None:
    """Retention deletes the versions with the last trace of a slot, and answers follow it."""
    path = tmp_path / "store.db"
    reader = store.open_reader(path)
    for hour in range(3):
        now = partial(int, T0 + hour * _HOUR)
        writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e6, clock=now)
        for number in range(5):
            at_ms = (hour * 3_600 + number * 61) * 1e3
            writer.write(Batch([row(one) for one in _requests(10 * hour + number + 1, at_ms, failed=True)]))
        writer.close()
    assert len(_slots(path)) > 10
    _answers(reader)
    later = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1.5 * 3600, clock=lambda: T0 + 3 * _HOUR)
    eventually(lambda: _slots(path) == _occupied(path) and len(_slots(path)) < 11, "fewer slots")
    # Rollups are pruned by rounds of their own, which must not come between the two.
    later.close()
    assert _answers(reader) == _fresh(path)
    reader.close()


def _slots(path: Path) -> list[int]:
    return _column(path, "SELECT slot FROM request_slots ORDER BY 1")


def _occupied(path: Path) -> list[int]:
    return _column(path, "SELECT DISTINCT start / 60000000000 FROM requests ORDER BY 1")


def _column(path: Path, sql: str) -> list[int]:
    connection = sqlite3.connect(settled_path(path))
    found = [number for (number,) in connection.execute(sql)]
    connection.close()
    return found
