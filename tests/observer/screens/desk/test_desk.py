"""The desk: its table, what it keeps up to date, the page of a seat, results."""

from __future__ import annotations

import csv
import io

import pytest
from selectolax.lexbor import LexborHTMLParser

import incidents
from classroom import Answer, Mark, MarkKind
from observer.screens.desk.results import neutral
from tests.fixtures.html import attribute, one, text
from tests.observer.class_screens import NAMES, page_of
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
