"""The lesson of a seat: what it marks, what it keeps, and that nothing turns green by itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import incidents
from classroom import ClassStore, Mark, MarkKind, keep_exam
from classroom.plans import Exam, Schedule, ScheduledAction, keep_schedule
from tests.fixtures import seed
from tests.fixtures.html import attribute, one, text
from tests.fixtures.world import S
from tests.observer.screens.workshop.guide import (
    ANNA,
    BEN,
    INCIDENT,
    SECOND,
    SESSION_OF_BEN,
    TRACE_OF_BEN,
    Guide,
    done,
    guided,
    page,
    post,
)

SESSIONS = "/rum/sessions"
SESSION = f"/rum/sessions/{seed.SESSION}"
DIALOG = f"{SESSION}/apm/{seed.CHECKOUT_EVENT}"
TRACE = f"/apm/traces/{seed.TRACE}"
LOGS = f"/logs?trace_id={seed.TRACE}"
TAGS = "/apm/tags?service=paymentservice"
FIND = {"session", "script", "checkout", "dialog", "log", "version", "hidden"}
"""The steps of which the story holds all data; of the step `charge` it does not."""


@pytest.fixture
def guide(tmp_path: Path) -> Iterator[Guide]:
    with guided(tmp_path) as found:
        yield found


def test_data_alone_turns_nothing_green_but_the_steps_in_the_shop(guide: Guide) -> None:
    """All of an order arrives at once: what was not opened is not done, however long one waits."""
    anna = guide.browser(ANNA)

    assert done(page(anna)) == {"buy"}
    assert guide.marks(ANNA, MarkKind.ARRIVED) == {"buy", *FIND}
    assert done(page(anna)) == {"buy"}
    assert text(one(page(anna), "#arrived")) == "1 of 12 steps are done; the data of 8 is there."


def test_a_step_is_done_once_its_page_was_opened_in_whatever_order(guide: Guide) -> None:
    anna = guide.browser(ANNA)
    for path, steps in (
        (LOGS, {"log"}),
        (DIALOG, {"dialog"}),
        (SESSIONS, {"session"}),
        (TAGS, {"version"}),
        (SESSION, {"script", "checkout"}),
        (TRACE, {"charge", "hidden"}),
    ):
        before = guide.marks(ANNA, MarkKind.OPENED)
        page(anna, path)
        assert guide.marks(ANNA, MarkKind.OPENED) - before == steps, path
    assert done(page(anna)) == {"buy", *FIND}


def test_what_was_opened_and_had_arrived_outlives_the_screens(guide: Guide) -> None:
    """The lab was stopped and started: the lesson goes on where it was."""
    first = guide.browser(ANNA)
    page(first, TRACE)
    page(first)

    assert done(page(guide.browser(ANNA))) == {"buy", "hidden"}


def test_opening_a_page_marks_the_data_too(guide: Guide) -> None:
    """The desk sees how far a seat is although its page of the lesson is in a tab that nobody looks at."""
    page(guide.browser(ANNA), TRACE)

    assert guide.marks(ANNA, MarkKind.ARRIVED) >= FIND


def test_an_earlier_order_of_the_same_seat_counts(guide: Guide) -> None:
    """The lesson follows the newest order; a student may look at the one before."""
    page(guide.browser(ANNA), f"/apm/traces/{SECOND}")

    assert guide.marks(ANNA, MarkKind.OPENED) == {"charge", "hidden"}


@pytest.mark.parametrize(
    "path",
    [
        f"/apm/traces/{TRACE_OF_BEN}",
        f"/rum/sessions/{SESSION_OF_BEN}",
        f"/logs?trace_id={TRACE_OF_BEN}",
        "/rum/sessions?attr=enduser.id:ben",
        "/apm/traces",
        "/apm",
        f"/api/v1/apm/traces/{seed.TRACE}",
        f"/apm/traces/{seed.TRACE}/updates",
    ],
)
def test_other_pages_and_those_of_others_do_not_count(guide: Guide, path: str) -> None:
    guide.browser(ANNA).get(path)

    assert guide.marks(ANNA, MarkKind.OPENED) == set()


def test_a_page_that_was_not_found_was_not_opened(guide: Guide) -> None:
    assert guide.browser(ANNA).get("/rum/sessions/unheard-of").status_code == 404
    assert guide.marks(ANNA, MarkKind.OPENED) == set()


def test_who_has_no_seat_opens_without_a_trace(guide: Guide) -> None:
    """And a cookie that somebody made up is no seat."""
    page(guide.client, TRACE)
    forged = guide.browser()
    forged.set_cookie("workshop_seat", "anna.0123456789abcdef0123456789abcdef")
    page(forged, TRACE)

    assert guide.kept.marks() == ()


def test_a_page_is_written_down_once(guide: Guide, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most one write for each seat and step, however often a page is opened."""
    written: list[Mark] = []
    mark = ClassStore.mark

    def counted(self: ClassStore, each: Mark) -> bool:
        written.append(each)
        return mark(self, each)

    monkeypatch.setattr(ClassStore, "mark", counted)
    anna = guide.browser(ANNA)
    for _ in range(5):
        page(anna, TRACE)
        page(anna)

    assert len(written) == len({(each.step, each.kind) for each in written})
    assert [each.step for each in written if each.kind is MarkKind.OPENED] == ["charge", "hidden"]


