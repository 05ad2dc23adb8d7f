"""The numbers of RUM: whose traffic they count, what has arrived since, what an empty screen explains."""

from __future__ import annotations

import pytest

from observer.components import traffic_filter
from observer.components.compared import Compared
from observer.screens.rum.metrics import count_delta
from observer.screens.rum.overview.view import error_rows
from observer.screens.rum.sessions import view as session_list
from signals.model import SessionId, SpanId
from store.api import ErrorGroup, Measure, SessionQuery, Window
from tests.fixtures import seed
from tests.fixtures.html import attribute, first, one, text
from tests.observer.screens import Screens
from tests.observer.updates import announced, updates_address


def views(number: int) -> traffic_filter.Measures:
    return {"page_views": Measure(requests=number)} if number else {}


@pytest.mark.parametrize(
    ("requested", "people", "counted"),
    [
        (None, True, "people"),
        (None, False, "all"),
        ("people", False, "people"),
        ("synthetic", True, "synthetic"),
    ],
)
def test_people_are_counted_where_there_are_any(requested: str | None, people: bool, counted: str) -> None:
    """A lab in which only the load generator runs must not look empty."""
    assert traffic_filter.chosen(requested, {}, people) == counted


@pytest.mark.parametrize(
    ("whose", "people", "everything", "expected"),
    [
        ("people", 12, 1_324, "1,312 synthetic page views set apart"),
        ("people", 12, 12, "people's browsers only."),
        ("all", 0, 9, "everything here is synthetic"),
        ("all", 3, 9, "people's and synthetic"),
        ("synthetic", 3, 9, "3 page views of people set apart"),
    ],
)
def test_a_note_names_what_is_counted_and_what_is_set_apart(
    whose: str, people: int, everything: int, expected: str
) -> None:
    assert expected in traffic_filter.note(whose, None, views(people), views(everything))


def test_the_overview_counts_whose_traffic_is_chosen(screens: Screens) -> None:
    """It counted the load generator's page views as if people had made them."""
    counts = {}
    for whose in ("", "?whose=people", "?whose=synthetic", "?whose=all"):
        page = screens.page(f"/rum{whose}")
        stat = next(node for node in page.css(".stat") if "Page views" in text(node))
        counts[whose] = int(text(one(stat, ".value")))
    assert counts[""] == counts["?whose=people"] == 13
    assert counts["?whose=synthetic"] == 36
    assert counts["?whose=all"] == 49
    page = screens.page("/rum?whose=synthetic")
    assert text(one(page, ".traffic [aria-current]")) == "Synthetic"
    assert "whose=synthetic" in attribute(first(page, ".stat a"), "href")
    assert screens.client.get("/rum?whose=nobody").status_code == 400


def test_the_overview_draws_every_count(screens: Screens) -> None:
    titles = [text(node) for node in screens.page("/rum").css(".over-time h3")]
    assert len(titles) == 6
    assert {"Network errors", "Long tasks", "Custom events"} <= set(titles)


def test_updates_count_what_the_page_had_not(screens: Screens) -> None:
    address = updates_address(screens.page("/rum"))
    assert announced(screens.client, address) == ""
    before = address.partition("counted=")[0] + "counted=0"
    found = announced(screens.client, before)
    assert int(found.partition(" new page view")[0]) > 0
    only = announced(screens.client, before + "&metric=js_errors")
    assert "JavaScript error" in only
    assert "page view" not in only
    assert screens.client.get("/rum/updates?counted=" + "9" * 5000 + ".x..-1").status_code == 200


def test_nothing_compares_to_a_window_without_data() -> None:
    """A young lab was red all over."""
    assert count_delta(3, 0, True, None).verdict == ""
    assert count_delta(3, 0, True, Compared(900, 900, 0)).verdict == ""
    assert count_delta(3, 0, True, Compared(900, 900, 900)).verdict == "worse"


def test_a_file_that_failed_to_load_has_a_readable_label() -> None:
    group = ErrorGroup("1", "load", "gone.png", 1, 1, 1, 0, 0, SessionId("s"), SpanId("1"))
    assert error_rows([group])[0].label == "resource failed"


def test_an_absent_value_is_a_filter_and_a_second_click_takes_one_away(screens: Screens) -> None:
    page = screens.page("/rum/tags?metric=page_views&whose=all&attr=enduser.id:")
    assert "enduser.id = not set" in text(one(page, ".chip"))
    assert "Samples 36" in text(one(page, "dl.facts"))
    chosen = one(page, "tr.chosen a")
    assert "not set" in text(chosen)
    assert "attr=" not in attribute(chosen, "href")
    sessions = attribute(one(page, ".page-head .actions > a"), "href")
    assert text(one(screens.page(sessions), "[data-total]")) == "12 sessions"


