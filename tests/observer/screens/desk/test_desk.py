"""The desk: its table, what it keeps up to date, the page of a seat, results."""

from __future__ import annotations

import csv
import io

import pytest
from selectolax.lexbor import LexborHTMLParser

import incidents
from classroom import Answer, Mark, MarkKind
from observer.screens.desk import choices
from observer.screens.desk.results import neutral
from tests.fixtures.html import attribute, one, text
from tests.observer.class_screens import NAMES, page_of
from tests.observer.screens import Screens
from tests.observer.screens.desk.conftest import INCIDENT, MIN, Desk

LESSON = incidents.load(INCIDENT)
SECOND = LESSON.steps[1].name


def rows(page: LexborHTMLParser) -> dict[str, str]:
    """The text of each row of the table, by seat."""
    return {attribute(one(row, "input[name=seats]"), "value"): text(row) for row in page.css("tr[data-row]")}


def test_every_seat_is_listed_also_who_has_not_come(desk: Desk) -> None:
    """Names are text, whatever stands in them; the lab's own visits are no seats."""
    page = desk.page()

    assert set(rows(page)) == {seat.slug for seat in desk.store.seats()}
    for name in NAMES:
        assert any(name in row for row in rows(page).values())
    assert not page.css("main script, main img")
    assert "no-show" in rows(page)["eve"]
    anna = rows(page)["anna"]
    assert "1/12" in anna
    assert "1, 1 failed" in anna


def test_a_seat_is_shown_with_what_it_did(desk: Desk) -> None:
    desk.store.mark(Mark("bert", INCIDENT, SECOND, MarkKind.OPENED, desk.now - 3 * MIN))
    desk.store.mark(Mark("bert", INCIDENT, SECOND, MarkKind.HINT, desk.now - 4 * MIN))
    for _ in range(3):
        desk.store.answer(
            Answer("bert", INCIDENT, desk.now - MIN, "<b>cart</b>", "", "", "", frozenset(), complete=False)
        )
    desk.store.repair(["bert"], ["rollback"], desk.now)
    bert = rows(desk.page())["bert"]

    for part in ("stuck 3 wrong answers", f"2/12 {LESSON.steps[1].title}", "3 min", "1 min ago", "rollback"):
        assert part in bert, part
    assert "first: service <b>cart</b>" in bert


def test_who_needs_help_stands_first(desk: Desk) -> None:
    desk.store.take("eve", desk.now - 20 * MIN)
    desk.store.mark(Mark("bert", INCIDENT, SECOND, MarkKind.OPENED, desk.now - MIN))

    assert next(iter(rows(desk.page()))) == "eve"


def test_the_table_does_not_depend_on_the_time_range_of_the_page(desk: Desk) -> None:
    """A seat that was seen an hour ago is not gone after fifteen minutes."""
    assert rows(desk.page("/desk?since=5m")) == rows(desk.page("/desk?since=7d"))
    assert not desk.page().css("#range-from")


def test_the_part_that_is_kept_up_to_date_is_the_part_of_the_page(desk: Desk) -> None:
    """It asks for itself again, and answers with that alone."""
    page = desk.page()
    part = one(page, "#desk-live")
    assert attribute(part, "hx-get") == "/desk/live"
    assert attribute(part, "hx-trigger") == "every 1500ms"
    live = page_of(desk.browser.get("/desk/live"))
    assert rows(live) == rows(page)
    assert not live.css("header.top")
    paused = one(desk.page("/desk?live=0"), "#desk-live")
    assert "hx-get" not in paused.attributes


def test_the_funnel_counts_how_far_the_class_is(desk: Desk) -> None:
    desk.store.take("bert", desk.now - MIN)
    desk.store.mark(Mark("bert", INCIDENT, SECOND, MarkKind.OPENED, desk.now - MIN))
    desk.store.give_incident(["eve"], "price-typo", desk.now)
    page = desk.page()
    funnel = [text(item) for item in page.css(".funnel li")]

    assert funnel[:4] == [
        "Joined 2",
        f"1. {LESSON.steps[0].title} 2",
        f"2. {LESSON.steps[1].title} 1",
        f"3. {LESSON.steps[2].title} 0",
    ]
    assert "Without 1 seat with another incident." in text(page)


