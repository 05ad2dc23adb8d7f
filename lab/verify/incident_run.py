"""Verifies one incident against one lab: a visit, then every check. Knows no incident by name."""

from __future__ import annotations

import secrets
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
from lab.verify.student_visit import choose_driver, visit
from lab.verify.visit_result import CannotVisit, Visit
from runtime import seats

Notify = Callable[[str], None]
"""Called with each step, one line of text."""
# The seat is new, so no older order is its own. The start bounds what the screens must aggregate, and allows
# for a shop, screens or browser whose clock is slow.
COUNTED_BACK_NS = 15 * 60 * 10**9


def verify(
    incident: Incident, where: Addresses, driver: str, within_s: float, notify: Notify
) -> Verification:
    """Visit the shop under a new seat, then query the screens for every link of that visit's telemetry.

    Telemetry may arrive up to `within_s` seconds after the visit; `driver` is one of `DRIVERS`.

    Raises Unreachable when shop or screens do not answer, CannotVisit when no shopper could be sent.
    """
    started = time.monotonic()
    must_answer("the shop", f"{where.shop}/_healthz")
    must_answer("the screens", f"{where.observer}/healthz")
    visit_started = time.monotonic()
    seat, why, seen = _visited(incident.name, where, driver, notify)
    visit_s = time.monotonic() - visit_started
    notify(f"{incident.name}: querying the screens for {len(incident.checks)} links ...")
    patience = Patience(within_s)
    results = run(
        incident.checks,
        {"seat": seat, "shop": where.shop, "began": time.time_ns() - COUNTED_BACK_NS},
        _answers(where.observer, seen),
        patience.settle,
    )
    return Verification(
        name=incident.name,
        title=incident.title,
        driver=f"driven by {why}",
        seat=seat,
        shop=where.shop,
        seconds=time.monotonic() - started,
        results=tuple(_with_visit_time(results, visit_s)),
    )


def new_seat() -> str:
    """A seat name that no other visit has."""
    return f"verify-{secrets.token_hex(4)}"


def _visited(name: str, where: Addresses, requested: str, notify: Notify) -> tuple[str, str, Visit]:
    """The seat, the driver in words, and the visit; by the script where a browser does not start."""
    driver, why = choose_driver(requested)
    while True:
        seat = new_seat()
        notify(f"{name}: shopping as {seat} with {why} ...")
        try:
            return seat, why, visit(driver, where.shop, seat, seats.link(where.shop, seat, where.seat_secret))
        except CannotVisit as error:
            if driver != "browser" or requested == "browser":
                raise
            notify(error.message)
            driver, why = "script", "a shopper without a browser, because the browser could not be driven"


def _with_visit_time(results: list[Result], visit_s: float) -> Iterator[Result]:
    """The results, the visit's own time added to the first step that checks the visit."""
    rest = visit_s
    for result in results:
        spent = rest if result.check.source is Source.VISIT else 0.0
        rest -= spent
        yield replace(result, seconds=result.seconds + spent)


def _answers(observer: str, seen: Visit) -> Callable[[Source, str], Any]:
    def ask(source: Source, path: str) -> Any:
        if source is Source.VISIT:
            return seen
        if not path.startswith("/"):
            raise NoAnswer(f"{path!r} is not a path")
        return json_at(observer + path)

    return ask
