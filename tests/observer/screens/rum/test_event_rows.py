"""Rows of a session: their order, what a document takes from its fetch, folding, moments, first failures."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from observer.screens.rum.session.compressed_time import time_scale
from observer.screens.rum.session.event_rows import EventRow, in_tree_order
from observer.screens.rum.session.first_errors import failures_of, has_gaps
from observer.screens.rum.session.page_timings import Tick, fit, markers_of, ticks_of
from observer.screens.rum.session.resource_folding import ResourceRun, fold_resources
from observer.screens.rum.session.session_pages import PageOfSession, pages_of
from signals.model import Event, SessionId, Span
from store.api import SessionSummary
from tests.observer.screens.rum.browser_events import MS, START, events, span

SHOP = "http://shop.test"
S = 1_000_000_000


def resource(number: int, at_ms: float, ms: float = 1, status: str = "200", name: str = "a.js") -> Span:
    return span(
        number,
        "resourceFetch",
        at_ms,
        ms,
        http__url=f"{SHOP}/{name}",
        http__method="GET",
        http__status_code=status,
    )


def lines(*spans: Span, unfolded: str = "", opened: str = "") -> list[EventRow | ResourceRun]:
    (page,) = pages_of(events(*spans), "")
    return list(fold_resources(page.rows, frozenset({unfolded}), opened))


def names(found: list[EventRow | ResourceRun]) -> list[str]:
    return [
        f"{len(line.rows)} folded" if isinstance(line, ResourceRun) else line.event.span.name
        for line in found
    ]


def test_a_parent_stands_before_its_children_though_they_began_with_it() -> None:
    """`Document fetch` was drawn indented above its `Document load`: both begin at once, by id."""
    fetch = span(1, "documentFetch", 0, 5, parent=2, _trace=9)
    found = in_tree_order(
        events(
            fetch,
            span(2, "documentLoad", 0, 9, _trace=9),
            span(3, "click", 1),
            span(4, "b", 2, parent=1, _trace=9),
        )
    )
    assert [event.span.name for event in found] == ["documentLoad", "documentFetch", "b", "click"]


def test_events_whose_parents_form_a_cycle_are_kept() -> None:
    found = in_tree_order(
        events(span(1, "a", 0, parent=2, _trace=9), span(2, "b", 1, parent=1, _trace=9), span(3, "c", 2))
    )
    assert sorted(event.span.name for event in found) == ["a", "b", "c"]


def test_a_document_whose_fetch_failed_is_marked_as_failed() -> None:
    """A document answered with 500 stood there untinted and without a status."""
    document, fetch = lines(
        span(1, "documentLoad", 0, 9, _trace=9, http__url=SHOP),
        span(2, "documentFetch", 1, 5, parent=1, _trace=9, http__url=SHOP, http__status_code="500"),
    )
    assert isinstance(document, EventRow)
    assert isinstance(fetch, EventRow)
    assert (document.status, document.failed, document.flagged) == (500, True, False)
    assert not document.event.error


def test_a_failure_without_a_bad_status_is_flagged() -> None:
    """Only its tint showed that a custom event had failed."""
    found = lines(span(1, "PlaceOrder", 0, error="true"), resource(2, 1, status="404"), span(3, "Saved", 2))
    assert [line.flagged for line in found if isinstance(line, EventRow)] == [True, False, False]


def test_consecutive_resources_fold_and_failed_ones_never_do() -> None:
    """The first error of a page lay three screens down, below 32 resources."""
    spans = [resource(n, n) for n in range(1, 6)]
    spans += [
        resource(6, 6, status="404"),
        resource(7, 7),
        span(8, "click", 8),
        resource(9, 9),
        resource(10, 10, 28),
    ]
    found = lines(*spans)
    assert names(found) == ["5 folded", "resourceFetch", "resourceFetch", "click", "2 folded"]
    last = found[-1]
    assert isinstance(last, ResourceRun)
    assert (last.statuses, last.slowest.event.span.duration_ns, last.duration_ns) == (
        (200,),
        28 * MS,
        29 * MS,
    )
    assert not last.open


def test_a_run_is_open_if_it_is_unfolded_or_holds_the_opened_event() -> None:
    spans = [resource(n, n) for n in range(1, 4)]
    key = f"{1:016x}"
    for found in (
        lines(*spans, unfolded=key),
        lines(*spans, unfolded="all"),
        lines(*spans, opened=f"{3:016x}"),
    ):
        (run,) = found
        assert isinstance(run, ResourceRun)
        assert run.open
        assert run.key == key


def document(*moments: tuple[str, float]) -> Span:
    made = span(1, "documentLoad", 0, 400, http__url=SHOP)
    return replace(made, events=tuple(Event(name, START + round(ms * MS), {}) for name, ms in moments))


def test_moments_of_a_page_are_those_of_its_document_and_its_vitals() -> None:
    """LCP, first paint and load were nowhere on the line."""
    found = events(
        document(("firstPaint", 120), ("domContentLoadedEventEnd", 180), ("loadEventEnd", 390), ("other", 5)),
        span(2, "webvitals", 900, lcp="350"),
        span(3, "webvitals", 901, cls="0.1"),
        span(4, "webvitals", 902, lcp="junk"),
    )
    scale = time_scale((event.span.start_unix_nano, event.span.end_unix_nano) for event in found)
    moments = markers_of(found, scale)
    assert [(m.short, m.after_ns // MS) for m in moments] == [
        ("FP", 120),
        ("DCL", 180),
        ("LCP", 350),
        ("Load", 390),
    ]
    assert [m.at for m in moments] == sorted(m.at for m in moments)
    assert next(m for m in moments if m.short == "Load").labelled
    assert markers_of(found[1:], scale) == ()


def test_a_moment_outside_the_page_is_left_out() -> None:
    found = events(document(("loadEventEnd", 390)), span(2, "webvitals", 400, lcp="99999"))
    scale = time_scale((event.span.start_unix_nano, event.span.end_unix_nano) for event in found)
    assert [m.short for m in markers_of(found, scale)] == ["Load"]


def test_labels_of_the_axis_never_touch() -> None:
    """`idle 6.2 s` was written over the total at the right end."""
    scale = time_scale([(0, S), (8 * S, 8 * S + 10 * MS)])
    ticks = ticks_of(scale)
    assert [tick.text for tick in ticks][-1] == "8.01 s"
    early = ticks_of(time_scale([(0, S // 10), (8 * S, 9 * S)]))
    assert [tick.text for tick in early][:2] == ["0", "⋯"]
    crowded = [Tick(float(at), "1.23 s", "middle") for at in range(0, 101, 2)]
    kept = fit(crowded)
    places = sorted(tick.at for tick in kept)
    assert all(b - a >= 13 for a, b in pairwise(places))


def test_quarters_of_a_line_are_written_where_it_is_not_cut() -> None:
    assert [tick.text for tick in ticks_of(time_scale([(0, S)]))] == [
        "0",
        "250 ms",
        "500 ms",
        "750 ms",
        "1 s",
    ]


def test_the_first_error_is_the_thrown_one_not_the_consoles_line_about_it() -> None:
    where: dict[str, Any] = {"location__href": f"{SHOP}/cart"}
    found = failures_of(
        events(
            span(1, "documentLoad", 0, http__url=SHOP),
            span(2, "console.error", 10, component="error", error__message="oh"),
            span(3, "onerror", 13, component="error", error__object="TypeError", error__message="x", **where),
            resource(4, 20, status="404"),
        )
    )
    assert (found.errors, found.network_errors, found.documents, found.total) == (2, 1, 1, 3)
    assert found.first_error is not None
    assert (found.first_error.title, found.first_error.page, found.first_error.after_ns) == (
        "TypeError: x",
        "/cart",
        13 * MS,
    )
    assert found.first_request is not None
    assert (found.first_request.title, found.first_request.status, found.first_request.page) == (
        "GET /a.js",
        404,
        "",
    )


def test_a_console_line_long_before_another_error_is_the_first() -> None:
    found = failures_of(
        events(
            span(1, "console.error", 0, component="error", error__message="oh"),
            span(2, "onerror", 5_000, component="error", error__message="later"),
        )
    )
    assert found.first_error is not None
    assert found.first_error.title == "oh"


@pytest.mark.parametrize(
    ("start_ms", "views", "errors", "gaps"),
    [(0, 1, 1, False), (-5, 1, 1, True), (0, 2, 1, True), (0, 1, 2, True), (0, 0, 0, False)],
)
def test_a_session_whose_summary_counts_more_than_its_events_has_gaps(
    start_ms: int, views: int, errors: int, gaps: bool
) -> None:
    """Its facts counted what its rows no longer showed, and nothing said why."""
    found = events(span(1, "documentLoad", 0, http__url=SHOP), span(2, "onerror", 9, component="error"))
    summary = SessionSummary(SessionId("s"), START + start_ms * MS, S, "", "", views, errors, 0, 2, START, {})
    assert has_gaps(summary, found, failures_of(found)) is gaps


def test_a_page_knows_its_events_whatever_kind_is_chosen() -> None:
    pages = pages_of(events(span(1, "click", 0), resource(2, 1, status="404")), "actions")
    assert [(page.events, len(page.rows), page.network_errors) for page in pages] == [(2, 1, 1)]
    assert isinstance(pages[0], PageOfSession)