def test_the_step_behind_a_repair_is_opened_after_the_repair(guide: Guide) -> None:
    """The same page as in a step before shows something else then."""
    anna = guide.browser(ANNA)
    page(anna, TAGS)
    assert guide.marks(ANNA, MarkKind.OPENED) == {"version"}

    guide.kept.repair((ANNA,), ("rollback", "endpoints"), guide.world.now_unix_nano)
    page(anna, TAGS)
    assert guide.marks(ANNA, MarkKind.OPENED) == {"version", "compare"}


def test_what_was_done_before_the_incident_began_again_does_not_count(guide: Guide) -> None:
    anna = guide.browser(ANNA)
    page(anna, TRACE)
    guide.kept.begin_incident(INCIDENT, guide.world.now_unix_nano + 1)

    assert done(page(anna)) == set()


def test_each_seat_has_the_lesson_of_its_own_incident(guide: Guide) -> None:
    guide.kept.give_incident((BEN,), "none", guide.world.now_unix_nano - 600 * S)

    assert text(one(page(guide.browser(ANNA)), "h1")) == incidents.load(INCIDENT).title
    assert text(one(page(guide.browser(BEN)), "h1")) == incidents.load("none").title
    other = page(guide.browser(BEN), f"/workshop?incident={INCIDENT}")
    assert "another incident for you now" in text(other)
    assert guide.kept.marks(BEN) == () or {mark.incident for mark in guide.kept.marks(BEN)} == {"none"}


def test_a_text_that_is_unfolded_is_noted_and_costs_nothing(guide: Guide) -> None:
    """By a script without an answer, by the button without a script with the way back."""
    anna = guide.browser(ANNA)
    before = done(page(anna))
    fold = one(page(anna), "#hint-session")
    address = attribute(fold, "hx-post")

    assert anna.post(address, headers={"HX-Request": "true"}).status_code == 204
    plain = anna.post(address.replace("kind=hint", "kind=meaning"))
    assert (plain.status_code, plain.headers["Location"]) == (303, "/workshop#step-session")
    assert guide.marks(ANNA, MarkKind.HINT) == {"session"}
    assert guide.marks(ANNA, MarkKind.MEANING) == {"session"}
    assert done(page(anna)) == before
    assert "open" not in fold.attributes


@pytest.mark.parametrize(
    ("step", "kind", "status"),
    [("session", "hint", 303), ("nowhere", "hint", 400), ("session", "arrived", 400), ("", "", 400)],
)
def test_only_texts_of_the_lesson_are_noted(guide: Guide, step: str, kind: str, status: int) -> None:
    """A form cannot mark a step as arrived, opened or jumped to."""
    answer = post(guide.browser(ANNA), "marks", step=step, kind=kind)

    assert answer.status_code == status
    assert len(guide.kept.marks()) == (status == 303)


