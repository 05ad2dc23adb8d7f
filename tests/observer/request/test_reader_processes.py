"""Costly pages are answered by reader processes, one each, and look as if they were answered here."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask, current_app, request
from flask.testing import FlaskClient

import store
from observer.app import create_app
from observer.request import context
from observer.request.fair_share import Busy, FairShare, install, lent_reader
from observer.settings import Settings
from store.api import LentReader, Reader, ReaderProcesses, StoreBusy, Window
from tests.fixtures import seed
from tests.helpers import eventually
from tests.observer.screens import Screens

LONG = "since=7d"
PAGES = (
    "/",
    "/apm",
    "/apm/services",
    "/apm/services/paymentservice",
    "/apm/tags",
    "/apm/traces",
    "/apm/traces?attr=order.id:x",
    f"/apm/traces/{seed.TRACE}",
    "/rum",
    "/rum/tags",
    "/rum/sessions",
    f"/rum/sessions/{seed.SESSION}",
    "/logs",
    "/logs?q=invalid&severity=error",
    "/metrics",
    "/api/v1/apm/services",
    "/api/v1/apm/map",
    "/api/v1/apm/traces",
    "/api/v1/rum/sessions",
    "/api/v1/logs",
    "/api/v1/metrics",
)


class _Loan:
    """A loan of a reader that is here."""

    def __init__(self, reader: Reader, pool: _Pool) -> None:
        self.reader = reader
        self.processor_s = 0.5
        self._pool = pool

    def give_back(self) -> None:
        self._pool.free += 1


class _Pool:
    """Reader processes that are none: counts what is asked of it."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.free = 0
        self.loans = 0
        self.started = 0
        self._on_change: Callable[[int], None] = lambda _: None

    def watch(self, on_change: Callable[[int], None]) -> None:
        self._on_change = on_change

    def start_one(self) -> None:
        self.started += 1

    def ready(self, number: int) -> None:
        """So many processes are ready now."""
        self.free = number
        self._on_change(number)

    def lend(self) -> LentReader | None:
        if not self.free:
            return None
        self.free -= 1
        self.loans += 1
        return _Loan(self.reader, self)

    def close(self) -> None:
        self.free = 0


class _Held:
    """An application whose page `/page/…` answers when it may."""

    def __init__(self, reader: Reader, cost_s: float = 0.5) -> None:
        """What is known of every page: that it costs so much, but nothing of one of a short range."""
        self.may_answer = threading.Event()
        self.asked: list[tuple[str, bool]] = []
        self.pool = _Pool(reader)
        self.app = Flask("held")
        install(self.app, 8, self.pool)
        self.share: FairShare = self.app.extensions["fair-share"]
        self.share.costs.of = lambda shape: cost_s if "since" in str(shape) else 0.0
        self.app.register_error_handler(Busy, lambda busy: (str(busy), 503))
        self.app.add_url_rule("/page/<name>", "page", self._page)
        self.app.add_url_rule("/asks-itself", "asks", self._asks)

    def _page(self, name: str) -> str:
        self.asked.append((name, lent_reader() is not None))
        if "since" in request.args:
            assert self.may_answer.wait(20)
        if name == "fails":
            raise Busy
        return name

    def _asks(self) -> str:
        answer = current_app.test_client().get(f"/page/inner?{LONG}")
        self.asked.append(("outer", lent_reader() is not None))
        return answer.get_data(as_text=True)

    def ask(self, path: str) -> int:
        return self.app.test_client().get(path).status_code


@pytest.fixture(name="held")
def _held(screens: Screens) -> _Held:
    return _Held(screens.reader)


def test_costly_questions_wait_for_processes_and_ordinary_ones_for_nothing(held: _Held) -> None:
    """Two processes answer one question each; what they do holds up no page of a short range."""
    held.pool.ready(2)
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(held.ask, f"/page/{n}?{LONG}") for n in range(4)]
        eventually(lambda: len(held.asked) == 2, "two are being answered")
        for _ in range(5):
            assert held.ask("/page/short") == 200
        assert held.pool.loans == 2
        held.may_answer.set()
        assert [each.result(20) for each in asked] == [200] * 4

    assert held.pool.loans == 4
    assert held.pool.free == 2
    assert [away for name, away in held.asked if name == "short"] == [False] * 5


def test_processes_are_started_when_costly_questions_meet(held: _Held) -> None:
    """The first is answered here; those that wait are answered by the process as soon as it is there."""
    with ThreadPoolExecutor(8) as threads:
        asked = [threads.submit(held.ask, f"/page/1?{LONG}")]
        eventually(lambda: held.asked == [("1", False)], "the first is answered here")
        assert held.pool.started == 0
        asked.append(threads.submit(held.ask, f"/page/2?{LONG}"))
        eventually(lambda: ("2", False) in held.asked, "the second is answered here, too")
        assert held.pool.started == 1
        asked.append(threads.submit(held.ask, f"/page/3?{LONG}"))
        eventually(lambda: held.share._waiting, "the third waits")
        held.pool.ready(3)
        eventually(lambda: ("3", True) in held.asked, "the third is answered by a process")
        held.may_answer.set()
        assert [each.result(20) for each in asked] == [200] * 3


