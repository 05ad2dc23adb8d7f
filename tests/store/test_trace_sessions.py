"""Sessions of traces that a reader keeps by slot: they follow links that come late, and that go."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

import store
from signals.model import SessionId, Span, SpanKind, TraceId
from store.api import Batch, Reader, SpanRow, Window
from store.sqlite.read import trace_sessions
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import eventually
from tests.store.build import SECOND, T0, row, span
from tests.store.contract.test_browsers import event
from tests.store.house import House

_HOUR = 3_600 * SECOND
_WINDOW = Window(T0 - _HOUR, T0 + 4 * _HOUR)


def _trace(number: int) -> TraceId:
    return TraceId(f"{number + 0xB000:032x}")


def _request(number: int, *, error: bool = True) -> Span:
    """A request of a minute of its own that names no user."""
    at_ms, of = number * 60_000.0, _trace(number)
    return span(1, 0, "shop", "order", kind=SpanKind.SERVER, start_ms=at_ms, error=error, trace_id=of)


def _click(number: int, session: str, at_ms: float | None = None) -> SpanRow:
    """The browser's event that is linked to the request of this number."""
    link = {"link__traceId": _trace(number), "link__spanId": f"{1:016x}"}
    at = number * 60_000 if at_ms is None else at_ms
    return row(event(number, "HTTP POST", session, at_ms=at, ms=0, **link))


def _sessions(reader: Reader) -> tuple[int, int, int]:
    """(sessions, people, failures of nobody) of those who are affected."""
    found = reader.affected("shop", _WINDOW).real
    return found.sessions, found.people, found.unattributed


@pytest.fixture(params=[2 * 1024**2, 500])
def _kept(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a cache that holds all sessions, and with one that holds hardly any."""
    monkeypatch.setattr(trace_sessions, "_KNOWN_BYTES", request.param)


@pytest.mark.usefixtures("_kept")
def test_a_browser_that_comes_after_the_answer_is_counted_in_the_next(house: House) -> None:
    """The browser sends seconds after the backend: nothing but its link changes for the trace."""
    house.write([_request(number, error=number != 3) for number in range(1, 4)])
    house.all_settled([_trace(number) for number in range(1, 4)])
    assert _sessions(house.reader) == (0, 0, 2)
    house.write([_click(1, "s1")])
    house.until(lambda: house.reader.session(SessionId("s1")), "the session")
    assert _sessions(house.reader) == (1, 1, 1)
    # The same session gets through later, in another slot: its failure counts as recovered.
    house.write([_click(2, "s2"), _click(3, "s1")])
    house.until(lambda: house.reader.session(SessionId("s2")), "the session")
    found = house.reader.affected("shop", _WINDOW).real
    assert (found.sessions, found.unattributed, found.recovered) == (2, 0, 1)


def test_a_link_that_retention_deletes_is_forgotten(tmp_path: Path) -> None:
    """The browser's event is older than the request that it names, as its clock was slow."""
    path = tmp_path / "store.db"
    reader = store.open_reader(path)
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e6, clock=lambda: T0)
    writer.write(Batch([_click(130, "s1", at_ms=0)]))
    writer.close()
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e6, clock=partial(int, T0 + 3 * _HOUR))
    writer.write(Batch([row(_request(130)), row(_request(131))]))
    writer.close()
    assert _sessions(reader) == (1, 1, 1)
    later = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1.5 * 3600, clock=lambda: T0 + 3 * _HOUR)
    eventually(lambda: reader.session(SessionId("s1")) is None, "the end of the session")
    later.close()
    assert _sessions(reader) == _fresh(path) == (0, 0, 2)
    reader.close()


def _fresh(path: Path) -> tuple[int, int, int]:
    reader = store.open_reader(path)
    found = _sessions(reader)
    reader.close()
    return found