def test_the_page_of_a_seat_has_its_steps_answers_link_and_code(desk: Desk) -> None:
    desk.store.mark(Mark("bert", INCIDENT, SECOND, MarkKind.OPENED, desk.now - 3 * MIN))
    desk.store.mark(Mark("bert", INCIDENT, SECOND, MarkKind.EXPECTED, desk.now - 4 * MIN))
    desk.store.answer(
        Answer("bert", INCIDENT, desk.now - MIN, "cart", "v1", "", "", frozenset({"tag"}), complete=False)
    )
    page = desk.page("/desk/seats/bert")
    main = text(one(page, "main"))

    for part in ("3 min ago", "what to see", "cart · v1", "service cart", "not made Roll back"):
        assert part in main, part
    assert desk.screens.seat("bert").code in main
    assert "sig=" in main
    assert page.css(".link-of-seat svg")
    view = next(link for link in page.css("main a") if text(link) == "Student's view")
    watched = desk.page(attribute(view, "href"))
    assert "seen from the desk" in text(watched)
    assert not watched.css("form[action='/workshop/answer']"), "the desk only looks"


def test_a_seat_that_is_not_there_is_unknown(desk: Desk) -> None:
    assert "no seat nobody" in text(desk.page("/desk/seats/nobody", 404))
    assert desk.browser.get("/desk/seats/" + "x" * 500).status_code == 404
    assert desk.browser.get("/desk/seats/%3Cscript%3E").status_code == 404


def test_the_page_of_a_seat_escapes_its_name(desk: Desk) -> None:
    for seat in desk.store.seats():
        page = desk.page(f"/desk/seats/{seat.slug}")
        assert text(one(page, "h1")) == seat.name
        assert not page.css("main script, main img")


def test_the_results_are_a_table_for_spreadsheets(desk: Desk) -> None:
    """One line for each seat; no text is a formula."""
    desk.store.enrol(["=cmd|' /C calc'!A0"])
    desk.store.mark(Mark("bert", INCIDENT, SECOND, MarkKind.OPENED, desk.now - MIN))
    answer = desk.browser.get("/desk/results.csv")

    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    lines = {line["seat"]: line for line in csv.DictReader(io.StringIO(answer.text))}
    assert set(lines) == {seat.slug for seat in desk.store.seats()}
    assert (lines["bert"]["step"], lines["bert"]["state"]) == (SECOND, "working")
    assert (lines["anna"]["orders"], lines["anna"]["orders_failed"]) == ("1", "1")
    assert any(line["name"] == "'=cmd|' /C calc'!A0" for line in lines.values())


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\tx", "\r=x", " =1"])
def test_a_formula_becomes_text(cell: str) -> None:
    assert neutral(cell) == f"'{cell}"
    assert neutral(f"a{cell}") == f"a{cell}"


def test_the_former_address_leads_to_the_desk(desk: Desk) -> None:
    answer = desk.browser.get("/instructor")

    assert (answer.status_code, answer.headers["Location"]) == (301, "/desk")


@pytest.mark.parametrize(
    "path", ["/desk", "/desk/live", "/desk/results.csv", "/desk/sheet", "/desk/flags", "/desk/seats/anna"]
)
def test_only_the_desk_sees_it(desk: Desk, path: str) -> None:
    """Neither a stranger nor a student."""
    for visitor in (desk.screens.visitor(), desk.screens.visitor("anna")):
        answer = visitor.get(path)
        assert answer.status_code == 303
        assert answer.headers["Location"].startswith("/desk/sign-in")


def test_flags_are_shown_where_no_process_answers(desk: Desk) -> None:
    assert "No process of a lab could be asked" in text(desk.page("/desk/flags"))


def test_without_a_class_whoever_sits_at_the_machine_is_the_desk(screens: Screens) -> None:
    """The seats are those that were seen; from another machine it is closed."""
    page = screens.page("/desk")

    assert {"anna", "ben", "chloé", "dmitri"} <= set(rows(page))
    assert not page.css("a[href='/desk/sign-in'], button[value=free], main script, main img")
    away = screens.app.test_client()
    away.environ_base["REMOTE_ADDR"] = "192.168.1.77"
    for path in ("/desk", "/desk/live", "/desk/results.csv", "/desk/sheet", "/desk/seats/anna"):
        assert away.get(path).status_code == 403, path
    assert away.get("/api/v1/class/seats").status_code == 403


