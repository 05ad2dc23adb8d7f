"""The list of traces: rows, conditions, the time of the chart. Pure; no store, no template."""

from __future__ import annotations

from datetime import UTC
from typing import Any

import pytest

from observer.screens.apm.traces import view
from signals.model import ServiceInTrace, SpanError, TraceId
from store.api import TraceQuery, TraceSummary, Window

S = 10**9
WINDOW = Window(0, 900 * S)


def _summary(number: int, **changes: Any) -> TraceSummary:
    given: dict[str, Any] = {
        "trace_id": TraceId(f"{number:032x}"),
        "service": "shop",
        "operation": "GET /",
        "start_unix_nano": number * S,
        "duration_ns": 100,
        "spans": 3,
        "errors": 0,
        "origin_errors": 0,
        "services": (),
        "session_id": None,
        "complete": True,
        "tags": {},
    }
    return TraceSummary(**{**given, **changes})


def _build(*found: TraceSummary, window: Window = WINDOW) -> view.TraceList:
    return view.build(found, window, UTC, lambda trace_id: f"/{trace_id}")


def test_durations_are_compared_with_the_longest_of_the_page() -> None:
    rows = _build(_summary(1, duration_ns=50), _summary(2, duration_ns=200)).rows

    assert ['width="250"' in row.duration_bar for row in rows] == [True, False]
    assert 'width="1000"' in rows[1].duration_bar


@pytest.mark.parametrize(
    ("changes", "error", "mark"),
    [
        ({}, "none", ""),
        ({"errors": 2}, "received", "error"),
        ({"errors": 2, "origin_errors": 1}, "origin", "error origin"),
    ],
)
def test_a_trace_is_marked_by_its_worst_error(changes: dict[str, int], error: str, mark: str) -> None:
    (row,) = _build(_summary(1, **changes)).rows

    assert (row.error, row.mark) == (error, mark)


def test_a_row_names_four_services_failing_ones_first() -> None:
    services = tuple(ServiceInTrace(f"s{n}", 1, SpanError.NONE) for n in range(5))
    failing = ServiceInTrace("bad", 1, SpanError.ORIGIN)
    (row,) = _build(_summary(1, services=(*services, failing))).rows

    assert [each.name for each in row.services] == ["bad", "s0", "s1", "s2"]
    assert row.more_services == "+2 more"


def test_only_a_trace_with_backend_spans_is_called_incomplete() -> None:
    rows = _build(_summary(1, complete=False), _summary(2, complete=False, service="")).rows

    assert [row.incomplete for row in rows] == [True, False]


@pytest.mark.parametrize(("hours", "time_format"), [(24, "clock"), (25, "stamp")])
def test_times_carry_a_date_in_windows_above_a_day(hours: int, time_format: str) -> None:
    assert _build(_summary(1), window=Window(0, hours * 3600 * S)).time_format == time_format


def test_nothing_found_has_no_chart() -> None:
    empty = _build()

    assert (empty.rows, empty.charts) == ((), ())


def test_the_chart_is_drawn_for_each_width_of_screen() -> None:
    assert [chart.css for chart in _build(_summary(1)).charts] == ["only-wide", "only-narrow"]


def test_the_chart_closes_up_on_traces_that_fill_a_small_part_of_the_window() -> None:
    near = [_summary(n) for n in (880, 890)]
    spread = [_summary(n) for n in (10, 890)]

    closed = view.shown_window(near, WINDOW)
    assert closed.from_unix_nano < 880 * S
    assert closed.to_unix_nano > 890 * S
    assert closed.duration_ns < WINDOW.duration_ns / 10
    assert view.shown_window(spread, WINDOW) == WINDOW


def test_every_condition_of_a_search_can_be_removed() -> None:
    query = TraceQuery(
        window=WINDOW,
        service="pay",
        also="shop",
        operation_contains="cart",
        error="origin",
        attributes={"enduser.id": "anna"},
        min_ns=5_000_000,
        environment="lab",
    )
    found = view.conditions(query, lambda *args: "-".join(args))

    assert [(each.name, each.sign, each.value, each.without) for each in found] == [
        ("service", "=", "pay", "service"),
        ("service", "with", "shop", "also"),
        ("operation", "contains", "cart", "operation"),
        ("error", "=", "originated here", "error"),
        ("environment", "=", "lab", "env"),
        ("enduser.id", "=", "anna", "attr-enduser.id:anna"),
        ("duration", "≥", "5 ms", "min_ms"),
    ]
    assert view.conditions(TraceQuery(window=WINDOW), lambda *args: "") == ()