@pytest.mark.parametrize("path", ["/rum", "/rum/tags"])
def test_a_chart_is_zoomed_without_a_pointer(screens: Screens, path: str) -> None:
    steps = {text(node): attribute(node, "href") for node in screens.page(path).css(".time-steps a")}
    assert {"Earlier", "Zoom in", "Zoom out"} <= steps.keys()
    page = screens.page(steps["Zoom in"])
    assert "Back to live" in text(one(page, ".time-steps"))


def test_an_empty_spotlight_of_an_empty_store_names_no_time(bare: Screens) -> None:
    words = text(one(bare.page("/rum/tags"), "main"))
    assert "never" not in words
    assert "RUM agent" in words


@pytest.mark.parametrize(
    "path",
    ["/rum", "/rum/tags", "/rum/sessions", "/apm", "/apm/services", "/apm/traces", "/apm/tags", "/logs"],
)
def test_an_environment_without_data_is_named_and_left_by_one_click(screens: Screens, path: str) -> None:
    """Empty pages never named the environment, and the way out of them kept it."""
    page = screens.page(f"{path}?env=nope&since=1h")
    empty = first(page, "main .empty")
    assert "environment = nope" in text(empty)
    out = [node for node in empty.css("a") if text(node) == "Show all environments"]
    assert [attribute(node, "href") for node in out] == [f"{path}?since=1h"]
    assert "hipster-shop" not in text(first(page, ".page-head"))


def test_home_lists_nothing_of_another_environment(screens: Screens) -> None:
    page = screens.page("/?env=nope")
    assert not page.css(".latest li")
    assert "environment = nope" in text(one(page, ".chip"))


def test_column_headers_toggle_their_direction_where_there_are_two() -> None:
    start, duration, pages, *_ = [header for header in session_list.column_headers("newest") if header.sort]
    assert (start.sort, start.aria_sort) == ("oldest", "descending")
    assert (duration.sort, duration.aria_sort, pages.sort) == ("longest", "", "pages")
    assert (
        next(header.aria_sort for header in session_list.column_headers("oldest") if header.label == "Start")
        == "ascending"
    )


@pytest.mark.parametrize("sort", list(session_list.SORTS))
def test_every_sort_is_shown_and_survives_clearing_the_filters(screens: Screens, sort: str) -> None:
    page = screens.page(f"/rum/sessions?attr=app:hipster-shop&sort={sort}")
    one(page, "th[aria-sort]")
    clear = next(node for node in page.css("a") if text(node) == "Clear all")
    expected = "/rum/sessions" if sort == "newest" else f"/rum/sessions?sort={sort}"
    assert attribute(clear, "href") == expected


@pytest.mark.parametrize(
    ("typed", "problem"), [("key=page&value=", "Which value of page"), ("key=&value=x", "has the value x")]
)
def test_half_a_filter_is_kept_and_explained(screens: Screens, typed: str, problem: str) -> None:
    page = screens.page(f"/rum/sessions?seat=anna&{typed}")
    assert problem in text(one(page, "[role=alert]"))
    assert "enduser.id = anna" in text(one(page, ".chip"))
    name, value = typed.split("&")[0][4:], typed.partition("value=")[2]
    assert (one(page, "#key").attributes["value"] or "") == name
    assert (one(page, "#value").attributes["value"] or "") == value


def test_later_pages_and_other_orders_take_no_old_session_for_a_new_one(screens: Screens) -> None:
    """Page two announced fifty sessions for ever, and the longest first announced old ones."""
    for sort in session_list.SORTS:
        assert announced(screens.client, updates_address(screens.page(f"/rum/sessions?sort={sort}"))) == ""
    everything = screens.page("/rum/sessions?whose=all")
    cursor = screens.reader.find_sessions(SessionQuery(Window(0, 2**62), limit=2)).next_cursor
    assert updates_address(everything)
    assert not updates_address(screens.page(f"/rum/sessions?whose=all&cursor={cursor}"))
    assert not updates_address(screens.page("/rum/sessions?whose=all&live=0"))


def test_a_listed_session_that_gains_an_error_is_announced(screens: Screens) -> None:
    address = updates_address(screens.page("/rum/sessions?attr=enduser.id:anna"))
    fewer = address.replace(".2", ".1")
    assert fewer != address
    assert announced(screens.client, fewer) == "new errors in 1 session"


def test_the_rows_of_the_list_are_reached_early(screens: Screens) -> None:
    page = screens.page("/rum/sessions")
    assert attribute(one(page, "a.skip-rows"), "href") == "#rows"
    assert attribute(one(page, "#rows"), "tabindex") == "-1"
    assert seed.SESSION in (one(page, "#rows").html or "")


def test_the_form_keeps_other_filters_however_they_are_spelled(screens: Screens) -> None:
    page = screens.page("/rum/sessions?attr=a%253Ab:c&attr=enduser.id:anna")
    kept = [attribute(node, "value") for node in page.css("main form input[name=attr]")]
    assert kept == ["a%3Ab:c"]
