"""Verifies one incident against one lab: a visit, then every check. Knows no incident by name."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from incidents import Incident
from incidents.checks import NoAnswer, Outcome, Result, Verdict, run
from incidents.model import Source
from lab.verify.lab_under_test import Addresses
from lab.verify.polling_client import Patience, json_at, must_answer
from lab.verify.repairing import Repairs
from lab.verify.report_formats import Step, Verification
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

    Repairs of the lesson are made when their step is reached, and the shop is visited again.
    Telemetry may arrive up to `within_s` seconds after the visit; `driver` is one of `DRIVERS`.

    Raises Unreachable when shop or screens do not answer, CannotVisit when no shopper could be sent.
    """
    started = time.monotonic()
    must_answer("the shop", f"{where.shop}/_healthz")
    must_answer("the screens", f"{where.observer}/healthz")
    visit_started = time.monotonic()
    seat, walk, seen = _visited(incident, where, driver, notify)
    visit_s = time.monotonic() - visit_started
    checks = (*incident.checks, *incident.proofs)
    notify(f"{incident.name}: querying the screens for {len(checks)} links ...")
    shopper = _Shopper(walk, seen, within_s)

    def visit_again() -> None:
        notify(f"{incident.name}: shopping as {seat} again ...")
        shopper.walk_again()

    repairs = Repairs(where.observer, seat, visit_again, where.seat_secret)
    results = run(
        checks,
        {"seat": seat, "shop": where.shop, "began": time.time_ns() - COUNTED_BACK_NS},
        _answers(where.observer, lambda: shopper.seen),
        shopper.settle,
        repairs.made,
        repairs.reach,
    )
    results = list(repairs.without_refused(results))
    return Verification(
        name=incident.name,
        title=incident.title,
        driver=f"driven by {walk.why}",
        seat=seat,
        shop=where.shop,
        seconds=time.monotonic() - started,
        results=tuple(map(_step, _with_visit_time(results, visit_s))),
    )


def new_seat() -> str:
    """A seat name that no other visit has."""
    return f"verify-{secrets.token_hex(4)}"


@dataclass(frozen=True, slots=True)
class _Walk:
    """How one seat shops: by which driver, and that in words."""

    driver: str
    why: str
    seat: str
    where: Addresses

    def again(self) -> Visit:
        """Another visit of the same seat, as a new browser session."""
        entry = seats.link(self.where.shop, self.seat, self.where.seat_secret)
        return visit(self.driver, self.where.shop, self.seat, entry)


class _Shopper:
    """What was seen at the newest visit, and the patience since then."""

    def __init__(self, walk: _Walk, seen: Visit, within_s: float) -> None:
        self._walk = walk
        self._within_s = within_s
        self._patience = Patience(within_s)
        self.seen = seen

    def walk_again(self) -> None:
        self.seen = self._walk.again()
        self._patience = Patience(self._within_s)

    def settle(self, check: Callable[[], Verdict]) -> Verdict:
        return self._patience.settle(check)


def _visited(
    incident: Incident, where: Addresses, requested: str, notify: Notify
) -> tuple[str, _Walk, Visit]:
    """The seat, how it shops, and its visit; by the script where a browser does not start."""
    driver, why = choose_driver(requested)
    while True:
        walk = _Walk(driver, why, new_seat(), where)
        notify(f"{incident.name}: shopping as {walk.seat} with {why} ...")
        try:
            return walk.seat, walk, _until_met(incident, walk, notify)
        except CannotVisit as error:
            if driver != "browser" or requested == "browser":
                raise
            notify(error.message)
            driver, why = "script", "a shopper without a browser, because the browser could not be driven"


def _until_met(incident: Incident, walk: _Walk, notify: Notify) -> Visit:
    """The visit; where the fault hits a part of the visitors only, the first that met it, or the last."""
    own = [check for check in incident.checks if check.source is Source.VISIT and not check.repair]
    for number in range(1, incident.visits + 1):
        seen = walk.again()
        results = run(
            own, {"seat": walk.seat, "shop": walk.where.shop, "began": 0}, lambda *_, seen=seen: seen
        )
        if all(result.outcome is Outcome.HOLDS for result in results):
            break
        if number < incident.visits:
            notify(f"{incident.name}: the fault was not met; shopping as {walk.seat} again ...")
    return seen


def _step(result: Result) -> Step:
    check = result.check
    return Step(check.name, check.title, result.outcome, result.detail, result.seconds)


def _with_visit_time(results: list[Result], visit_s: float) -> Iterator[Result]:
    """The results, the visit's own time added to the first step that checks the visit."""
    rest = visit_s
    for result in results:
        spent = rest if result.check.source is Source.VISIT else 0.0
        rest -= spent
        yield replace(result, seconds=result.seconds + spent)


def _answers(observer: str, seen: Callable[[], Visit]) -> Callable[[Source, str], Any]:
    def ask(source: Source, path: str) -> Any:
        if source is Source.VISIT:
            return seen()
        if not path.startswith("/"):
            raise NoAnswer(f"{path!r} is not a path")
        return json_at(observer + path)

    return ask
