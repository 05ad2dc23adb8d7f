"""The four states of the APM dialog. Pure; no store, no template."""

from __future__ import annotations

import pytest

from observer.screens.apm.dialog import view
from observer.screens.apm.trace.trace_facts import TraceFacts, facts_of
from signals.model import SessionId, Span, TraceId
from signals.session_events import events_of
from signals.trace_analysis import analyse
from tests.store.build import TRACE, failing_checkout, span

EVENT = events_of([span(1, name="HTTP POST", browser=True, session="s")], {})[0]


def _facts(spans: list[Span]) -> TraceFacts:
    return facts_of(TRACE, analyse(spans), None, truncated=False)


def _dialog(
    trace_id: TraceId | None, facts: TraceFacts | None, *, pruned: bool = False, awaitable: bool = True
) -> view.DialogPage:
    return view.build(SessionId("s"), EVENT, trace_id, facts, pruned=pruned, awaitable=awaitable)


def test_a_trace_with_backend_spans_is_found() -> None:
    page = _dialog(TRACE, _facts(failing_checkout()))

    assert page.state is view.TraceState.FOUND
    assert page.facts
    assert (page.spans_so_far, page.awaited) == (0, False)


def test_an_incomplete_trace_counts_its_spans() -> None:
    page = _dialog(TRACE, _facts([span(2, parent=1), span(3, parent=9)]))

    assert page.spans_so_far == 2


@pytest.mark.parametrize("facts", [None, _facts([span(1, browser=True, session="s")])])
def test_a_trace_without_backend_spans_is_awaited_while_its_event_is_recent(facts: TraceFacts | None) -> None:
    recent, old = _dialog(TRACE, facts), _dialog(TRACE, facts, awaitable=False)

    assert recent.state is old.state is view.TraceState.PENDING
    assert (recent.awaited, old.awaited) == (True, False)
    assert recent.facts is None


def test_a_pruned_trace_is_not_awaited() -> None:
    page = _dialog(TRACE, None, pruned=True)

    assert (page.state, page.awaited) == (view.TraceState.PRUNED, False)


def test_a_response_that_named_no_trace_is_not_linked() -> None:
    assert _dialog(None, None).state is view.TraceState.NOT_LINKED
