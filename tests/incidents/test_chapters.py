"""A repair begins another chapter of the lesson: what came before stays, what comes after stands alone."""

from __future__ import annotations

import incidents
from incidents.checks import NoAnswer, Outcome, Result, run
from tests.incidents.test_newest_order import BEGAN, SHOP, S, Seat

INCIDENT = incidents.load("invalid-token")


def results(seat: Seat, **repaired_s: float) -> dict[str, Result]:
    """The checks of the lesson for a seat that made these repairs, seconds after the incident began."""
    given = {"seat": "anna", "shop": SHOP, "began": BEGAN}
    repaired = {name: BEGAN + round(seconds * S) for name, seconds in repaired_s.items()}
    found = run(INCIDENT.checks, given, seat.ask, repaired=repaired)
    return {result.check.name: result for result in found}


def kept(found: dict[str, Result], check: str, name: str) -> object:
    return found[check].kept.get(name) if found[check].outcome is Outcome.HOLDS else found[check].detail


def test_before_the_repair_its_steps_are_not_reached() -> None:
    seat = Seat()
    seat.order("one", 10, 500, "a")
    found = results(seat)
    for name in ("session-after-rollback", "session-after-repair"):
        assert found[name].outcome is Outcome.NOT_REACHED
        assert found[name].detail.startswith("not reached: the repair ")


def test_orders_after_a_repair_take_nothing_from_the_steps_before() -> None:
    """The lesson's walk through the failed order stays green, and each chapter has its own newest order."""
    seat = Seat()
    for at_s, status, trace in (
        (10, 500, "a"),
        (20, 500, "b"),
        (40, 200, "c"),
        (50, 200, "d"),
        (70, 200, "e"),
    ):
        seat.order("one" if at_s != 50 else "two", at_s, status, trace)
    found = results(seat, rollback=30, endpoints=60)
    assert kept(found, "apm-link", "trace_id") == "b" * 32
    assert found["checkout-500"].outcome is Outcome.HOLDS, found["checkout-500"].detail
    assert kept(found, "paid-after-rollback", "paid_trace") == "d" * 32
    assert kept(found, "order-after-repair", "mended_trace") == "e" * 32


def test_the_last_chapter_is_open_and_a_failed_order_in_it_is_seen() -> None:
    seat = Seat()
    seat.order("one", 10, 500, "a")
    seat.order("one", 40, 200, "b")
    assert kept(results(seat, rollback=30), "paid-after-rollback", "paid_trace") == "b" * 32

    seat.order("one", 50, 500, "c")
    found = results(seat, rollback=30)
    assert found["paid-after-rollback"].outcome is Outcome.BROKEN
    assert "http_status = 500" in found["paid-after-rollback"].detail


def test_repairs_in_another_order_than_the_lessons() -> None:
    """Who mends the second fault first: its chapter goes on, and nothing fails for good."""
    seat = Seat()
    seat.order("one", 10, 500, "a")
    seat.order("one", 70, 200, "b")
    found = results(seat, endpoints=30, rollback=60)
    assert kept(found, "apm-link", "trace_id") == "a" * 32
    assert kept(found, "paid-after-rollback", "paid_trace") == "b" * 32
    assert kept(found, "order-after-repair", "mended_trace") == "b" * 32


def test_a_repair_is_made_when_its_step_is_reached_and_not_before() -> None:
    """As verification does: each once, in the lesson's order, with what it kept from the visit before."""
    seat = Seat()
    seat.order("one", 10, 500, "a")
    repaired: dict[str, int] = {}
    reached: list[str] = []

    def reach(name: str) -> None:
        reached.append(name)
        repaired[name] = BEGAN + (30 if name == "rollback" else 60) * S
        seat.order("one", 40 if name == "rollback" else 70, 200, "b" if name == "rollback" else "c")

    given = {"seat": "anna", "shop": SHOP, "began": BEGAN}
    found = {r.check.name: r for r in run(INCIDENT.checks, given, seat.ask, repaired=repaired, reach=reach)}
    assert reached == ["rollback", "endpoints"]
    assert kept(found, "order-after-repair", "mended_trace") == "c" * 32


def test_a_repair_that_fails_breaks_its_step() -> None:
    seat = Seat()
    seat.order("one", 10, 500, "a")

    def reach(name: str) -> None:
        raise NoAnswer(f"the repair {name} was refused with 403")

    given = {"seat": "anna", "shop": SHOP, "began": BEGAN}
    found = {r.check.name: r for r in run(INCIDENT.checks, given, seat.ask, reach=reach)}
    assert found["session-after-rollback"].outcome is Outcome.BROKEN
    assert "saw the repair rollback was refused with 403" in found["session-after-rollback"].detail
    assert found["apm-link"].outcome is Outcome.HOLDS
