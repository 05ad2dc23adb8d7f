"""Costly questions wait for each other and not the others for them; equal ones are answered once."""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from flask import Flask, request

from observer.request.fair_share import Busy, FairShare, install
from observer.request.question_costs import Costs
from tests.helpers import eventually
from tests.observer.screens import Screens


def _costly(app: Flask, *paths: str) -> None:
    """Pretend that these were found to be costly."""
    costs: Costs = app.extensions["fair-share"].costs
    original = costs.of
    rules = set(paths)

    def of(shape: tuple[object, ...]) -> float:
        return 1.0 if shape[0] in rules else original(shape)

    costs.of = of  # type: ignore[method-assign]


class _Held:
    """An application whose page `/long/…` answers when it may."""

    def __init__(self, threads: int = 8) -> None:
        self.may_answer = threading.Event()
        self.asked: list[str] = []
        self.app = Flask("held")
        install(self.app, threads)
        self.app.register_error_handler(Busy, lambda busy: (str(busy), 503))
        self.app.add_url_rule("/long/<name>", "long", self._long)
        self.app.add_url_rule("/short", "short", lambda: "short")
        _costly(self.app, "/long/<name>")

    def _long(self, name: str) -> str:
        self.asked.append(name + request.headers.get("Cookie", ""))
        assert self.may_answer.wait(20)
        return f"answer {len(self.asked)} of {name}"

    def ask(self, path: str, **headers: str) -> tuple[int, str]:
        answer = self.app.test_client().get(path, headers=headers)
        return answer.status_code, answer.get_data(as_text=True)


def test_costly_questions_wait_and_the_others_do_not() -> None:
    """Two run, the others wait; a cheap one is answered meanwhile."""
    held = _Held()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(held.ask, f"/long/{n}") for n in range(4)]
        eventually(lambda: len(held.asked) == 2, "two are being answered")
        assert held.ask("/short") == (200, "short")
        assert len(held.asked) == 2
        held.may_answer.set()

        assert [each.result(20)[0] for each in asked] == [200] * 4


def test_too_many_are_refused_in_plain_words() -> None:
    """With a bound of four that wait, the seventh is told to come again."""
    held = _Held()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(held.ask, f"/long/{n}") for n in range(6)]
        eventually(lambda: len(held.app.extensions["fair-share"]._waiting) == 4, "four wait")
        status, said = held.ask("/long/7")
        held.may_answer.set()

        assert (status, "busy" in said) == (503, True)
        assert [each.result(20)[0] for each in asked] == [200] * 6


def test_equal_questions_at_once_are_answered_once() -> None:
    """For the same reader; another's page shows another seat."""
    held = _Held()
    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(held.ask, "/long/map") for _ in range(3)]
        eventually(lambda: held.asked == ["map"], "one is being answered")
        other = pool.submit(held.ask, "/long/map", Cookie="workshop_seat=anna")
        eventually(lambda: len(held.asked) == 2, "the other's is, too")
        held.may_answer.set()
        answers = {each.result(20) for each in asked}

        assert len(answers) == 1
        assert other.result(20)[0] == 200
        assert len(held.asked) == 2


def test_the_cheapest_of_those_that_wait_goes_first() -> None:
    """And takes the place of a costlier one where no more may wait."""
    share = FairShare(2, at_once=1, wait_s=20)
    order: list[float] = []

    def ask(cost: float) -> bool:
        try:
            share.enter(cost)
        except Busy:
            return False
        order.append(cost)
        share.leave()
        return True

    share.enter(1.0)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(ask, 0.5)
        eventually(lambda: len(share._waiting) == 1, "one waits")
        second = pool.submit(ask, 0.9)
        eventually(lambda: len(share._waiting) == 2, "two wait")
        third = pool.submit(ask, 0.1)
        assert second.result(20) is False
        share.leave()

        assert (first.result(20), third.result(20)) == (True, True)
    assert order == [0.1, 0.5]


def test_what_is_cheaper_than_all_that_run_does_not_wait_for_them() -> None:
    """Beside two costly ones run two cheaper ones, not a third, and none of the same cost."""
    share = FairShare(4, at_once=2, beside=2, wait_s=20)
    may_leave = threading.Event()
    running: list[float] = []

    def ask(cost: float) -> None:
        share.enter(cost)
        running.append(cost)
        assert may_leave.wait(20)
        share.leave()

    def ask_and_wait(cost: float, *, runs: bool) -> None:
        waiting = len(share._waiting)
        asked.append(pool.submit(ask, cost))
        if runs:
            eventually(lambda: cost in running, f"{cost} runs")
        else:
            eventually(lambda: len(share._waiting) > waiting, f"{cost} waits")

    asked: list[Future[None]] = []
    with ThreadPoolExecutor(8) as pool:
        ask_and_wait(0.3, runs=True)
        ask_and_wait(0.31, runs=True)
        ask_and_wait(0.32, runs=False)
        ask_and_wait(0.2, runs=True)
        ask_and_wait(0.21, runs=False)
        ask_and_wait(0.1, runs=True)
        ask_and_wait(0.05, runs=False)
        assert share.running == 4
        may_leave.set()
        for each in asked:
            each.result(20)
    assert sorted(running) == [0.05, 0.1, 0.2, 0.21, 0.3, 0.31, 0.32]
    assert share.running == 0


def test_waiting_has_an_end() -> None:
    """After which the question is refused and takes no turn."""
    share = FairShare(2, at_once=1, wait_s=0.05)
    share.enter(1.0)
    with pytest.raises(Busy):
        share.enter(1.0)
    share.leave()
    share.enter(1.0)


def test_a_busy_page_says_what_to_do(screens: Screens, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a page and as JSON, with the time to wait."""
    share: FairShare = screens.app.extensions["fair-share"]
    _costly(screens.app, "/apm/services", "/api/v1/apm/services")

    def full(cost_s: float) -> None:
        raise Busy

    monkeypatch.setattr(share, "enter", full)
    try:
        page, document = screens.client.get("/apm/services"), screens.client.get("/api/v1/apm/services")
    finally:
        del share.costs.of

    assert (page.status_code, page.headers["Retry-After"]) == (503, "3")
    assert "The screens are busy" in page.get_data(as_text=True)
    assert document.get_json()["error"]["code"] == "busy"


def test_what_is_costly_is_measured_and_bounded() -> None:
    """By the route, the names of arguments and the length of the range; other shapes are forgotten."""
    costs = Costs()
    for _ in range(20):
        costs.note(("/apm", ("since",), "6h"), 0.2)
    assert costs.of(("/apm", ("since",), "6h")) == pytest.approx(0.2)
    assert costs.of(("/apm", ("since",), "15m")) == 0.0
    for number in range(5_000):
        costs.note((str(number),), 0.1)

    assert len(costs._seconds) == 2_000
