"""The lesson beside what has arrived of it, and the instructor's view of a class."""

from __future__ import annotations

from typing import Any

import incidents
from incidents.checks import NoAnswer
from incidents.model import Source
from observer.screens.instructor.classroom import seats
from observer.screens.workshop.lesson_markup import inline, paragraphs
from observer.screens.workshop.progress import askable, progress
from signals.model import SessionId
from store.api import Breakdown, Measure, SessionSummary, TagValue
from tests.observer.html import one, text
from tests.observer.screens import Screens

S = 1_000_000_000
NOW = 10**18


def test_marks_are_two_and_everything_else_is_escaped() -> None:
    assert inline("press `APM` <b>now</b> **please**") == (
        "press <code>APM</code> &lt;b&gt;now&lt;/b&gt; <strong>please</strong>"
    )
    assert len(paragraphs("\none\ntwo\n\nthree\n")) == 2


def test_what_only_a_visitor_saw_is_left_out_with_all_that_hangs_on_it() -> None:
    kept = askable(incidents.load("invalid-token").checks)
    names = {check.name for check in kept}
    assert all(check.source is Source.API for check in kept)
    assert all(set(check.needs) <= names for check in kept)
    assert "session" in names


def test_without_a_seat_nothing_is_judged_and_links_wait() -> None:
    found = progress(incidents.load("invalid-token"), {"shop": "http://shop"}, None)
    assert {step.state for step in found.steps} == {"yours"}
    assert all(step.href is None or "{" not in step.href for step in found.steps)


def test_nothing_has_arrived_yet_is_said_of_every_step_that_hangs_on_it() -> None:
    def ask(_source: Source, _path: str) -> Any:
        raise NoAnswer("nothing of it has arrived yet")

    found = progress(incidents.load("invalid-token"), {"seat": "eve", "shop": "http://shop"}, ask)
    assert found.arrived == 0
    assert {step.state for step in found.steps} == {"waiting", "yours"}


def test_every_incident_has_a_lesson_page(screens: Screens) -> None:
    for name in incidents.names():
        page = screens.page(f"/workshop?incident={name}&seat=anna")
        assert text(one(page, "h1")) == incidents.load(name).title
    assert screens.client.get("/workshop?incident=unheard-of").status_code == 404


def test_a_seats_telemetry_fills_in_the_lesson(screens: Screens) -> None:
    page = screens.page("/workshop?seat=anna")
    links = [a.attributes["href"] or "" for a in page.css(".lesson h2 a")]
    assert "/rum/sessions?attr=enduser.id:anna" in links
    assert any(link.startswith("/logs?trace_id=") for link in links)
    done = {node.attributes["id"] for node in page.css("li.done")}
    assert {"step-session", "step-script", "step-checkout", "step-log"} <= done
    stranger = screens.page("/workshop?seat=nobody")
    assert not stranger.css("li.done")
    assert "cannot know" in text(one(page, "#arrived"))


def test_an_unknown_running_incident_is_said_to_be_unknown(screens: Screens) -> None:
    assert "not known here" in text(screens.page("/workshop"))


def session(seat: str, ago_s: int, **changes: Any) -> SessionSummary:
    given: dict[str, Any] = {
        "session_id": SessionId(f"{seat}-{ago_s}"),
        "start_unix_nano": NOW - (ago_s + 60) * S,
        "duration_ns": 60 * S,
        "app": "shop",
        "environment": "",
        "page_views": 3,
        "errors": 1,
        "network_errors": 0,
        "events": 9,
        "last_seen_unix_nano": NOW - ago_s * S,
        "attributes": {"enduser.id": seat} if seat else {},
    }
    return SessionSummary(**{**given, **changes})


def test_seats_are_summed_up_and_those_who_may_be_stuck_come_first() -> None:
    tried = Breakdown(
        "enduser.id",
        (TagValue("ann", Measure(requests=2, errors=1)), TagValue("bob", Measure(requests=6, errors=6))),
    )
    rows = seats(
        [session("ann", 30), session("ann", 700), session("bob", 10), session("cat", 300), session("", 5)],
        tried,
        NOW,
    )
    assert [row.seat for row in rows] == ["bob", "cat", "ann"]
    found = {row.seat: row for row in rows}
    assert (found["ann"].sessions, found["ann"].pages, found["ann"].activity) == (2, 6, "active")
    assert (found["ann"].attempts, found["ann"].failed, found["ann"].hint) == (2, 1, "")
    assert "keeps trying" in found["bob"].hint
    assert (found["cat"].activity, found["cat"].hint) == ("quiet", "stopped before the request")


def test_the_instructor_sees_seats_attempts_and_makes_links(screens: Screens) -> None:
    page = screens.page("/instructor?names=ann%0Abob")
    row = next(text(node) for node in page.css("tbody tr[data-row]") if "anna" in text(node))
    assert "POST /cart/checkout" in text(one(page, ".actions"))
    assert row.split()[-4:] == ["1", "lesson", "so", "far"]
    assert "seat=bob" in text(page)
    assert "Open mode" in text(page)


def test_an_empty_class_says_how_it_fills(bare: Screens) -> None:
    assert "?seat=NAME" in text(one(bare.page("/instructor"), ".empty"))
