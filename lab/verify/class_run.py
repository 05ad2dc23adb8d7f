"""Verifies a class: every step once, in order, each with its outcome."""

from __future__ import annotations

import time
from collections.abc import Callable

from incidents.checks import NoAnswer, Outcome
from lab.verify import class_steps as steps
from lab.verify.class_steps import ClassStep, Seen, Walk
from lab.verify.class_under_test import ClassUnderTest
from lab.verify.polling_client import must_answer
from lab.verify.report_formats import Step, Verification
from runtime.installation import COMMAND

NAME = "class"
TITLE = "only links, codes and the passcode open what is closed"
_JOIN = "observer/screens/join/routes.py"
_LINKS, _DESK = "observer/request/signed_links.py", "observer/request/desk_session.py"
STEPS = (
    ClassStep(
        "unsigned-shop", "the shop refuses a link without a signature",
        "403 and no seat", "frontend/visit.py", steps.unsigned_in_shop,
    ),
    ClassStep(
        "signed-shop", "a signed link gives its seat in the shop, and the page's RUM attributes name it",
        "the seat of the link", "frontend/visit.py", steps.signed_in_shop,
    ),
    ClassStep(
        "forged-shop", "the shop refuses forged links, and forged cookies seat nobody",
        "403 for links, no seat by cookies", "runtime/seats.py", steps.forged_in_shop,
    ),
    ClassStep(
        "unsigned-screens", "the screens refuse a student's name without a signature",
        "403 and no seat", _LINKS, steps.unsigned_in_screens,
    ),
    ClassStep(
        "signed-screens", "a student's link gives the seat in the screens, and the page of its lesson",
        "303 and the seat of the link", _LINKS, steps.signed_in_screens,
    ),
    ClassStep(
        "forged-screens", "the screens refuse forged links, and signed names that are on no roster",
        "403 and no seat", _LINKS, steps.forged_in_screens,
    ),
    ClassStep(
        "wrong-code", "a wrong code gives no seat",
        "403 and no seat", _JOIN, steps.wrong_code,
    ),
    ClassStep(
        "join", "the code of the class gives a free seat with a number",
        "303 and a seat of the roster", _JOIN, steps.join, takes_a_seat=True,
    ),
    ClassStep(
        "join-again", "one browser holds one seat: joining again gives no second one",
        "303 and no other seat", _JOIN, steps.join_again, takes_a_seat=True, needs=("join",),
    ),
    ClassStep(
        "claimed", "a seat that is taken, or has a person's name, is given by its own link and code alone",
        "409 and no seat", _JOIN, steps.claimed, takes_a_seat=True, needs=("join",),
    ),
    ClassStep(
        "foreign-host", "shop and screens answer no foreign Host",
        "421", "runtime/host_check.py", steps.foreign_host,
    ),
    ClassStep(
        "other-site", "a change that another site's page sends is refused",
        "403", "observer/request/same_origin.py", steps.other_site,
    ),
    ClassStep(
        "flags", "a student finds no flags in the shop",
        "404", "the route /_flags of the shop", steps.flags_closed,
    ),
    ClassStep(
        "desk-closed", "without the passcode the desk, its sheet and its API are closed",
        "303 or 403 for pages, 401 from the API", _DESK, steps.desk_closed,
    ),
    ClassStep(
        "wrong-passcode", "a wrong passcode opens nothing", "401", _DESK, steps.wrong_passcode,
    ),
    ClassStep(
        "desk-open", "the passcode opens the desk", "200 and a token", _DESK, steps.desk_open,
    ),
    ClassStep(
        "roster", "the desk's API lists the roster, every seat once",
        f"the seats that `{COMMAND} class` prints", "observer/lookup/class_seats.py", steps.roster,
        needs=("desk-open",),
    ),
    ClassStep(
        "students-page", "the desk can look at a student's page",
        "200 and the student's name", "observer/components/seat_links.py", steps.students_page,
        needs=("desk-open",),
    ),
    ClassStep(
        "unconfirmed", "a change without the desk's token is refused",
        "403", _DESK, steps.unconfirmed, needs=("desk-open",),
    ),
    ClassStep(
        "freed", "a seat that the desk frees is closed at once to its old cookie and link, everywhere",
        "403", "runtime/seat_generations.py", steps.freed, takes_a_seat=True, needs=("join", "desk-open"),
    ),
    ClassStep(
        "joining-closed", "where the desk closed joining, the code of the class gives no seat",
        "403, then 303", _JOIN, steps.joining_closed, takes_a_seat=True, needs=("freed",),
    ),
)  # fmt: skip
"""In the order in which they are taken."""


def verify_class(of: ClassUnderTest, notify: Callable[[str], None]) -> Verification:
    """Take every step and return the report. Raises Unreachable when shop or screens do not answer."""
    started = time.monotonic()
    must_answer("the shop", f"{of.shop}/_healthz")
    must_answer("the screens", f"{of.observer}/healthz")
    notify(f"{NAME}: trying {len(STEPS)} doors of {len(of.seats)} seats ...")
    walk = Walk(of)
    done: dict[str, Step] = {}
    try:
        for step in STEPS:
            done[step.name] = _taken(step, walk, done)
    finally:
        walk.leave()
    return Verification(
        NAME, TITLE, "asked over HTTP", of.seat, of.shop, time.monotonic() - started, tuple(done.values())
    )


def _taken(step: ClassStep, walk: Walk, done: dict[str, Step]) -> Step:
    if step.takes_a_seat and not walk.of.own:
        return Step(
            step.name, step.title, Outcome.NOT_CHECKED, "not checked: a free seat is for a student", 0.0
        )
    missing = next((name for name in step.needs if done[name].outcome is not Outcome.HOLDS), None)
    if missing:
        return Step(step.name, step.title, Outcome.NOT_REACHED, f"not reached: it depends on {missing}", 0.0)
    started = time.monotonic()
    outcome, detail = Outcome.HOLDS, step.title
    try:
        step.run(walk)
    except (Seen, NoAnswer) as seen:
        outcome, detail = Outcome.BROKEN, f"expected {step.expects}; saw {seen}; look at {step.look}"
    return Step(step.name, step.title, outcome, detail, time.monotonic() - started)
