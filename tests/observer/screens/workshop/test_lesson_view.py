"""The lesson's steps as panels: badges, links, checks. Pure; no store, no template."""

from __future__ import annotations

import pytest

import incidents
from observer.screens.workshop import view
from observer.screens.workshop.progress import CheckView, Progress, StepView

INCIDENT = incidents.load("invalid-token")
HOLDS = CheckView("a session", holds=True, reached=True, detail="")
FAILS = CheckView("an error", holds=False, reached=True, detail="none of 3 fits")
UNREACHED = CheckView("a log", holds=False, reached=False, detail="needs the trace")
SHOP = "http://shop/?seat=anna"


def _step(*checks: CheckView, href: str | None = "/rum", unseen: int = 0) -> StepView:
    return StepView(1, INCIDENT.steps[1], href, checks, unseen)


def _panel(step: StepView, seat: str = "anna") -> view.StepPanel:
    return view.build(Progress(INCIDENT, (step,)), "invalid-token", seat, SHOP, ()).steps[0]


@pytest.mark.parametrize(
    ("checks", "badge", "css", "done"),
    [
        ((HOLDS,), "arrived", "good", True),
        ((HOLDS, FAILS), "partly", "warn", False),
        ((FAILS, UNREACHED), "not yet", "", False),
        ((), "yours", "", False),
    ],
)
def test_a_step_has_the_badge_of_its_state(
    checks: tuple[CheckView, ...], badge: str, css: str, done: bool
) -> None:
    panel = _panel(_step(*checks))

    assert (panel.badge, panel.badge_css, panel.done) == (badge, css, done)
    assert _panel(_step(*checks), seat="").badge == "", "without a seat nothing is checked"


def test_a_check_shows_what_is_missing_only_where_it_was_made() -> None:
    found = _panel(_step(HOLDS, FAILS, UNREACHED)).checks

    assert [(check.mark, check.spoken, check.detail) for check in found] == [
        ("✓", "Arrived:", ""),
        ("○", "Not yet:", "none of 3 fits"),
        ("·", "Not yet:", ""),
    ]


@pytest.mark.parametrize(("seat", "reason"), [("anna", "telemetry of the step before"), ("", "Take a seat")])
def test_a_step_without_a_link_says_why(seat: str, reason: str) -> None:
    assert reason in _panel(_step(href=None), seat).no_link
    assert _panel(_step()).no_link == ""


def test_the_step_at_the_shops_door_uses_the_link_of_the_seat() -> None:
    """The link may be signed: the address in the lesson is not."""
    door = StepView(1, INCIDENT.steps[0], "http://shop/?seat=anna", (), 2)

    assert _panel(door).href == SHOP
    assert _panel(_step()).href == "/rum"
    assert _panel(door).unseen == "2 things of this step only you can see."


def test_a_lesson_counts_the_steps_that_telemetry_confirms() -> None:
    progress = Progress(INCIDENT, (_step(HOLDS), _step(FAILS), _step()))
    page = view.build(progress, "none", "anna", SHOP, [("none", INCIDENT), ("other", INCIDENT)])

    assert page.confirmed == "1 of 2"
    assert [(each.name, each.current) for each in page.lessons] == [("none", True), ("other", False)]
