"""Game day and exam at the desk: what runs and what comes, begun and ended there, and scores."""

from __future__ import annotations

import csv
import io

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode as Node
from werkzeug.datastructures import MultiDict

import incidents
from classroom import (
    Answer,
    Exam,
    Schedule,
    ScheduledAction,
    Score,
    exam,
    keep_exam,
    keep_schedule,
    schedule,
)
from lab.control.gameday_file import schedule_of
from observer.screens.desk import plans
from observer.screens.desk.results import scores_csv_of
from tests.fixtures.html import attribute, one, text
from tests.observer.class_screens import page_of
from tests.observer.screens import Screens
from tests.observer.screens.desk.conftest import INCIDENT, MIN, Desk

S = 10**9
MOST_BYTES = 20_000
LESSONS = incidents.load_all()[0]
SLOW = incidents.load("slow-provider")


def begins(at: int, name: str, seats: object = "all", *, done: bool = False) -> ScheduledAction:
    return ScheduledAction(at, {"action": "incident", "name": name, "seats": seats}, done)


def panel(desk: Desk) -> LexborHTMLParser:
    """What the desk asks for again."""
    return page_of(desk.browser.get("/desk/plans"))


def schedule_rows(page: LexborHTMLParser) -> list[str]:
    return [text(row) for row in page.css("#gameday tbody tr")]


def test_the_example_is_a_game_day() -> None:
    """Whatever the class: also one without seats."""
    found = schedule_of(plans.EXAMPLE, seed=1, seats=(), start_unix_nano=0)

    assert len(found.actions) == 4


def test_a_desk_without_plans_has_nothing_to_show_and_looks_for_them(desk: Desk) -> None:
    """A game day that the command line begins shows up."""
    part = one(desk.page(), "#plans")

    assert attribute(part, "hx-get") == "/desk/plans"
    assert not part.css("*")[1:]
    assert "hx-get" not in one(desk.page("/desk?live=0"), "#plans").attributes


def test_the_schedule_shows_what_is_done_and_what_comes(desk: Desk) -> None:
    """With times from now, the incidents' names, and for whom; names are text."""
    evil = "<img src=x>"
    actions = (
        begins(desk.now - 3 * MIN, "slow-provider", done=True),
        begins(desk.now + 65 * S, "price-typo", ["anna", "bert", "eve", "dora"]),
        begins(desk.now + 600 * S, "none", ["anna", "bert"]),
    )
    keep_schedule(desk.store, Schedule(evil, desk.now - 5 * MIN, True, actions))
    page = panel(desk)

    assert text(one(page, "#gameday h2")) == f"Game day: {evil}"
    assert not page.css("img")
    assert "1 of 3 changes done, the next in 1:05" in text(one(page, "#gameday header"))
    first, second, third = schedule_rows(page)
    assert first == f"done 3 min ago {SLOW.title} slow-provider everybody"
    assert second.startswith("next in 1:05")
    assert second.endswith("price-typo 4 seats: anna, bert, eve …")
    assert third.startswith("in 10:00")
    assert third.endswith("none anna, bert")
    assert page.css("button[value=gameday-stop]")


def test_what_runs_is_what_the_seats_have(desk: Desk) -> None:
    """Whoever gave it to them: the schedule, the command line or the desk."""
    desk.store.give_incident(["anna", "bert"], "price-typo", desk.now)
    keep_schedule(desk.store, Schedule("x", desk.now, True, (begins(desk.now + S, "none"),)))
    running = [text(item) for item in one(panel(desk), ".plans ul").css("li")]

    assert len(running) == 2
    assert running[0].endswith(f"( {INCIDENT} ): everybody else")
    assert running[1].endswith("( price-typo ): anna, bert")


def test_a_game_day_that_is_over_cannot_be_stopped(desk: Desk) -> None:
    keep_schedule(desk.store, Schedule("x", desk.now, True, (begins(desk.now - S, "none", done=True),)))
    page = panel(desk)

    assert "over, 1 of 1 change done" in text(one(page, "#gameday header"))
    assert not page.css("button[value=gameday-stop]")


def test_a_game_day_is_begun_and_stopped(desk: Desk) -> None:
    """From the text of the form, with its seed; the same seed gives the same one."""
    answer = desk.press("gameday", content=plans.EXAMPLE.replace("\n", "\r\n"), seed="7")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/desk?acted=1")
    kept = schedule(desk.store)
    assert kept
    seats = [seat.slug for seat in desk.store.seats()]
    same = schedule_of(plans.EXAMPLE, seed=7, seats=seats, start_unix_nano=kept.started_unix_nano)
    assert kept.actions == same.actions
    assert "begins with 4 changes (seed 7)" in text(one(desk.page(), "#log"))

    desk.press("gameday-stop")
    assert schedule(desk.store) is None
    assert not panel(desk).css("#gameday")


