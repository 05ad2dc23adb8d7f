"""Rows of a session: their order, what a document takes from its fetch, what folds, what is marked."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from observer.screens.rum.session.compressed_time import scale
from observer.screens.rum.session.event_rows import Row, in_tree_order
from observer.screens.rum.session.first_errors import findings_of, has_gaps
from observer.screens.rum.session.page_timings import Tick, fit, markers_of, ticks_of
from observer.screens.rum.session.resource_folding import Run
from observer.screens.rum.session.view import PageOfSession, pages_of
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


def lines(*spans: Span, kind: str = "", unfolded: str = "", opened: str = "") -> list[Row | Run]:
    (page,) = pages_of(events(*spans), kind)
    return list(page.lines(kind, frozenset({unfolded}), opened))


def names(found: list[Row | Run]) -> list[str]:
    return [f"{len(line.rows)} folded" if isinstance(line, Run) else line.event.span.name for line in found]


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


def test_a_circle_of_parents_loses_no_event() -> None:
    found = in_tree_order(
        events(span(1, "a", 0, parent=2, _trace=9), span(2, "b", 1, parent=1, _trace=9), span(3, "c", 2))
    )
    assert sorted(event.span.name for event in found) == ["a", "b", "c"]


def test_a_document_whose_fetch_failed_is_red_itself() -> None:
    """A document answered with 500 stood there untinted and without a status."""
    document, fetch = lines(
        span(1, "documentLoad", 0, 9, _trace=9, http__url=SHOP),
        span(2, "documentFetch", 1, 5, parent=1, _trace=9, http__url=SHOP, http__status_code="500"),
    )
    assert isinstance(document, Row)
    assert isinstance(fetch, Row)
    assert (document.status, document.failed, document.flagged) == (500, True, False)
    assert not document.event.error


def test_a_failure_without_a_bad_status_is_flagged() -> None:
    """A custom event in error was told by its tint alone."""
    found = lines(span(1, "PlaceOrder", 0, error="true"), resource(2, 1, status="404"), span(3, "Saved", 2))
    assert [line.flagged for line in found if isinstance(line, Row)] == [True, False, False]


def test_resources_in_a_row_fold_and_failed_ones_never_do() -> None:
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
    assert isinstance(last, Run)
    assert (last.statuses, last.slowest.event.span.duration_ns, last.duration_ns) == (
        (200,),
        28 * MS,
        29 * MS,
    )
    assert not last.open


def test_a_run_is_open_where_the_address_says_so_or_an_event_of_it_is_read() -> None:
    spans = [resource(n, n) for n in range(1, 4)]
    key = f"{1:016x}"
    for found in (
        lines(*spans, unfolded=key),
        lines(*spans, unfolded="all"),
        lines(*spans, opened=f"{3:016x}"),
    ):
        (run,) = found
        assert isinstance(run, Run)
        assert run.open
        assert run.key == key


def test_the_pill_of_resources_shows_each_of_them() -> None:
    assert names(lines(*[resource(n, n) for n in range(1, 4)], kind="resources")) == ["resourceFetch"] * 3


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
    line = scale((event.span.start_unix_nano, event.span.end_unix_nano) for event in found)
    moments = markers_of(found, line)
    assert [(m.short, m.after_ns // MS) for m in moments] == [
        ("FP", 120),
        ("DCL", 180),
        ("LCP", 350),
        ("Load", 390),
    ]
    assert [m.at for m in moments] == sorted(m.at for m in moments)
    assert next(m for m in moments if m.short == "Load").labelled
    assert markers_of(found[1:], line) == ()


def test_a_moment_outside_the_page_is_left_out() -> None:
    found = events(document(("loadEventEnd", 390)), span(2, "webvitals", 400, lcp="99999"))
    line = scale((event.span.start_unix_nano, event.span.end_unix_nano) for event in found)
    assert [m.short for m in markers_of(found, line)] == ["Load"]


def test_texts_of_the_axis_never_touch() -> None:
    """`idle 6.2 s` was written over the total at the right end."""
    line = scale([(0, S), (8 * S, 8 * S + 10 * MS)])
    ticks = ticks_of(line)
    assert [tick.text for tick in ticks][-1] == "8.01 s"
    early = ticks_of(scale([(0, S // 10), (8 * S, 9 * S)]))
    assert [tick.text for tick in early][:2] == ["0", "⋯"]
    crowded = [Tick(float(at), "1.23 s", "middle") for at in range(0, 101, 2)]
    kept = fit(crowded)
    places = sorted(tick.at for tick in kept)
    assert all(b - a >= 13 for a, b in pairwise(places))


def test_quarters_of_a_line_are_written_where_it_is_not_cut() -> None:
    assert [tick.text for tick in ticks_of(scale([(0, S)]))] == ["0", "250 ms", "500 ms", "750 ms", "1 s"]


def test_the_first_error_is_the_thrown_one_not_the_consoles_line_about_it() -> None:
    where: dict[str, Any] = {"location__href": f"{SHOP}/cart"}
    found = findings_of(
        events(
            span(1, "documentLoad", 0, http__url=SHOP),
            span(2, "console.error", 10, component="error", error__message="oh"),
            span(3, "onerror", 13, component="error", error__object="TypeError", error__message="x", **where),
            resource(4, 20, status="404"),
        )
    )
    assert (found.errors, found.network_errors, found.documents, found.failures) == (2, 1, 1, 3)
    assert found.error is not None
    assert (found.error.title, found.error.page, found.error.after_ns) == ("TypeError: x", "/cart", 13 * MS)
    assert found.request is not None
    assert (found.request.title, found.request.status, found.request.page) == ("GET /a.js", 404, "")


def test_a_console_line_long_before_another_error_is_the_first() -> None:
    found = findings_of(
        events(
            span(1, "console.error", 0, component="error", error__message="oh"),
            span(2, "onerror", 5_000, component="error", error__message="later"),
        )
    )
    assert found.error is not None
    assert found.error.title == "oh"


@pytest.mark.parametrize(
    ("start_ms", "views", "errors", "gaps"),
    [(0, 1, 1, False), (-5, 1, 1, True), (0, 2, 1, True), (0, 1, 2, True), (0, 0, 0, False)],
)
def test_a_session_that_is_half_pruned_says_so(start_ms: int, views: int, errors: int, gaps: bool) -> None:
    """Its facts counted what its rows no longer showed, and nothing said why."""
    found = events(span(1, "documentLoad", 0, http__url=SHOP), span(2, "onerror", 9, component="error"))
    summary = SessionSummary(SessionId("s"), START + start_ms * MS, S, "", "", views, errors, 0, 2, START, {})
    assert has_gaps(summary, found, findings_of(found)) is gaps


def test_a_page_knows_its_events_whatever_kind_is_chosen() -> None:
    pages = pages_of(events(span(1, "click", 0), resource(2, 1, status="404")), "actions")
    assert [(page.events, len(page.rows), page.network_errors) for page in pages] == [(2, 1, 1)]
    assert isinstance(pages[0], PageOfSession)
