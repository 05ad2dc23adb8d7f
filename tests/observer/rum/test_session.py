"""A session's rows, pages and pills; why a request has no APM link."""

from __future__ import annotations

from typing import Any

from observer.screens.rum.event_kinds import pills
from observer.screens.rum.session.event_rows import where_is
from observer.screens.rum.session.timeline import lanes_of
from observer.screens.rum.session.view import ROWS_LIMIT, pages_of, pages_to_show
from signals.model import Span
from store.api import Presence
from tests.observer.rum.events import events, span

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


def test_a_page_is_one_life_of_the_agent() -> None:
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


def test_a_document_shows_the_link_of_its_fetch_and_children_are_set_in() -> None:
    (page,) = pages_of(events(*load(1, 0, "/", "i")), "")
    document, fetch = page.rows
    assert document.apm_span_id == fetch.apm_span_id == f"{2:016x}"
    assert (document.level, fetch.level) == (1, 2)
    assert not document.why_no_apm


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
    assert (row.word, row.title, row.colour) == ("Uncaught error", "TypeError: x is undefined", "error")
    assert row.stack.endswith("at f")
    assert page.errors == 1


def test_a_request_without_a_link_says_why() -> None:
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
    reasons = [row.why_no_apm for row in page.rows]
    assert "no usable Server-Timing" in reasons[0]
    assert "another origin" in reasons[1]
    assert "No answer" in reasons[2]
    assert reasons[3:] == ["", ""]


def test_a_trace_that_is_not_here_says_whether_it_was_pruned() -> None:
    assert "pruned" in where_is(Presence.PRUNED)
    assert "not arrived" in where_is(Presence.NEVER_SEEN)
    assert where_is(Presence.PRESENT) == ""


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
    many = events(*[span(n, "click", n, splunk__scriptInstance=f"i{n // 600}") for n in range(1, 1801)])
    pages = pages_of(many, "")
    shown, left_out = pages_to_show(pages, 0, "")
    assert sum(len(page.rows) for page in shown) <= ROWS_LIMIT
    assert left_out == 1800 - sum(len(page.rows) for page in shown)
    last = many[-1].span.span_id
    shown, _ = pages_to_show(pages, 0, last)
    assert any(row.event.span.span_id == last for page in shown for row in page.rows)
    shown, left_out = pages_to_show(pages, 2, "")
    assert ([page.number for page in shown], left_out) == ([2], 0)


def test_lanes_tell_failed_requests_apart() -> None:
    found = lanes_of(
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
    requests = next(lane for lane in found.lanes if lane.label == "Requests")
    assert [mark.failed for mark in requests.marks] == [True, False]
    assert [mark.colour for mark in requests.marks] == ["error", "fetch"]