@pytest.mark.parametrize(
    ("content", "seed", "said"),
    [
        ("</textarea><b>no", "", "is not TOML"),
        ('[[events]]\nat = "2m"\nincident = "gone"', "", "unknown incident 'gone'"),
        (plans.EXAMPLE, "seven", "not a whole number"),
    ],
)
def test_a_game_day_that_is_refused_keeps_its_text(desk: Desk, content: str, seed: str, said: str) -> None:
    """With the reason beside it, unfolded."""
    page = page_of(desk.press("gameday", content=content, seed=seed), 400)

    assert said in text(one(page, "#begin-gameday [role=alert]"))
    assert one(page, "#content").text().strip() == content.strip()
    assert "open" in one(page, "#begin-gameday details").attributes
    assert not page.css("#begin-gameday b")
    assert schedule(desk.store) is None


def test_an_exam_is_begun_for_all_and_ended(desk: Desk) -> None:
    """The desk sees what it is; the same seed picks the same mystery."""
    desk.press("exam", whom="all", exam_seed="7")
    first = exam(desk.store)
    assert first
    assert (first.seed, first.seats, first.ended_unix_nano) == (7, None, None)
    page = panel(desk)
    assert text(one(page, "#exam h2")) == f"Exam: {LESSONS[first.incident].title}"
    assert "seed 7 , for everybody : 0 answered" in text(one(page, "#exam"))
    assert page.css("button[value=exam-end]")

    desk.press("exam-end")
    ended = exam(desk.store)
    assert ended
    assert ended.ended_unix_nano
    page = panel(desk)
    assert "over, ended" in text(one(page, "#exam header"))
    assert not page.css("button[value=exam-end]")
    assert "No exam runs" in text(page_of(desk.press("exam-end"), 400))


def test_an_exam_is_begun_for_the_ticked_seats_with_a_chosen_mystery(desk: Desk) -> None:
    assert "No seat is ticked" in text(page_of(desk.press("exam", whom="ticked"), 400))
    assert exam(desk.store) is None

    desk.press("exam", seats=["anna", "bert"], mystery="slow-provider")
    found = exam(desk.store)
    assert found
    assert (found.incident, found.seats) == ("slow-provider", ("anna", "bert"))
    assert "cannot be examined" in text(page_of(desk.press("exam", whom="all", mystery="none"), 400))


def sit(desk: Desk, seat: str, *right: str, complete: bool = False) -> None:
    given = {"service": "x", "tag": "", "kind": "", "evidence": ""}
    at = desk.now - 8 * MIN
    desk.store.answer(Answer(seat, "slow-provider", at, **given, right=frozenset(right), complete=complete))


def test_the_scores_are_a_table_and_a_file(desk: Desk) -> None:
    """The best first; what a spreadsheet would compute is text."""
    desk.store.enrol(["=1+1"])
    keep_exam(desk.store, Exam("slow-provider", 3, desk.now - 10 * MIN, None))
    sit(desk, "bert", "service", "tag", "kind", "evidence", complete=True)
    sit(desk, "anna", "service")
    page = panel(desk)
    rows = [text(row) for row in page.css("#scores tbody tr")]

    assert rows[0] == "Bert 99 right right right right 2:00 1 0"
    assert rows[1] == "Anna 20 right no no no 2:00 1 0"
    assert len(rows) == len(desk.store.seats())
    assert "2 answered, 1 completely right" in text(one(page, "#exam"))
    assert not page.css("script, img")

    answer = desk.browser.get("/desk/exam.csv")
    assert answer.mimetype == "text/csv"
    assert "exam-results.csv" in answer.headers["Content-Disposition"]
    lines = list(csv.DictReader(io.StringIO(answer.text)))
    assert [line["seat"] for line in lines[:2]] == ["bert", "anna"]
    assert (lines[0]["points"], lines[0]["seconds"]) == ("99", "120")
    assert any(line["name"] == "'=1+1" for line in lines)


def test_a_seat_that_is_a_formula_is_text() -> None:
    score = Score("=seat", "@name", 0, *([False] * 5), answers=0, pages=0, seconds=None)  # type: ignore[misc]

    assert scores_csv_of([score]).splitlines()[1].startswith("'=seat,'@name,0,False")


def test_without_an_exam_there_is_no_file(desk: Desk) -> None:
    assert "There was no exam" in text(page_of(desk.browser.get("/desk/exam.csv"), 404))


def test_a_long_game_day_and_the_scores_of_thirty_stay_short(desk: Desk) -> None:
    """At most 20 kB for thirty seats: the rest of the schedule is counted."""
    desk.store.enrol([f"Person {number:02}" for number in range(30 - len(desk.store.seats()))])
    everyone = [seat.slug for seat in desk.store.seats()]
    actions = tuple(
        begins(desk.now + (number - 60) * MIN, "slow-provider", everyone, done=number < 60)
        for number in range(200)
    )
    keep_schedule(desk.store, Schedule("Long", desk.now - 60 * MIN, True, actions))
    keep_exam(desk.store, Exam("slow-provider", 3, desk.now - 10 * MIN, None))
    for seat in everyone:
        sit(desk, seat, "service", "tag")
    page = panel(desk)

    assert len(desk.browser.get("/desk/plans").data) <= MOST_BYTES
    assert len(page.css("#scores tbody tr")) == 30
    rows = schedule_rows(page)
    assert "56 earlier changes, done" in rows[0]
    assert "120 later changes to come" in rows[-1]


