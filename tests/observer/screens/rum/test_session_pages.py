"""A session's pages and pills, its timeline, and why a request has no APM link."""

from __future__ import annotations

from typing import Any

from observer.screens.rum.event_kinds import label_of, pills
from observer.screens.rum.session.event_rows import missing_trace_text
from observer.screens.rum.session.session_pages import ROWS_LIMIT, pages_of, pages_to_show
from observer.screens.rum.session.timeline import timeline_of
from signals.model import Span
from store.api import Presence
from tests.observer.screens.rum.browser_events import events, span

SHOP = "http://shop.test"
LINK: dict[str, Any] = {"link__traceId": "a" * 32, "link__spanId": "b" * 16}


def load(number: int, at_ms: float, path: str, instance: str = "") -> list[Span]:
    own: dict[str, Any] = {"splunk__scriptInstance": instance} if instance else {}
    return [
        span(number, "documentLoad", at_ms, 200, http__url=SHOP + path, **own),
        span(
            number + 1,
            "documentFetch",
            at_ms + 2,
            50,
            parent=number,
            _trace=number,
            http__url=SHOP + path,
            http__method="GET",
            http__status_code="200",
            **LINK,
            **own,
        ),
    ]


def test_a_page_is_one_instance_of_the_agent() -> None:
    found = pages_of(
        events(
            *load(1, 0, "/", "i1"),
            *load(3, 900, "/cart", "i2"),
            span(5, "click", 950, splunk__scriptInstance="i2"),
        ),
        "",
    )
    assert [(page.number, page.path, page.events) for page in found] == [(1, "/", 2), (2, "/cart", 3)]


def test_without_instances_a_document_load_begins_a_page() -> None:
    found = pages_of(
        events(*load(1, 0, "/"), span(7, "click", 300), *load(3, 900, "/cart"), span(8, "click", 990)), ""
    )
    assert [(page.path, page.events) for page in found] == [("/", 3), ("/cart", 3)]


def test_a_document_shows_the_link_of_its_fetch_and_children_are_indented() -> None:
    (page,) = pages_of(events(*load(1, 0, "/", "i")), "")
    document, fetch = page.rows
    assert document.apm_span_id == fetch.apm_span_id == f"{2:016x}"
    assert (document.level, fetch.level) == (1, 2)
    assert not document.no_apm_reason


def test_a_late_route_change_joins_the_page_of_its_trace() -> None:
    """It began a page, then joined an earlier one: the empty page was an error 500."""
    found = pages_of(
        events(*load(1, 0, "/"), *load(3, 900, "/cart"), span(5, "routeChange", 950, _trace=1)), ""
    )
    assert [(page.path, page.events) for page in found] == [("/", 3), ("/cart", 2)]


def test_errors_carry_their_message_and_stack() -> None:
    (page,) = pages_of(
        events(
            span(
                1,
                "onerror",
                0,
                component="error",
                error="true",
                error__object="TypeError",
                error__message="x is undefined",
                error__stack="TypeError: x\n  at f",
            )
        ),
        "",
    )
    (row,) = page.rows
    assert (row.label, row.title, row.colour) == ("Uncaught error", "TypeError: x is undefined", "error")
    assert row.stack.endswith("at f")
    assert page.errors == 1


def test_a_request_without_a_link_has_a_reason() -> None:
    asked: dict[str, Any] = {"component": "fetch", "http__method": "GET", "location__href": SHOP + "/cart"}
    (page,) = pages_of(
        events(
            span(1, "HTTP GET", 0, http__url=SHOP + "/api", http__status_code="200", **asked),
            span(2, "HTTP GET", 1, http__url="https://other.test/api", http__status_code="200", **asked),
            span(3, "HTTP GET", 2, http__url=SHOP + "/api", http__status_code="0", **asked),
            span(4, "HTTP GET", 3, http__url=SHOP + "/api", http__status_code="200", **LINK, **asked),
            span(5, "click", 4),
        ),
        "",
    )
    reasons = [row.no_apm_reason for row in page.rows]
    assert "no usable Server-Timing" in reasons[0]
    assert "another origin" in reasons[1]
    assert "No answer" in reasons[2]
    assert reasons[3:] == ["", ""]


def test_a_missing_trace_was_pruned_or_has_not_arrived() -> None:
    assert "pruned" in missing_trace_text(Presence.PRUNED)
    assert "not arrived" in missing_trace_text(Presence.NEVER_SEEN)
    assert missing_trace_text(Presence.PRESENT) == ""


def test_pills_count_what_occurs_and_choose_rows() -> None:
    found = events(
        *load(1, 0, "/", "i"),
        span(5, "console.error", 5, component="error"),
        span(
            6,
            "HTTP POST",
            6,
            component="fetch",
            http__url=SHOP + "/x",
            http__method="POST",
            http__status_code="500",
        ),
    )
    shown = {pill.name: pill.count for pill in pills(found, "errors")}
    assert shown == {
        "": 4,
        "documents": 1,
        "document-fetches": 1,
        "errors": 1,
        "network-errors": 1,
        "fetch": 1,
    }
    rows = [row.event.name for page in pages_of(found, "network-errors") for row in page.rows]
    assert rows == ["POST /x"]


def test_a_long_session_shows_as_much_as_fits_and_always_what_is_open() -> None:
    clicks = events(*[span(n, "click", n, splunk__scriptInstance=f"i{n // 600}") for n in range(1, 1801)])
    pages = pages_of(clicks, "")
    shown, left_out = pages_to_show(pages, 0, "")
    assert sum(len(page.rows) for page in shown) <= ROWS_LIMIT
    assert left_out == 1800 - sum(len(page.rows) for page in shown)
    last = clicks[-1].span.span_id
    shown, _ = pages_to_show(pages, 0, last)
    assert any(row.event.span.span_id == last for page in shown for row in page.rows)
    shown, left_out = pages_to_show(pages, 2, "")
    assert ([page.number for page in shown], left_out) == ([2], 0)


def test_a_page_that_does_not_fit_is_shown_around_the_opened_event() -> None:
    clicks = events(*[span(n, "click", n, splunk__scriptInstance="i") for n in range(1, 1_801)])
    pages = pages_of(clicks, "")
    for place in (0, 900, 1_799):
        (shown,), left_out = pages_to_show(pages, 0, clicks[place].span.span_id)
        assert (len(shown.rows), left_out) == (ROWS_LIMIT, 1_800 - ROWS_LIMIT)
        assert shown.holds(clicks[place].span.span_id)


def test_errors_are_labelled_by_how_they_were_caught() -> None:
    labels = {"onerror": "Uncaught error", "unhandledrejection": "Unhandled rejection"}
    labels |= {"console.error": "Console error", "other": "JavaScript error"}
    for name, label in labels.items():
        (event,) = events(span(1, name, 0, component="error", error="true"))
        assert label_of(event) == label


def test_the_timeline_marks_failed_requests() -> None:
    found = timeline_of(
        events(
            span(
                1,
                "HTTP POST",
                0,
                10,
                component="fetch",
                http__url=SHOP,
                http__method="POST",
                http__status_code="500",
            ),
            span(
                2,
                "HTTP POST",
                1,
                10,
                component="fetch",
                http__url=SHOP,
                http__method="POST",
                http__status_code="200",
            ),
        )
    )
    requests = next(track for track in found.tracks if track.label == "Requests")
    assert [mark.failed for mark in requests.marks] == [True, False]
    assert [mark.colour for mark in requests.marks] == ["error", "fetch"]
