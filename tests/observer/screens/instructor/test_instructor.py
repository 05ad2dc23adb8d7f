"""The instructor's page: the seats of a class, notes, the flags in use, links."""

from __future__ import annotations

from typing import Any

from observer.lookup.flag_states import Flags, FlagState
from observer.screens.instructor import view
from observer.screens.instructor.classroom import seats
from signals.model import SessionId
from store.api import Breakdown, Measure, SessionSummary, TagValue
from tests.fixtures.html import one, text
from tests.observer.screens import Screens

S = 1_000_000_000
NOW = 10**18


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


def test_the_class_is_counted_by_activity_and_attempts() -> None:
    tried = Breakdown(
        "enduser.id",
        (TagValue("ann", Measure(requests=2, errors=1)), TagValue("bob", Measure(requests=1))),
    )
    rows = seats([session("ann", 30), session("bob", 300), session("cat", 900)], tried, NOW)

    assert [(stat.name, stat.value) for stat in view.stats(rows)] == [
        ("Seats seen", 3),
        ("Active in the last 2 minutes", 1),
        ("Made the request", 2),
        ("Saw it fail", 1),
    ]
    assert [row.activity_css for row in rows] == ["", "good", "warn"], "cat has a hint, so comes first"


def test_what_was_left_out_is_noted() -> None:
    assert view.notes(sessions_cut=False, attempts_cut=False) == ()
    sessions, attempts = view.notes(sessions_cut=True, attempts_cut=True)
    assert "newest 1,000 sessions" in sessions
    assert "Attempts" in attempts


def test_flags_that_are_on_are_listed_first_and_described() -> None:
    off = FlagState("cart", "cart_price_typo", "false", "false", "")
    on = FlagState("pay", "payment_invalid_token", "1.0", "0.75", "")

    assert [(row.key, row.on, row.people, row.synthetic) for row in view.flag_rows(Flags((off, on)))] == [
        ("payment_invalid_token", True, "100 %", "75 %"),
        ("cart_price_typo", False, "off", "off"),
    ]
