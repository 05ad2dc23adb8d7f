"""One incident verified against one lab: a visit, then every check. Knows no incident by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from incidents import Incident
from incidents.checks import NoAnswer, Result, run
from incidents.model import Source
from lab.verify.lab_under_test import Addresses
from lab.verify.polling_client import Patience, json_at, must_answer
from lab.verify.report_formats import Verification
from lab.verify.seats import entry, new_seat
from lab.verify.student_visit import choose_driver, visit
from lab.verify.visit_result import CannotVisit, Visit

Tell = Callable[[str], None]
# The seat is new, so no older order can be its own; this only bounds what the screens must sum up, and
# leaves room for a shop, screens or browser whose clock is late.
COUNTED_BACK_NS = 15 * 60 * 10**9


def verify(incident: Incident, where: Addresses, driver: str, within_s: float, tell: Tell) -> Verification:
    """Shop with a seat of its own, then ask the screens for every link of what that visit left behind.

    Raises Unreachable when shop or screens do not answer, CannotVisit when no shopper could be sent.
    """
    started = time.monotonic()
    must_answer("the shop", f"{where.shop}/_healthz")
    must_answer("the screens", f"{where.observer}/healthz")
    walked = time.monotonic()
    seat, why, seen = _visited(incident.name, where, driver, tell)
    walk_s = time.monotonic() - walked
    tell(f"{incident.name}: asking the screens for {len(incident.checks)} links ...")
    patience = Patience(within_s)
    results = run(
        incident.checks,
        {"seat": seat, "shop": where.shop, "began": time.time_ns() - COUNTED_BACK_NS},
        _asker(where.observer, seen),
        patience.settle,
    )
    return Verification(
        name=incident.name,
        title=incident.title,
        driver=f"driven by {why}",
        seat=seat,
        shop=where.shop,
        seconds=time.monotonic() - started,
        results=tuple(_with_walk(results, walk_s)),
    )


def _visited(name: str, where: Addresses, wish: str, tell: Tell) -> tuple[str, str, Visit]:
    """The seat that was taken, who walked and what was seen; without a browser where one will not start."""
    driver, why = choose_driver(wish)
    while True:
        seat = new_seat()
        tell(f"{name}: shopping as {seat} with {why} ...")
        try:
            return seat, why, visit(driver, where.shop, seat, entry(where.shop, seat, where.seat_secret))
        except CannotVisit as error:
            if driver != "browser" or wish == "browser":
                raise
            tell(error.message)
            driver, why = "script", "a shopper without a browser, because the browser could not be driven"


def _with_walk(results: list[Result], walk_s: float) -> Iterator[Result]:
    """The results, the walk's own time counted with the first step that judges the visit."""
    rest = walk_s
    for result in results:
        spent = rest if result.check.source is Source.VISIT else 0.0
        rest -= spent
        yield replace(result, seconds=result.seconds + spent)


def _asker(observer: str, seen: Visit) -> Callable[[Source, str], Any]:
    def ask(source: Source, path: str) -> Any:
        if source is Source.VISIT:
            return seen
        if not path.startswith("/"):
            raise NoAnswer(f"{path!r} is no path")
        return json_at(observer + path)

    return ask
