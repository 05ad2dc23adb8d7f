"""Which order a lesson is about: the newest since the incident began, in whichever session of the seat."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

import incidents
from incidents.checks import NoAnswer, Outcome, Result, run
from incidents.model import Source
from tests.story import canned

S = 1_000_000_000
BEGAN = 1_700_000_000 * S
SHOP = canned.SHOP
EVERY_INCIDENT = pytest.mark.parametrize("name", incidents.names())
ABOUT_A_FAILED_ORDER = "memory-leak"
"""Few orders of it fail, and its lesson is about the newest of those."""


@dataclass
class Seat:
    """The browser sessions of one seat; each holds the orders and script errors that were put into it."""

    sessions: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def page(self, session: str, at_s: float) -> None:
        self._add(session, at_s, canned.event("p", "document", "/"))

    def order(self, session: str, at_s: float, status: int, trace: str) -> None:
        """An order `at_s` seconds after the incident began, answered with this status."""
        about = {
            "http_status": status,
            "error": status >= 500,
            "apm": {"trace_id": trace * 32, "span_id": trace * 16},
            "attributes": {"http.method": "POST", "http.url": f"{SHOP}/cart/checkout"},
        }
        self._add(session, at_s, canned.event(f"order-{trace}", "fetch", "POST /cart/checkout", **about))

    def script_error(self, session: str, at_s: float) -> None:
        thrown = {"error": True, "attributes": canned.script_error()}
        self._add(session, at_s, canned.event(f"error-{at_s}", "error", "TypeError", **thrown))

    def _add(self, session: str, at_s: float, event: dict[str, Any]) -> None:
        event["start_unix_nano"] = BEGAN + round(at_s * S)
        self.sessions.setdefault(session, []).append(event)

    def ask(self, source: Source, path: str) -> Any:
        """Answers as the API does: sessions with an event in the window, newest first."""
        if source is Source.VISIT:
            return {"driver": "test", "checkout": {"status": 500}, "cart": {"total": "USD 0.00"}}
        self.asked.append(path)
        url = urlsplit(path)
        parts = url.path.removeprefix("/api/v1/").split("/")
        if parts == ["rum", "sessions"]:
            first = int(parse_qs(url.query)["from"][0])
            alive = [
                (events[0]["start_unix_nano"], session)
                for session, events in self.sessions.items()
                if any(event["start_unix_nano"] >= first for event in events)
            ]
            return {
                "sessions": [
                    {"session_id": one, "page_views": 1, "events": 1} for _, one in sorted(alive)[::-1]
                ]
            }
        if parts[:2] == ["rum", "sessions"] and parts[2] in self.sessions:
            return {"events": self.sessions[parts[2]]}
        raise NoAnswer("404")


def judged(seat: Seat, name: str) -> dict[str, Result]:
    given = {"seat": "anna", "shop": SHOP, "began": BEGAN}
    results = run(incidents.load(name).checks, given, seat.ask)
    return {result.check.name: result for result in results}


def holds(results: dict[str, Result], name: str) -> bool:
    return results[name].outcome is Outcome.HOLDS


def answered(results: dict[str, Result]) -> int:
    """The status that the lesson's check of the answer accepts, if it holds."""
    for name, status in (("checkout-200", 200), ("checkout-500", 500)):
        if name in results and holds(results, name):
            return status
    return 0


def expected(name: str) -> int:
    return 500 if name == ABOUT_A_FAILED_ORDER else incidents.load(name).checkout_status


def counted(results: dict[str, Result]) -> str:
    """The letter of the order that the lesson is about, by its event and its link."""
    letter = str(results["checkout-event"].kept["checkout_event"]).removeprefix("order-")
    if "apm-link" in results:
        assert results["apm-link"].kept["trace_id"] == letter * 32
    return letter


@EVERY_INCIDENT
def test_a_second_order_takes_the_place_of_the_first(name: str) -> None:
    """Two orders of one session: the links of the second, and nothing is lost."""
    seat = Seat()
    seat.order("one", 10, expected(name), "a")
    seat.order("one", 60, expected(name), "b")
    results = judged(seat, name)

    assert results["checkout-event"].kept["checkout_event"] == "order-b", results["checkout-event"].detail
    assert counted(results) == "b"
    assert answered(results) == expected(name)


def test_a_good_order_takes_nothing_from_a_lesson_about_a_failed_one() -> None:
    seat = Seat()
    seat.order("one", 5, 200, "a")
    assert not holds(judged(seat, ABOUT_A_FAILED_ORDER), "checkout-event")

    seat.order("one", 10, 500, "b")
    seat.order("one", 60, 200, "c")
    assert counted(judged(seat, ABOUT_A_FAILED_ORDER)) == "b"