def test_what_was_never_asked_waits_for_nothing(screens: Screens) -> None:
    """Nobody knows that it is costly: a class that opens a page for the first time is not refused."""
    held = _Held(screens.reader, cost_s=0.0)
    held.pool.ready(1)
    with ThreadPoolExecutor(16) as threads:
        asked = [threads.submit(held.ask, f"/page/{n}?{LONG}") for n in range(16)]
        eventually(lambda: len(held.asked) == 16, "all are being answered")
        held.may_answer.set()
        assert [each.result(20) for each in asked] == [200] * 16

    assert [away for _, away in held.asked].count(True) == 1


def test_a_question_whose_process_has_just_ended_is_answered_here(held: _Held) -> None:
    """Nothing waits for a new one."""
    held.pool.ready(1)
    held.pool.free = 0
    held.may_answer.set()

    assert held.ask(f"/page/one?{LONG}") == 200
    assert held.asked == [("one", False)]


def test_a_page_that_fails_gives_its_process_back(held: _Held) -> None:
    """And its turn."""
    held.pool.ready(1)
    held.may_answer.set()
    for _ in range(3):
        assert held.ask(f"/page/fails?{LONG}") == 503

    assert held.pool.free == 1
    assert held.share.running == 0


def test_a_page_that_asks_the_own_api_has_one_process(held: _Held) -> None:
    """The inner request is a part of the outer one: it takes no turn and ends none."""
    held.pool.ready(1)
    held.may_answer.set()

    assert held.ask(f"/asks-itself?{LONG}") == 200
    assert held.asked == [("inner", True), ("outer", True)]
    assert (held.pool.loans, held.pool.free) == (1, 1)
    assert held.share.running == 0


def test_what_a_process_computed_counts_as_the_cost(held: _Held) -> None:
    """Else a costly question would seem cheap, and be answered here the next time."""
    held.pool.ready(1)
    held.may_answer.set()
    del held.share.costs.of
    for number in range(3):
        held.ask(f"/page/{number}?{LONG}")

    assert held.pool.loans == 3


@pytest.fixture(name="processes", scope="module")
def _processes(screens: Screens) -> Iterator[ReaderProcesses]:
    """A real one over the seeded store."""
    ready = threading.Event()
    processes = store.open_reader_processes(screens.reader, 1)
    processes.watch(lambda number: ready.set())
    processes.start_one()
    assert ready.wait(30)
    yield processes
    processes.close()


class _Noting:
    """Processes that are ready, and count what they lend."""

    def __init__(self, processes: ReaderProcesses) -> None:
        self._processes = processes
        self.loans = 0

    def watch(self, on_change: Callable[[int], None]) -> None:
        on_change(1)

    def start_one(self) -> None:
        """There is one."""

    def lend(self) -> LentReader | None:
        self.loans += 1
        lent = self._processes.lend()
        assert lent is not None
        return lent

    def close(self) -> None:
        """By the fixture."""


def _client(screens: Screens, processes: ReaderProcesses | None) -> FlaskClient:
    clock = screens.app.extensions["observer"].clock
    settings = Settings(shop_url=seed.SHOP)
    return create_app(screens.reader, settings, clock, reader_processes=processes).test_client()


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_the_same(screens: Screens, processes: ReaderProcesses, path: str) -> None:
    """To the last letter, with the questions at the foot of the page."""
    noting = _Noting(processes)
    address = f"{path}{'&' if '?' in path else '?'}{LONG}"
    if not path.startswith("/api/"):
        address += "&_explain=1"
    here, there = _client(screens, None).get(address), _client(screens, noting).get(address)

    assert there.status_code == here.status_code
    assert _without_times(there.get_data(as_text=True)) == _without_times(here.get_data(as_text=True))
    assert noting.loans == 1


def _without_times(page: str) -> str:
    """A page whose list of questions says nothing of how long they took."""
    body, mark, questions = page.partition('id="explain"')
    return body + mark + re.sub(r"[0-9.,]+ ms|(?<=<td class=\"num\">)[0-9.,]+(?=</td>)", "", questions)


def test_a_process_that_ends_in_the_middle_is_a_busy_page(
    screens: Screens, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the time after which to ask again."""

    class Ended:
        def services(self, window: Window, environment: str | None = None, *, exact: bool = True) -> None:
            raise StoreBusy("it ended")

        def __getattr__(self, name: str) -> object:
            return getattr(screens.reader, name)

    monkeypatch.setattr(context, "_reader", Ended)
    page = screens.client.get("/apm/services")

    assert (page.status_code, page.headers["Retry-After"]) == (503, "3")
    assert "The screens are busy" in page.get_data(as_text=True)
