"""The panels of a session's screen: facts, list of pages, backend traces, what is not shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from observer.screens.rum.session.event_links import SessionLinks, links_of
from observer.screens.rum.session.first_errors import failures_of
from observer.screens.rum.session.session_pages import pages_of
from observer.screens.rum.session.timeline import timeline_of
from observer.screens.rum.session.view import (
    Loaded,
    Selection,
    SessionView,
    opened_row,
    session_view,
    trace_list,
)
from signals.model import ServiceInTrace, SessionId, Span, SpanError, TraceId
from store.api import SessionSummary, TraceSummary
from tests.observer.screens import Screens
from tests.observer.screens.rum.browser_events import START, events, span

ALL = Selection(kind="", page=0, event="", dialog="", all_traces=False)
SHOP = "http://shop.test"


@pytest.fixture
def links(screens: Screens) -> Iterator[SessionLinks]:
    with screens.app.test_request_context("/rum/sessions/s"):
        yield links_of(SessionId("s"), frozenset(), {})


def loaded(*spans: Span, **tags: Any) -> Loaded:
    found = events(*spans)
    failures = failures_of(found)
    summary = SessionSummary(
        SessionId("s"), START, 10**9, "shop", "lab", 0, failures.errors, 0, len(found), START, tags
    )
    return Loaded(summary, found, pages_of(found, ""), (), {}, failures)


def view(links: SessionLinks, *spans: Span, selection: Selection = ALL, **tags: Any) -> SessionView:
    return session_view(loaded(*spans, **tags), selection, links, "")


def clicks(number: int, instances: int = 1) -> list[Span]:
    return [span(n, "click", n, splunk__scriptInstance=f"i{n % instances}") for n in range(1, number + 1)]


def error(number: int, at_ms: float) -> Span:
    return span(number, "onerror", at_ms, component="error", error__message="oh")


def test_facts_name_the_seat_the_browser_and_the_first_failure(links: SessionLinks) -> None:
    tags: dict[str, Any] = {"enduser.id": "anna", "browser.name": "Chrome", "os.name": "Linux"}
    facts = view(links, span(1, "click", 0), error(2, 5), **tags).facts
    assert (facts.seat, facts.browser, facts.system, facts.synthetic) == ("anna", "Chrome", "Linux", False)
    assert facts.errors.count == 1
    assert [(label, first.title) for label, first in facts.firsts] == [("First error", "oh")]


def test_pages_are_listed_with_their_counts_up_to_a_limit(links: SessionLinks) -> None:
    pages = view(links, *clicks(250, 250), error(300, 1)).pages
    assert (pages.title, pages.all_events, pages.all_current) == ("251 pages", "251 events", True)
    assert len(pages.entries) == 200
    assert pages.left_out == "51 more pages not listed."
    assert [entry.errors for entry in pages.entries if entry.errors] == ["1 error"]


def test_the_chosen_page_is_current_and_its_events_are_counted(links: SessionLinks) -> None:
    found = view(links, *clicks(4, 2), selection=replace(ALL, page=2))
    assert [entry.current for entry in found.pages.entries] == [False, True]
    assert found.pills[0].count == 2
    assert len(found.waterfall) == 1


def test_rows_that_do_not_fit_are_counted(links: SessionLinks) -> None:
    found = view(links, *clicks(1_000, 2))
    assert found.left_out.startswith("500 rows not shown here")
    assert found.cut == ""


def test_a_named_event_is_open_elsewhere_or_unknown(links: SessionLinks) -> None:
    made = clicks(4, 2)
    open_here = replace(ALL, event=made[0].span_id)
    assert view(links, *made, selection=open_here).unseen == ""
    # Events 1 and 3 are of the first page.
    assert view(links, *made, selection=replace(open_here, page=2)).unseen == "elsewhere"
    assert view(links, *made, selection=replace(ALL, event="f" * 16)).unseen == "unknown"


def test_an_opened_row_is_found_on_any_page() -> None:
    pages = pages_of(events(*clicks(4, 2)), "")
    row = opened_row(pages, f"{3:016x}")
    assert row is not None
    assert row.event.span.span_id == f"{3:016x}"
    assert opened_row(pages, "") is None


def traces(number: int) -> list[TraceSummary]:
    services = (
        ServiceInTrace("shop", 2, SpanError.RECEIVED),
        ServiceInTrace("pay", 1, SpanError.ORIGIN),
        ServiceInTrace("ad", 1, SpanError.NONE),
    )
    return [
        TraceSummary(TraceId(f"{n:032x}"), "shop", "/", 0, 1, 4, 2, 1, services, None, True, {})
        for n in range(1, number + 1)
    ]


def test_traces_are_listed_up_to_a_limit_or_all() -> None:
    few, first, every = (
        trace_list(traces(2), False),
        trace_list(traces(40), False),
        trace_list(traces(40), True),
    )
    assert (len(few.rows), few.more, few.expandable) == (2, "", False)
    assert (len(first.rows), first.more, first.expandable) == (25, "15 more traces", True)
    assert (len(every.rows), every.more, every.expandable) == (40, "", True)
    assert few.rows[0].failing == (("shop", 2, "received"), ("pay", 1, "origin"))
    assert few.rows[0].short_id == f"{1:016x}"[:8]


def test_a_timeline_counts_its_tracks_and_explains_its_cuts() -> None:
    found = timeline_of(events(span(1, "click", 0), span(2, "documentLoad", 60_000, 9, http__url=SHOP)))
    assert found.summary == "1 pages, 0 requests, 0 errors, 1 actions"
    assert found.cut_note.startswith("Shaded: nothing happened for longer than 1.5 s;")
    assert timeline_of(events(span(1, "click", 0))).cut_note == ""


def test_a_crowded_track_keeps_its_failures() -> None:
    spans = [span(n, "PlaceOrder", n) for n in range(1, 600)] + [span(600, "PlaceOrder", 600, error="true")]
    actions = timeline_of(events(*spans)).tracks[3]
    assert (actions.count, len(actions.marks)) == (600, 400)
    assert actions.marks[-1].failed


def test_a_mark_at_the_end_of_a_track_is_visible() -> None:
    track = timeline_of(events(span(1, "click", 0), span(2, "click", 1_000))).tracks[3]
    last = track.marks[-1]
    assert (last.svg_x, last.svg_width) == ("99.70%", "0.30%")