@pytest.mark.parametrize("name", sorted({*incidents.names()} - {ABOUT_A_FAILED_ORDER}))
@pytest.mark.parametrize("turn", ["first fails", "second fails"])
def test_the_newest_counts_whether_it_failed_or_not(name: str, turn: str) -> None:
    """The answer of the earlier order, good or bad, is not looked at any more."""
    first, second = (500, 200) if turn == "first fails" else (200, 500)
    seat = Seat()
    seat.order("one", 10, first, "a")
    seat.order("one", 60, second, "b")
    results = judged(seat, name)

    assert counted(results) == "b"
    assert answered(results) == (second if second == expected(name) else 0)


@EVERY_INCIDENT
def test_an_order_from_before_the_incident_does_not_count(name: str) -> None:
    """Alone it leaves the lesson waiting, although its session goes on; a newer one is found beside it."""
    seat = Seat()
    seat.order("one", -60, 500 if expected(name) == 200 else 200, "a")
    seat.page("one", 5)
    results = judged(seat, name)
    assert holds(results, "session")
    assert not holds(results, "checkout-event")

    seat.order("one", 30, expected(name), "b")
    results = judged(seat, name)
    assert counted(results) == "b"
    assert answered(results) == expected(name)


@EVERY_INCIDENT
def test_the_newest_order_is_found_in_whichever_session(name: str) -> None:
    """A second tab or browser that only looked around hides no order; one that ordered later is followed."""
    seat = Seat()
    seat.page("old", 1)
    seat.order("old", 10, expected(name), "a")
    seat.page("new", 60)
    results = judged(seat, name)
    assert results["checkout-event"].kept["session_id"] == "old", results["checkout-event"].detail
    assert counted(results) == "a"

    seat.order("new", 70, expected(name), "b")
    assert judged(seat, name)["checkout-event"].kept["session_id"] == "new"
    seat.order("old", 90, expected(name), "c")
    results = judged(seat, name)
    assert results["checkout-event"].kept["session_id"] == "old"
    assert counted(results) == "c"


@EVERY_INCIDENT
def test_a_form_that_was_returned_is_no_order(name: str) -> None:
    """After an order, a mistyped card number (422) takes nothing back."""
    seat = Seat()
    seat.order("one", 10, expected(name), "a")
    seat.order("one", 60, 422, "b")

    assert counted(judged(seat, name)) == "a"


@pytest.mark.parametrize("name", [name for name in incidents.names() if "typo" in name or "token" in name])
def test_the_script_error_is_found_where_it_happened(name: str) -> None:
    """Also when the newest session has not come to the cart; not one from before the incident."""
    seat = Seat()
    seat.script_error("old", -10)
    seat.page("old", 1)
    assert not holds(judged(seat, name), "javascript-error")

    seat.script_error("old", 10)
    seat.page("new", 60)
    assert holds(judged(seat, name), "javascript-error")


def test_a_script_error_from_before_the_switch_is_not_held_against_a_healthy_shop() -> None:
    """After `lab incident none`, the same session is clean from then on."""
    seat = Seat()
    seat.script_error("one", -10)
    seat.order("one", 10, 200, "a")
    assert holds(judged(seat, "none"), "no-javascript-error")

    seat.script_error("one", 20)
    assert not holds(judged(seat, "none"), "no-javascript-error")


def test_sessions_that_are_looked_into_are_few() -> None:
    """A seat with a hundred sessions costs a bounded number of questions."""
    seat = Seat()
    for number in range(100):
        seat.page(f"s{number}", number)
    judged(seat, "none")
    looked_into = {path for path in seat.asked if path.startswith("/api/v1/rum/sessions/")}

    assert len(looked_into) <= 10


@EVERY_INCIDENT
def test_an_order_after_the_repair_is_found_in_a_session_that_began_with_it(name: str) -> None:
    """As when the shopper comes back in another browser, after the sessions were asked for."""
    incident = incidents.load(name)
    seat = Seat()
    seat.order("one", 10, expected(name), "a")
    made: dict[str, int] = {}

    def reach(repair: str) -> None:
        made[repair] = BEGAN + (100 + 10 * len(made)) * S
        seat.order(f"after-{repair}", 105 + 10 * (len(made) - 1), 200, "f")

    given = {"seat": "anna", "shop": SHOP, "began": BEGAN}
    results = run(incident.checks, given, seat.ask, repaired=made, reach=reach)
    after = {result.check.name: result for result in results}.get("order-after-repair")
    if after is not None:
        assert after.outcome is Outcome.HOLDS, after.detail
        assert after.kept["mended_trace"] == "f" * 32
        assert counted({result.check.name: result for result in results}) == "a"
