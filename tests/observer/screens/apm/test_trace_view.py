"""The page of a trace in words and numbers: notes, choices, the span panel. Pure; no store, no template."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observer.screens.apm.trace import view, waterfall
from observer.screens.apm.trace.row_folding import FOLD_DEPTH
from observer.screens.apm.trace.span_panel import SpanPanel, span_panel
from observer.screens.apm.trace.trace_facts import facts_of
from observer.screens.apm.trace.waterfall_filter import WaterfallFilter
from signals.model import Event, Link, Span, SpanId, SpanKind, StatusCode, TraceId
from signals.trace_analysis import analyse
from tests.store.build import MS, T0, TRACE, failing_checkout, span, span_id

OTHER = TraceId("9" * 32)


def _page(spans: list[Span], filters: WaterfallFilter | None = None) -> view.TracePage:
    filters = filters or WaterfallFilter()
    analysis = analyse(spans)
    facts = facts_of(TRACE, analysis, None, truncated=False)
    rows = waterfall.build(analysis, filters)
    opened = rows.row_of(filters.opened) if filters.opened else None
    return view.build(facts, rows, filters, opened, view.TraceData(event=None, logs=15, span_logs=2))


def _wide(steps: int) -> list[Span]:
    spans = [span(1, 0, "a", "entry", kind=SpanKind.SERVER, ms=9000)]
    return [*spans, *(span(n, 1, "a", f"step {n}", start_ms=n, ms=1) for n in range(2, steps + 1))]


def test_the_facts_of_a_trace_name_its_entry_and_when_it_is_complete() -> None:
    page = _page(failing_checkout())

    assert page.facts.title == "frontend: POST /cart/checkout"
    assert page.facts.short_id == TRACE[:8]
    assert page.facts.complete
    assert page.summary == "10 spans in 3 services"
    assert page.logs == 15


def test_a_trace_without_an_entry_is_titled_by_its_id() -> None:
    page = _page([span(1, browser=True, session="s")])

    assert page.facts.title == f"Trace {TRACE[:8]}"
    assert not page.facts.complete


def test_the_shares_of_a_trace_are_drawn_with_a_label_for_screen_readers() -> None:
    bar = _page(failing_checkout()).facts.shares_bar

    assert "Performance Summary: Application" in bar
    assert "percent" in bar


def test_the_end_of_the_critical_path_is_given_only_where_the_trace_runs_on() -> None:
    spans = [
        span(1, 0, "a", "entry", kind=SpanKind.SERVER, ms=10),
        span(2, 1, "a", "late", start_ms=5, ms=50),
    ]

    assert _page(spans).facts.path_end_ns == 10 * MS
    assert _page(spans[:1]).facts.path_end_ns is None


def test_each_choice_of_errors_has_its_count_and_the_current_one_is_marked() -> None:
    choices = _page(failing_checkout(), WaterfallFilter(errors="root")).error_choices

    assert [(each.label, each.count, each.current) for each in choices] == [
        ("All", 10, False),
        ("Errors", 8, False),
        ("Root cause", 3, True),
    ]


@pytest.mark.parametrize(
    ("filters", "note"),
    [
        (WaterfallFilter(), ""),
        (WaterfallFilter(errors="root"), "3 of 10 spans match; the others are dimmed."),
        (WaterfallFilter(errors="root", matches_only=True), "3 of 10 spans match."),
    ],
)
def test_the_number_of_matches_is_noted(filters: WaterfallFilter, note: str) -> None:
    assert _page(failing_checkout(), filters).match_note == note


def test_a_large_trace_notes_how_deep_it_is_unfolded() -> None:
    small, large = _page(_wide(30)), _page(_wide(2100))

    assert small.fold_note == ""
    assert f"deeper than {FOLD_DEPTH} levels" in large.fold_note


@pytest.mark.parametrize(
    ("filters", "note"),
    [
        (WaterfallFilter(), "Rows 1 to 1,000 of 1,500. Error origins of all pages are shown on every page."),
        (WaterfallFilter(offset=1000, text="step", matches_only=True), "Rows 1,001 to 1,499 of 1,499."),
        (
            WaterfallFilter(text="step"),
            "Rows 1 to 1,000 of 1,500. Error origins and matches of all pages are shown on every page.",
        ),
    ],
)
def test_the_rows_of_a_page_are_noted(filters: WaterfallFilter, note: str) -> None:
    assert _page(_wide(1500), filters).paging_note == note


def test_a_trace_that_fits_one_page_has_no_paging_note() -> None:
    assert _page(failing_checkout()).paging_note == ""


@pytest.mark.parametrize(("text", "reason"), [("", "has not arrived"), ("nothing", "filters exclude it")])
def test_an_opened_span_that_is_not_shown_has_a_reason(text: str, reason: str) -> None:
    page = _page(failing_checkout(), WaterfallFilter(opened=SpanId("a" * 16), text=text))

    assert page.panel is None
    assert reason in page.opened_note
    assert _page(failing_checkout(), WaterfallFilter(opened=span_id(6))).opened_note == ""


def test_a_group_lasts_from_its_first_start_to_its_last_end() -> None:
    """It was computed from the width of its bar, which is never narrower than can be seen: 2.5 for 0.3 ms."""
    spans = [span(1, 0, "a", "entry", kind=SpanKind.SERVER, ms=1000)]
    spans += [span(n, 1, "a", "again", start_ms=n / 10, ms=0.1) for n in range(2, 5)]
    group = next(row for row in waterfall.build(analyse(spans), WaterfallFilter()).rows if row.group)

    assert group.duration_ns == 0.3 * MS


def test_the_opened_span_has_a_panel_with_its_status_and_logs() -> None:
    page = _page(failing_checkout(), WaterfallFilter(opened=span_id(6)))

    assert page.panel
    assert (page.panel.status.text, page.panel.status.css) == ("error, originated here", "origin")
    assert page.panel.offset_ns == 41 * MS
    assert page.panel.logs == 2


def _panel_of(one: Span) -> SpanPanel:
    analysis = analyse([one])
    row = waterfall.build(analysis, WaterfallFilter()).rows[0]
    return span_panel(analysis, row, 0)


@pytest.mark.parametrize(("ms", "time_format"), [(9.9, "fine"), (10, "clock")])
def test_short_spans_are_timed_to_the_microsecond(ms: float, time_format: str) -> None:
    assert _panel_of(span(1, ms=ms)).time_format == time_format


def test_a_span_without_error_shows_its_opentelemetry_status() -> None:
    unset, ok = span(1), replace(span(1), status=StatusCode.OK)

    assert (_panel_of(unset).status.text, _panel_of(unset).status.css) == ("Unset", "")
    assert (_panel_of(ok).status.text, _panel_of(ok).status.css) == ("OK", "good")


@pytest.mark.parametrize(("events", "is_open"), [(3, True), (4, False)])
def test_the_first_of_a_few_events_is_open(events: int, is_open: bool) -> None:
    panel = _panel_of(replace(span(1), events=tuple(Event(f"e{n}", T0, {}) for n in range(events))))

    assert [event.open for event in panel.events] == [is_open] + [False] * (events - 1)


def test_events_and_links_beyond_the_limit_are_counted() -> None:
    events = tuple(Event(f"e{n}", T0 + n, {}) for n in range(60))
    links = tuple(Link(OTHER, span_id(n), {}) for n in range(51))
    panel = _panel_of(replace(span(1), events=events, links=links))

    assert (len(panel.events), panel.events_total, panel.more_events) == (50, 60, "10 more events")
    assert (len(panel.links), panel.links_total, panel.more_links) == (50, 51, "1 more link")


def test_a_link_names_whether_it_leads_to_another_trace() -> None:
    links = (Link(TRACE, span_id(1), {}), Link(OTHER, span_id(2), {}))

    assert [link.label for link in _panel_of(replace(span(1), links=links)).links] == [
        "This trace",
        "Another trace",
    ]


def test_tags_are_sorted_by_name_whatever_their_case() -> None:
    panel = _panel_of(span(1, attributes={"b": 1, "C": 2, "a": 3}))

    assert [name for name, _ in panel.tags] == ["a", "b", "C"]