@pytest.mark.parametrize("path", ["/desk/plans", "/desk/exam.csv"])
def test_only_the_desk_sees_it(desk: Desk, screens: Screens, path: str) -> None:
    """Neither a stranger nor a student; without a class nobody from elsewhere."""
    for visitor in (desk.screens.visitor(), desk.screens.visitor("anna")):
        answer = visitor.get(path)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/desk/sign-in")
    away = screens.app.test_client()
    away.environ_base["REMOTE_ADDR"] = "192.168.1.77"
    assert away.get(path).status_code == 403


def pressed_by_enter(page: LexborHTMLParser, field: Node) -> str:
    """The button that a browser presses for Enter in a field: the first of its form, in the page's order."""

    def form_of(element: Node) -> str:
        named = element.attributes.get("form")
        around = element.parent
        while named is None and around is not None and around.tag != "form":
            around = around.parent
        if named is None and around is not None:
            named = around.attributes.get("id") or around.attributes.get("class")
        return named or ""

    own = form_of(field)
    for button in page.css("button"):
        if button.attributes.get("type", "submit") == "submit" and form_of(button) == own:
            return attribute(button, "value")
    return ""


@pytest.mark.parametrize("path", ["/desk", "/desk/seats/anna"])
def test_enter_in_a_field_presses_the_button_beside_it(desk: Desk, path: str) -> None:
    """Whatever runs: no key stops a plan, and none sends what was not typed."""
    keep_schedule(desk.store, Schedule("x", desk.now, True, (begins(desk.now + S, "none"),)))
    keep_exam(desk.store, Exam("slow-provider", 3, desk.now, None))
    page = desk.page(path)
    fields = page.css("main input:not([type=hidden]):not([type=checkbox]):not([type=radio])")
    pressed = {attribute(field, "name"): pressed_by_enter(page, field) for field in fields}

    everything = {"text": "broadcast", "users": "load", "exam_seed": "exam", "seed": "gameday"}
    assert pressed == (everything if path == "/desk" else {"text": "broadcast"})
    for form in page.css("main form[method=post]"):
        assert attribute(one(form, "input[name=csrf_token]"), "value") == desk.token()


def test_an_exam_for_some_seats_is_asked_for_on_a_page_of_its_own(desk: Desk) -> None:
    """Where Enter in its seed begins it."""
    page = page_of(desk.press("exam-for", seats=["anna", "bert"]))
    assert text(one(page, "h1")) == "Begin an exam for 2 seats"
    assert pressed_by_enter(page, one(page, "#exam-seed")) == "exam"
    fields = [
        (attribute(field, "name"), attribute(field, "value"))
        for field in page.css("#exam-form input[type=hidden]")
    ]
    desk.browser.post("/desk/actions", data=MultiDict([*fields, ("action", "exam"), ("exam_seed", "7")]))
    found = exam(desk.store)
    assert found
    assert (found.seed, found.seats) == (7, ("anna", "bert"))
    assert text(one(page_of(desk.press("exam-for", whom="all")), "h1")) == "Begin an exam for every seat"
    assert "No seat is ticked" in text(page_of(desk.press("exam-for"), 400))


def confirmed(desk: Desk, page: LexborHTMLParser) -> None:
    """Press the first button of a question."""
    fields = [
        (attribute(field, "name"), attribute(field, "value"))
        for field in page.css("main form input[type=hidden]")
    ]
    answer = desk.browser.post("/desk/actions", data=MultiDict([*fields, ("confirmed", "1")]))
    assert answer.status_code == 303


def test_a_second_game_day_is_asked_for_before_it_replaces_the_first(desk: Desk) -> None:
    desk.press("gameday", content=plans.EXAMPLE, seed="7")
    first = schedule(desk.store)
    page = page_of(desk.press("gameday", content=plans.EXAMPLE, seed="8"))
    assert "The game day Friday evening runs: 4 changes of 4 still to come" in text(one(page, "h1"))
    assert "gameday --stop" in text(one(page, "main"))
    assert schedule(desk.store) == first

    confirmed(desk, page)
    assert schedule(desk.store) != first


def test_an_exam_and_a_game_day_of_the_same_seats_are_asked_for(desk: Desk) -> None:
    desk.press("exam", whom="all", exam_seed="7")
    page = page_of(desk.press("gameday", content=plans.EXAMPLE, seed="8"))
    assert "An exam runs for every seat" in text(one(page, "h1"))
    assert schedule(desk.store) is None
    page = page_of(desk.press("exam", whom="all", exam_seed="8"))
    confirmed(desk, page)
    second = exam(desk.store)
    assert second
    assert second.seed == 8


def test_what_was_typed_is_kept_where_no_seat_was_ticked(desk: Desk) -> None:
    page = page_of(desk.press("broadcast", text="<b>Look up</b>"), 400)

    assert "No seat is ticked" in text(one(page, "[role=alert]"))
    assert attribute(one(page, "#text"), "value") == "<b>Look up</b>"