def test_an_empty_lab_says_how_the_desk_fills(bare: Screens) -> None:
    assert "A seat shows up when a student opens" in text(one(bare.page("/desk"), ".empty"))


def test_the_headline_is_kept_up_to_date_and_agrees_with_what_runs(desk: Desk) -> None:
    """Whoever changed the incident: it asks for itself again, and counts those with another one."""
    assert f"Everybody has the incident {LESSON.title} ( {INCIDENT} )" in text(one(desk.page(), "#headline"))
    assert attribute(one(desk.page(), "#headline"), "hx-get") == "/desk/headline"
    assert "hx-get" not in one(desk.page("/desk?live=0"), "#headline").attributes

    desk.store.begin_incident("price-typo", desk.now)
    desk.store.give_incident(["anna", "bert", "gone"], INCIDENT, desk.now)
    for path in ("/desk/headline", "/desk"):
        headline = text(one(desk.page(path), "#headline"))
        assert "Everybody but 2 seats has the incident" in headline
        assert "( price-typo )" in headline
    running = [text(item) for item in one(desk.page("/desk/plans"), ".plans ul").css("li")]
    assert running[0].endswith("( price-typo ): everybody else")
    assert running[1].endswith(f"( {INCIDENT} ): anna, bert")

    desk.store.give_incident([seat.slug for seat in desk.store.seats()], INCIDENT, desk.now)
    assert "Every seat has an incident of its own" in text(one(desk.page("/desk/headline"), "#headline"))
    running = [text(item) for item in one(desk.page("/desk/plans"), ".plans ul").css("li")]
    assert len(running) == 1
    assert "everybody" not in running[0]


def test_incidents_are_chosen_by_title_and_name(desk: Desk) -> None:
    page = desk.page()
    for choice in ("#incident", "#mystery"):
        for option in one(page, choice).css("option[value]:not([value=''])"):
            name = attribute(option, "value")
            assert text(option) == f"{incidents.load(name).title} ({name})"


def test_the_desk_says_which_incidents_other_seats_notice(desk: Desk) -> None:
    shown = text(desk.page())
    for incident in incidents.load_all()[0].values():
        assert (incident.reaches_others in shown) or not incident.reaches_others, incident.name
    assert f"{incidents.load('memory-leak').title} reaches others: " in shown


def test_a_fault_with_two_stories_is_released_and_examined_once() -> None:
    """While the other story runs, it is that one which is released."""
    stories = [name for name, each in incidents.load_all()[0].items() if each.same_fault_as]
    offered = choices.build("none", incidents.load_all()[0], [])
    assert stories
    assert not {*stories} & {name for name, _ in offered.mysteries}
    assert not {*stories} & {each.incident for each in offered.releases}
    running = choices.build("paged", incidents.load_all()[0], [])
    assert [each.incident for each in running.releases] == ["paged"]


def test_a_jump_says_who_and_which_step_and_who_cannot_follow_yet(desk: Desk) -> None:
    """By name, number and title; the seat shows that it was led there, and since when."""
    step = LESSON.steps[5]
    desk.store.take("bert", desk.now - 8 * MIN)
    assert "no step yet" in rows(desk.page())["bert"]
    answer = desk.press("jump", seats="bert", step=step.name)
    page = desk.page(answer.headers["Location"])
    said, note = (text(each) for each in page.css("[role=status].notice"))
    assert said == f"Bert may go to step 6, {step.title}."
    assert note.startswith("Bert has no order yet")
    bert = rows(page)["bert"]
    assert "working" in bert
    assert "led to step 6 at " in bert
    assert "stuck" not in bert

    answer = desk.press("jump", seats="anna", step=step.name)
    assert len(desk.page(answer.headers["Location"]).css("[role=status].notice")) == 1, "anna ordered"


