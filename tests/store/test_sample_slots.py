"""What a reader keeps of browsers: it answers as a new one does, whatever came meanwhile."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType

import pytest

import store
from signals.model import Span, TraceId
from store.api import Batch, CountedEvents, Reader, RumMetric, SessionQuery, Window
from store.sqlite.read import (
    attribute_scan,
    error_sightings,
    rum,
    rum_errors,
    sample_counts,
    sample_slots,
    session_scan,
)
from store.sqlite.settled_file import settled_path
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import eventually
from tests.store.build import SECOND, T0, TRACE, row, span
from tests.store.house import House

_MIN = 60 * SECOND
_WINDOWS = (
    Window(T0 - 60 * _MIN, T0 + 60 * _MIN),
    Window(T0 + 31 * SECOND, T0 + 217 * SECOND + 7),
    Window.ALL,
)
_WHERE: tuple[dict[str, str], ...] = (
    {},
    {"environment": "lab"},
    {"user_agent.synthetic.type": ""},
    {"page": "/cart", "environment": "lab"},
    {"enduser.id": "ann"},
    {"plan": "b"},
    {"page": "/never"},
)
_METRICS: tuple[RumMetric, ...] = ("js_errors", "page_views", "network_requests")
_TAGS = ("page", "environment", "operation", "enduser.id", "user_agent.synthetic.type", "plan")


def _event(number: int, at_ms: float) -> Span:
    """A page, an error of one of three kinds or a request, of one of five sessions."""
    draw = random.Random(number)
    kind = draw.choice(("documentLoad", "onerror", "onerror", "HTTP GET"))
    attributes = {
        "splunk.rumSessionId": f"s{number % 5}",
        "app": "shop",
        "environment": draw.choice(("lab", "lab", "field")),
        "location.href": f"http://shop/{draw.choice(('cart', 'product', ''))}",
        "enduser.id": draw.choice(("ann", "ben", "cleo")),
        "plan": draw.choice(("a", "b")),
    }
    if draw.random() < 0.2:
        attributes["user_agent.synthetic.type"] = "test"
    if kind == "onerror":
        text = f"no price {number % 3}"
        attributes |= {"error": "true", "error.object": "TypeError", "error.message": text}
    if kind == "HTTP GET":
        attributes |= {"component": "fetch", "http.method": "GET", "http.url": f"http://shop/{number % 2}/x"}
    return span(
        number, service="", name=kind, start_ms=at_ms, ms=number % 7 * 30, browser=True,
        session=f"s{number % 5}", attributes=attributes, trace_id=TraceId(f"{number:032x}"),
    )  # fmt: skip


def _answers(reader: Reader) -> list[str]:
    """What is answered of a few windows."""
    found: list[object] = []
    for window in _WINDOWS:
        for where in _WHERE:
            groups, cut = reader.rum_errors(window, where)
            found += [groups, cut, reader.rum_measures(window, where)]
            if where.keys() <= {"environment", "user_agent.synthetic.type"}:
                seen = reader.errors_seen([group.error_id for group in groups])
                found.append([seen.get(group.error_id) for group in groups])
            for metric in _METRICS:
                found += [reader.rum_breakdowns(metric, _TAGS, window, where, 9)]
                found += [reader.rum_series(metric, window, columns, where) for columns in (7, 60)]
                counted = CountedEvents(metric, where)
                found.append(reader.find_sessions(SessionQuery(window, counted=counted)))
        for query in _searches(window):
            found += [reader.find_sessions(query), reader.count_sessions(query)]
    return [repr(each) for each in found]


def _searches(window: Window) -> list[SessionQuery]:
    """Sessions by what only their spans tell."""
    price = {"error.message": "no price 1"}
    return [
        SessionQuery(window, attributes=price, limit=3),
        SessionQuery(window, attributes=price, sort="oldest"),
        SessionQuery(window, attributes=price, excluded={"error.message": "no price 2"}),
        SessionQuery(window, like={"error.message": "PRICE 2"}, attributes={"plan": "b"}),
        SessionQuery(window, excluded={"plan": "b"}),
    ]


def _fresh(path: Path) -> list[str]:
    reader = store.open_reader(path)
    found = _answers(reader)
    reader.close()
    return found


def _counted(reader: Reader, events: int) -> None:
    def enough() -> bool:
        sessions = reader.find_sessions(SessionQuery(Window.ALL)).items
        return sum(each.events for each in sessions) == events

    eventually(enough, f"{events} events counted")


def _batches(seed: int) -> Iterator[list[Span]]:
    """Events of some minutes, out of order: most of a batch come late."""
    draw = random.Random(seed)
    events = [_event(number, draw.uniform(0, 400_000)) for number in range(1, 73)]
    for place in range(0, len(events), 9):
        yield events[place : place + 9]


def _fill(house: House, seed: int, reader: Reader | None = None, path: Path | None = None) -> None:
    """What a reader answers after each batch is compared with a new one's."""
    written = 0
    for batch in _batches(seed):
        house.write(batch)
        written += len(batch)
        _counted(house.reader, written)
        if reader and path:
            assert _answers(reader) == _fresh(path)


