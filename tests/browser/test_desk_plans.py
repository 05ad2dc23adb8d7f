"""Game day and exam at the desk in a real browser: live, narrow, without script, accessible."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from classroom import Answer, Exam, Schedule, ScheduledAction, exam, keep_exam, keep_schedule, schedule
from tests.browser import test_desk
from tests.browser.conftest import Visitor
from tests.browser.test_desk import EVIL, MIN, TWO_SECONDS, Classroom, at_the_desk, row_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
classroom = test_desk.classroom
visit_class = test_desk.visit_class
S = 10**9


@pytest.fixture
def planned(classroom: Classroom) -> Classroom:
    """A class with a game day under way, and an exam."""
    begin = {"action": "incident", "name": "slow-provider", "seats": "all"}
    actions = [ScheduledAction(classroom.now - MIN, begin, done=True)]
    actions += [ScheduledAction(classroom.now + n * 5 * MIN, begin) for n in range(1, 5)]
    keep_schedule(classroom.store, Schedule(f"{EVIL} Friday", classroom.now - MIN, True, tuple(actions)))
    keep_exam(classroom.store, Exam("slow-provider", 7, classroom.now - 4 * MIN, None))
    return classroom


def answer(classroom: Classroom, seat: str) -> None:
    """A seat answers the exam."""
    right = frozenset({"service", "tag", "kind", "evidence"})
    given = {"service": "x", "tag": "", "kind": "", "evidence": ""}
    classroom.store.answer(
        Answer(seat, "slow-provider", classroom.now - 2 * MIN, **given, right=right, complete=True)
    )


def unfold_form(page: Page) -> None:
    page.locator("#begin-gameday summary").click()


def test_a_game_day_is_begun_followed_and_stopped(
    visit_class: Callable[..., Visitor], classroom: Classroom
) -> None:
    """Enter in its seed begins it, and stops nothing elsewhere; what is done shows within two seconds."""
    visitor = visit_class()
    page = at_the_desk(visitor, classroom)
    unfold_form(page)
    page.get_by_label("Seed (empty").fill("7")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="begins with 4 changes (seed 7)")).to_be_visible()
    expect(page.locator("#gameday tbody tr")).to_have_count(4)
    kept = schedule(classroom.store)
    assert kept
    keep_schedule(classroom.store, kept.with_done(kept.actions[0]))
    expect(page.locator("#gameday tbody tr").first).to_contain_text("done", timeout=TWO_SECONDS)
    page.get_by_label("every seat").check()
    page.get_by_label("Message on their screens").fill("go on")
    page.keyboard.press("Enter")
    expect(page.locator("#log")).to_contain_text("go on")
    assert schedule(classroom.store), "Enter in the message stops nothing"
    page.get_by_role("button", name="Stop it").click()
    expect(page.locator("#gameday")).to_have_count(0)
    assert schedule(classroom.store) is None
    visitor.blameless()


def test_scores_are_live_and_stay_unfolded(visit_class: Callable[..., Visitor], planned: Classroom) -> None:
    visitor = visit_class()
    page = at_the_desk(visitor, planned)
    page.locator("#scores summary").click()
    first = page.locator("#scores tbody tr").first
    answer(planned, "person-05")
    expect(first).to_contain_text("Person 05", timeout=TWO_SECONDS)
    expect(first).to_be_visible()
    expect(page.locator("#exam")).to_contain_text("1 answered, 1 completely right")
    unfold_form(page)
    page.get_by_label("Schedule (TOML)").fill("half a sched")
    answer(planned, "person-06")
    expect(page.locator("#exam")).to_contain_text("2 answered", timeout=TWO_SECONDS)
    expect(page.get_by_label("Schedule (TOML)")).to_have_value("half a sched")
    visitor.blameless()


def test_plans_work_without_script(visit_class: Callable[..., Visitor], classroom: Classroom) -> None:
    """Also a schedule that is refused: its text stays."""
    visitor = visit_class(java_script_enabled=False)
    page = at_the_desk(visitor, classroom)
    unfold_form(page)
    page.get_by_label("Schedule (TOML)").fill("title = nothing")
    page.get_by_role("button", name="Begin the game day").click()
    expect(page.get_by_role("alert")).to_contain_text("not TOML")
    expect(page.get_by_label("Schedule (TOML)")).to_have_value("title = nothing")
    row_of(page, "anna").get_by_role("checkbox").check()
    page.get_by_role("button", name="Exam …").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Begin an exam for 1 seat")
    page.get_by_label("Seed", exact=True).fill("7")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text="The exam begins for Anna")).to_be_visible()
    page.get_by_role("button", name="End it").click()
    expect(page.get_by_role("status").filter(has_text="The exam is over")).to_be_visible()
    found = exam(classroom.store)
    assert found
    assert (found.seats, found.ended_unix_nano is None) == (("anna",), False)


@pytest.mark.parametrize("script", [True, False])
def test_enter_presses_the_button_beside_its_field(
    visit_class: Callable[..., Visitor], classroom: Classroom, script: bool
) -> None:
    """With a message half written, too: an exam begins by its seed, and a second one is asked for."""
    visitor = visit_class(java_script_enabled=script)
    page = at_the_desk(visitor, classroom)
    page.get_by_label("every seat", exact=True).check()
    page.get_by_label("Message on their screens").fill("not yet")
    page.locator("#begin-exam summary").click()
    page.get_by_label("Seed", exact=True).fill("7")
    page.keyboard.press("Enter")
    expect(
        page.get_by_role("status").filter(has_text="The exam begins for every seat (seed 7)")
    ).to_be_visible()
    assert classroom.store.newest_message("anna") is None
    page.locator("#begin-exam summary").click()
    page.get_by_label("Seed", exact=True).fill("8")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("An exam runs for every seat")
    page.get_by_role("button", name="Yes, do it").click()
    expect(page.get_by_role("status").filter(has_text="(seed 8)")).to_be_visible()
    visitor.blameless()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_plans_are_accessible_and_fit(
    visit_class: Callable[..., Visitor], planned: Classroom, axe: str, width: int, scheme: str
) -> None:
    """Unfolded, at both widths and in both themes."""
    visitor = visit_class(width=width, color_scheme=scheme)
    page = at_the_desk(visitor, planned)
    answer(planned, "anna")
    page.locator("#scores summary").click()
    unfold_form(page)
    expect(page.locator("#scores table")).to_be_visible()
    # What the header covers while the page is scrolled would count as too small a target.
    page.evaluate("scrollTo(0, 0)")
    page.evaluate(axe)
    found = page.evaluate(
        "async () => (await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }))"
        ".violations.map(v => `${v.id}: ${v.nodes.map(n => n.target).slice(0, 3).join(' | ')}`)"
    )
    assert found == []
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= width, f"{wide} px wide"
    expect(page.locator("main img")).to_have_count(0)
    visitor.blameless()