@pytest.mark.parametrize("path", ["marks?step=session&kind=hint", "answer", "repair", "break"])
def test_who_has_no_seat_changes_nothing(guide: Guide, path: str) -> None:
    """Nor does a page of another site in the name of one who has, nor a seat for another."""
    assert post(guide.browser(), path).status_code == 400
    assert post(guide.browser(ANNA), path, {"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert post(guide.browser(ANNA), path, {"Origin": "http://evil.example"}).status_code == 403
    assert post(guide.browser(ANNA), path, seat=BEN).status_code == 403
    assert guide.kept.marks() == ()
    assert guide.kept.answers() == ()


def test_the_page_answers_shortly_while_nothing_has_changed(guide: Guide) -> None:
    """It asks again and again, with the state that it shows."""
    anna = guide.browser(ANNA)
    first = page(anna)
    address = attribute(one(first, "#guide"), "hx-get")

    again = anna.get(address)
    assert (again.status_code, again.data) == (204, b"")
    page(anna, TRACE)
    changed = anna.get(address)
    assert changed.status_code == 200
    assert attribute(one(page(anna), "#guide"), "hx-get") != address


def test_links_to_the_shop_open_a_tab_of_their_own(guide: Guide) -> None:
    """So that the lesson stays where it is."""
    for path in ("/workshop", "/"):
        links = [
            link
            for link in page(guide.browser(ANNA), path).css("main a")
            if (link.attributes.get("href") or "").endswith((":8080", ":8080/"))
        ]
        in_guide = [link for link in links if "Open the shop" in text(link) or path == "/workshop"]
        assert in_guide, path
        for link in in_guide:
            assert (link.attributes["target"], link.attributes["rel"]) == ("_blank", "noopener")
            assert "new tab" in text(link)


def test_an_exam_shows_nothing_of_its_lesson(guide: Guide) -> None:
    """Neither name, nor steps, nor other lessons; of an answer: how many parts are right, not which."""
    keep_exam(guide.kept, Exam(INCIDENT, 1, 0, (ANNA,)))
    anna = guide.browser(ANNA)
    found = page(anna, f"/workshop?incident={INCIDENT}")

    assert text(one(found, "h1")) == "The exam"
    assert not found.css(".lesson")
    found = page(anna)
    incident = incidents.load(INCIDENT)
    assert incident.title not in text(found)
    assert incident.question.ask not in text(found)
    assert INCIDENT not in (one(found, "main").html or "")
    answer = post(
        anna, "answer", service="paymentservice", tag="v350.10", kind="network", evidence=seed.TRACE
    )
    assert answer.status_code == 303
    assert guide.kept.answers(ANNA)[-1].right == {"service", "tag", "evidence"}
    after = page(anna)
    assert text(one(after, "#verdict")) == "3 of 4 parts are right."
    assert not after.css(".verdict, #explanation")
    assert "Each try counts in the score" in text(after)
    assert post(anna, "marks", step="session", kind="hint").status_code == 403
    assert post(anna, "repair", repair="rollback").status_code in (403, 501)
    assert text(one(page(guide.browser(BEN)), "h1")) == incident.title


def test_a_game_day_shows_nothing_of_its_lesson_until_it_is_over(guide: Guide) -> None:
    """What runs is for the class to find out; other lessons are closed, too."""
    due = ScheduledAction(0, {"action": "incident", "name": INCIDENT})
    keep_schedule(guide.kept, Schedule("Friday", 0, secret=True, actions=(due,)))
    anna = guide.browser(ANNA)

    assert text(one(page(anna, "/workshop?incident=none"), "h1")) == "Game day"
    assert not page(anna).css(".lesson")
    keep_schedule(guide.kept, Schedule("Friday", 0, secret=True, actions=()))
    assert text(one(page(anna), "h1")) == incidents.load(INCIDENT).title


def test_without_a_file_of_the_class_the_page_says_so(guide: Guide) -> None:
    """The screens may run alone; then nothing is kept, and no page counts as opened."""
    guide.kept.close()
    alone = Guide(guide.folder, guide.world, guide.reader, None, guide.settings, guide.client)  # type: ignore[arg-type]
    anna = alone.browser(ANNA)
    found = page(anna)

    assert "What you open is not kept here" in text(found)
    page(anna, TRACE)
    assert done(page(anna)) == {"buy"}
    assert post(anna, "answer", service="x").status_code == 501


def test_the_page_says_since_when_it_counts_and_links_lead_there(guide: Guide) -> None:
    """A session goes on while the incident changes: the steps leave out what came before."""
    found = page(guide.browser(ANNA))
    began = guide.kept.fault(ANNA).began_unix_nano
    assert "newer orders only" in text(one(found, "#since"))
    hrefs = [link.attributes["href"] or "" for link in found.css(".lesson h3 a")]
    sessions = [href for href in hrefs if href.startswith("/rum/sessions/") and "/apm/" not in href]
    assert sessions
    assert all(f"after={began}" in href for href in sessions)
    for href in sessions:
        assert guide.browser(ANNA).get(href).status_code == 200