_LESS: tuple[tuple[ModuleType, str, int], ...] = (
    (sample_counts, "MAX_SAMPLES", 11),
    (rum_errors, "MAX_ERRORS", 8),
    (error_sightings, "MAX_ERRORS", 8),
    (rum, "_COUNTED_ONE_BY_ONE", 13),
    (rum, "FEW", 2),
    (attribute_scan, "MAX_SESSIONS", 3),
)


def _read_less(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, number in _LESS:
        monkeypatch.setattr(module, name, number)


@pytest.mark.parametrize("less", [False, True])
def test_answers_follow_what_arrives(
    house: House, tmp_path: Path, less: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Late events change minutes that were read before, and sessions that were searched."""
    if less:
        _read_less(monkeypatch)
    _fill(house, 1 + less, house.reader, tmp_path / "store.db")


@pytest.mark.parametrize(
    ("module", "constant", "value"),
    [
        (sample_slots, "MOST_SLOTS", 2),
        (sample_slots, "MOST_ROWS", 3),
        (sample_slots, "_KEPT_BYTES", 2_000),
        (rum_errors, "_SLOTS_BYTES", 3_000),
        (session_scan, "_KEPT_BYTES", 700),
        (session_scan, "_MOST_KEPT", 1),
        (sample_counts, "_WORD", 40),
    ],
)
def test_answers_do_not_depend_on_what_is_kept(
    house: House,
    tmp_path: Path,
    module: ModuleType,
    constant: str,
    value: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Minutes that are too full or too many, small caches and large numbers of values cost time only."""
    _read_less(monkeypatch)
    _fill(house, 3)
    path = tmp_path / "store.db"
    expected = _answers(house.reader)
    sample_counts._places.cache_clear()
    monkeypatch.setattr(module, constant, value)
    for other in (error_sightings, rum_errors):
        monkeypatch.setattr(other, constant, value, raising=False)
    found = _fresh(path)
    sample_counts._places.cache_clear()
    assert found == expected


def test_a_browser_that_is_moved_is_read_again(house: House, tmp_path: Path) -> None:
    """Its samples leave one minute for another, and its errors are seen when they happened."""
    house.write([span(1, ms=40)])
    house.all_settled([TRACE])
    link = {"link.traceId": TRACE, "link.spanId": f"{1:016x}"}
    late = -20 * 60_000
    error = _event(7, late + 1)
    error = replace(error, name="onerror", attributes={**error.attributes, "error.message": "no price"})
    house.writer.write(Batch([row(error)], arrived_unix_nano=T0 + SECOND))
    _counted(house.reader, 1)
    _answers(house.reader)
    fetch = span(2, name="documentFetch", browser=True, session="s2", ms=60, start_ms=late, attributes=link)
    fetch = replace(fetch, trace_id=TraceId("f" * 32))
    house.writer.write(Batch([row(fetch)], arrived_unix_nano=T0 + SECOND))
    eventually(
        lambda: [
            one
            for one in house.reader.find_sessions(SessionQuery(_WINDOWS[0])).items
            if one.clock_shift_ns == 20 * _MIN
        ],
        "the session moved",
    )
    assert _answers(house.reader) == _fresh(tmp_path / "store.db")


def test_a_minute_without_samples_has_no_version(tmp_path: Path) -> None:
    """Retention deletes the versions of what it deletes, and answers follow it."""
    path = tmp_path / "store.db"
    reader = store.open_reader(path)
    for hour in range(3):
        now = partial(int, T0 + hour * 60 * _MIN)
        writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e6, clock=now)
        for number in range(12):
            at_ms = (hour * 3_600 + number * 47) * 1e3
            writer.write(Batch([row(_event(20 * hour + number + 1, at_ms))]))
        writer.close()
    before = _slots(path)
    assert before == _occupied(path)
    _answers(reader)
    later = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1.5 * 3600, clock=lambda: T0 + 180 * _MIN)
    eventually(lambda: _slots(path) == _occupied(path) and len(_slots(path)) < len(before), "fewer minutes")
    later.close()
    assert _answers(reader) == _fresh(path)
    reader.close()


def _slots(path: Path) -> list[tuple[int, int]]:
    return _rows(path, "SELECT metric, slot FROM sample_slots ORDER BY 1, 2")


def _occupied(path: Path) -> list[tuple[int, int]]:
    return _rows(path, "SELECT DISTINCT metric, start / 60000000000 FROM samples ORDER BY 1, 2")


def _rows(path: Path, sql: str) -> list[tuple[int, int]]:
    connection = sqlite3.connect(settled_path(path))
    found = connection.execute(sql).fetchall()
    connection.close()
    return found
