"""The waterfall of a session as it is drawn: its lines, its bars, an opened event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from observer.screens.rum.session.event_detail import EventDetail
from observer.screens.rum.session.event_links import SessionLinks, links_of
from observer.screens.rum.session.session_pages import pages_of
from observer.screens.rum.session.waterfall_lines import (
    Drawing,
    EventLine,
    RunLine,
    WaterfallPage,
    bar_of,
    waterfall_of,
)
from signals.model import Event, SessionId, Span, TraceId
from tests.observer.screens import Screens
from tests.observer.screens.rum.browser_events import MS, START, events, span

SHOP = "http://shop.test"
LINK: dict[str, Any] = {"link__traceId": "a" * 32, "link__spanId": "b" * 16}
BACKEND = TraceId("a" * 32)


@pytest.fixture
def links(screens: Screens) -> Iterator[SessionLinks]:
    with screens.app.test_request_context("/rum/sessions/s"):
        yield links_of(SessionId("s"), frozenset(), {})


def drawn(links: SessionLinks, *spans: Span, kind: str = "", **changes: Any) -> tuple[WaterfallPage, ...]:
    drawing = Drawing(kind=kind, opened="", links=links, arrived=(), missing_trace="", session_start_ns=START)
    return waterfall_of(pages_of(events(*spans), kind), replace(drawing, **changes))


def resources(number: int) -> list[Span]:
    answered: dict[str, Any] = {"http__method": "GET", "http__status_code": "200"}
    return [
        span(n, "resourceFetch", n, 2, http__url=f"{SHOP}/{n}.js", **answered) for n in range(1, number + 1)
    ]


def fetch(number: int, at_ms: float, ms: float, **tags: Any) -> Span:
    asked: dict[str, Any] = {"component": "fetch", "http__method": "GET", "http__url": f"{SHOP}/api"}
    return span(number, "HTTP GET", at_ms, ms, **asked, **tags)


def the_event(pages: tuple[WaterfallPage, ...]) -> EventLine:
    ((line,),) = (page.lines for page in pages)
    assert isinstance(line, EventLine)
    return line


def test_a_folded_run_is_one_line_before_its_hidden_events(links: SessionLinks) -> None:
    (page,) = drawn(links, *resources(3))
    run, *rows = page.lines
    assert isinstance(run, RunLine)
    assert (run.title, run.statuses, run.when) == ("3 resources", (200,), "4 ms from the first to the last")
    assert [(row.folded, row.level) for row in rows if isinstance(row, EventLine)] == [(True, 2)] * 3


def test_the_pill_of_resources_shows_each_of_them(links: SessionLinks) -> None:
    (page,) = drawn(links, *resources(3), kind="resources")
    assert [line.is_run for line in page.lines] == [False] * 3


def test_pages_without_a_row_are_left_out(links: SessionLinks) -> None:
    assert drawn(links, span(1, "click", 0), kind="errors") == ()


def test_a_line_says_when_and_whether_its_trace_is_here(links: SessionLinks) -> None:
    made = fetch(1, 5, 20, http__status_code="200", **LINK)
    line = the_event(drawn(links, made, arrived={BACKEND}))
    assert line.when == "20 ms, 0 ms after the page began"
    assert line.trace_arrived
    assert not the_event(drawn(links, made)).trace_arrived


@pytest.mark.parametrize(
    ("made", "mark"),
    [
        (span(1, "onerror", 0, component="error", error="true"), "error origin"),
        (fetch(1, 0, 5, http__status_code="500"), "error"),
        (fetch(1, 0, 5, http__status_code="200"), ""),
    ],
)
def test_failures_carry_a_mark_for_the_keyboard(links: SessionLinks, made: Span, mark: str) -> None:
    assert the_event(drawn(links, made)).mark == mark


def test_a_page_with_moments_has_a_higher_axis(links: SessionLinks) -> None:
    load = span(1, "documentLoad", 0, 400, http__url=SHOP)
    moments = replace(load, events=(Event("loadEventEnd", START + 390 * MS, {}),))
    (plain,), (marked,) = drawn(links, load), drawn(links, moments)
    assert marked.scale_height > plain.scale_height
    assert marked.lasts == "lasts 400 ms"
    assert marked.ground_id == "ground-1"
    assert marked.quarters == ("25%", "50%", "75%")


def test_a_bar_is_never_invisible_and_its_label_has_room() -> None:
    wide = bar_of(10, 40, "1 s", label_before=False)
    assert (wide.x, wide.width, wide.label_x) == ("10.000%", "40.000%", "50.000%")
    late = bar_of(80, 20, "1 s", label_before=True)
    assert late.label_x == "80.000%"
    moment = bar_of(100, 0, "0 ms", label_before=True)
    assert (moment.x, moment.width) == ("99.700%", "3")


def opened(links: SessionLinks, made: Span, **changes: Any) -> EventDetail:
    detail = the_event(drawn(links, made, opened=made.span_id, **changes)).detail
    assert detail is not None
    return detail


def test_an_opened_event_shows_its_times_and_its_tags_with_links(links: SessionLinks) -> None:
    detail = opened(links, fetch(1, 5, 20, enduser__id="anna"))
    assert detail.into_session == "+5 ms into the session"
    assert (detail.apm_subject, detail.timings_title, detail.resource_title) == ("request", "", "")
    tags = {tag.name: tag.links for tag in detail.tags.rows}
    assert tags["enduser.id"].spotlight == "/rum/tags?attr=enduser.id%3Aanna"
    assert tags["http.url"].spotlight == ""
    assert (detail.tags.searchable, detail.tags.left_out) == (False, "")
    assert "no usable Server-Timing" in detail.no_apm_reason


def test_an_opened_event_counts_what_it_does_not_show(links: SessionLinks) -> None:
    made = fetch(1, 0, 5, **{f"tag__{n}": n for n in range(300)})
    moments = tuple(Event(f"m{n}", START + n, {}) for n in range(150))
    detail = opened(links, replace(made, events=moments, resource={"host.name": "lab"}))
    assert len(detail.tags.rows) == 200
    assert detail.tags.left_out.startswith("103 more attributes")
    assert detail.tags.searchable
    assert (len(detail.timings), detail.timings_title) == (100, "150 timings")
    assert detail.resource_title == "Resource: 1 attribute"


def test_a_missing_trace_is_explained_where_its_link_would_be(links: SessionLinks) -> None:
    detail = opened(links, fetch(1, 0, 5, **LINK), missing_trace="It was pruned.")
    assert detail.missing_trace == "It was pruned."
    assert detail.apm_span_id == f"{1:016x}"


def test_a_value_too_long_or_empty_has_no_links(links: SessionLinks) -> None:
    assert links.tag_links("page", "x" * 300).sessions == ""
    assert links.tag_links("page", "").sessions == ""
    assert links.tag_links(" ", "x").sessions == ""


def test_links_fold_and_unfold_a_run(screens: Screens) -> None:
    with screens.app.test_request_context("/rum/sessions/s?unfold=a,b&kind=fetch"):
        found = links_of(SessionId("s"), frozenset("ab"), {"kind": "fetch"})
        assert found.toggle_run("a") == "/rum/sessions/s?kind=fetch&unfold=b#r-a"
        assert found.toggle_run("c") == "/rum/sessions/s?kind=fetch&unfold=a,b,c#r-c"
        assert found.open_event("9") == "/rum/sessions/s?unfold=a%2Cb&kind=fetch&event=9#e-9"
        assert found.show_event("9") == "/rum/sessions/s?unfold=a%2Cb&event=9#e-9"
        assert found.dialog("9") == "/rum/sessions/s/apm/9?kind=fetch"