def test_answers_to_earlier_incidents_are_shown(desk: Desk) -> None:
    """Those to an event of a game day, after it; in the table as a count, on the seat's page in full."""
    desk.store.begin_incident("price-typo", desk.now - 5 * MIN)
    for complete in (False, True):
        given = Answer(
            "bert", "price-typo", desk.now - 4 * MIN, "<i>it</i>", "", "", "", frozenset(), complete
        )
        desk.store.answer(given)
    desk.store.begin_incident(INCIDENT, desk.now - MIN)

    assert "2 earlier" in rows(desk.page())["bert"]
    earlier = text(one(desk.page("/desk/seats/bert"), "#earlier"))
    assert f"{incidents.load('price-typo').title} ( price-typo ): <i>it</i>" in earlier
    assert "wrong" in earlier
    assert "right" in earlier
    assert "None yet" in text(one(desk.page("/desk/seats/bert"), "#answers"))
    assert not desk.page("/desk/seats/anna").css("#earlier")
    lines = csv.DictReader(io.StringIO(desk.browser.get("/desk/results.csv").text))
    assert {line["seat"]: line["answers_earlier"] for line in lines}["bert"] == "2"


def test_the_explanation_is_opened_for_those_who_did_not_answer(desk: Desk) -> None:
    """For ticked seats or all; the student reads it at once, and counts as nobody who answered."""
    student = desk.screens.visitor("bert")
    assert not page_of(student.get("/workshop")).css("#explanation")
    answer = desk.press("explain", seats="bert")
    assert "The explanation is open for Bert." in text(desk.page(answer.headers["Location"]))
    assert page_of(student.get("/workshop")).css("#explanation")
    assert not page_of(desk.screens.visitor("eve").get("/workshop")).css("#explanation")
    assert "The explanation was opened from the desk" in text(one(desk.page("/desk/seats/bert"), "#answers"))
    assert "done" not in rows(desk.page())["bert"]

    desk.press("explain", whom="all")
    assert page_of(desk.screens.visitor("eve").get("/workshop")).css("#explanation")
    desk.press("lock")
    assert not page_of(student.get("/workshop")).css("#explanation")
    assert "Explanations are locked." in text(page_of(desk.press("explain", whom="all"), 400))


def test_an_incident_begun_by_hand_asks_before_it_ends_an_exam(desk: Desk) -> None:
    """On a page of its own, as plans do; the confirmed form begins it."""
    desk.press("exam", whom="all", mystery="slow-provider")
    for form in ({"action": "incident", "incident": "none"}, {"action": "reset", "confirmed": "1"}):
        page = page_of(desk.press(**form, whom="all"))
        assert "An exam runs for every seat" in text(one(page, "h1"))
        assert desk.store.facts().incident == "slow-provider"
    fields = {"action": "incident", "incident": "none", "whom": "all", "replace": "1"}
    assert desk.press(**fields).status_code == 303
    assert desk.store.facts().incident == "none"


def test_links_of_a_page_that_refused_a_form_lead_somewhere(desk: Desk) -> None:
    """They name the address of the form: there the desk is."""
    page = page_of(desk.press("incident"), 400)
    for link in page.css("header.top a[href^='/desk/actions']"):
        answer = desk.browser.get(attribute(link, "href"))
        assert (answer.status_code, answer.headers["Location"]) == (303, "/desk")
    assert desk.screens.visitor("anna").get("/desk/actions").headers["Location"].startswith("/desk/sign-in")


def test_a_refresh_is_small_also_with_long_names(desk: Desk) -> None:
    """At most 20 kB for thirty people whose names are as long as names may be, and who all did much."""
    names = [
        f"{number:02} Featherstonehaugh Cholmondeley of Wolfeschlegelsteinhausenbergerdorff, Esq."
        for number in range(30)
    ]
    desk.store.exchange_roster([name[:80] for name in names])
    for seat in desk.store.seats():
        desk.store.take(seat.slug, desk.now - 20 * MIN)
        desk.store.mark(Mark(seat.slug, INCIDENT, SECOND, MarkKind.OPENED, desk.now - 15 * MIN))
        desk.store.mark(Mark(seat.slug, INCIDENT, SECOND, MarkKind.HINT, desk.now - 15 * MIN))
        given = ("checkoutservice", "version", "slowness", "")
        desk.store.answer(Answer(seat.slug, INCIDENT, desk.now - MIN, *given, frozenset(), complete=False))
        desk.store.repair([seat.slug], ["rollback"], desk.now)
    answer = desk.browser.get("/desk/live")
    assert len(rows(page_of(answer))) == 30
    assert len(answer.data) <= 20_000
