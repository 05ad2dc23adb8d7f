"""The APM dialog over an event of a session: which of four states it is in, and what it shows. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from observer.screens.apm.trace.trace_facts import TraceFacts
from signals.model import SessionId, TraceId
from signals.session_events import SessionEvent


class TraceState(StrEnum):
    """What is known of the trace behind an event."""

    FOUND = "found"
    PENDING = "pending"
    """Linked, but no backend span of it is in the store."""
    PRUNED = "pruned"
    """Linked, but its spans were deleted by the store's limits."""
    NOT_LINKED = "not_linked"
    """The response named no trace."""


@dataclass(frozen=True, slots=True)
class DialogPage:
    """The dialog."""

    session_id: SessionId
    event: SessionEvent
    state: TraceState
    trace_id: TraceId | None
    """None where the response named no trace."""
    facts: TraceFacts | None
    """Of a trace that was found."""
    spans_so_far: int
    """Backend spans of an incomplete trace; 0 for a complete one."""
    awaited: bool
    """The event is recent enough for its trace to arrive soon."""


def build(
    session_id: SessionId,
    event: SessionEvent,
    trace_id: TraceId | None,
    facts: TraceFacts | None,
    *,
    pruned: bool,
    awaitable: bool,
) -> DialogPage:
    """The dialog of an event that links to this trace; `facts` is None where no span of it was found."""
    if trace_id is None:
        state = TraceState.NOT_LINKED
    elif facts is not None and facts.analysis.spans > 0:
        state = TraceState.FOUND
    else:
        state = TraceState.PRUNED if pruned else TraceState.PENDING
    found = facts if state is TraceState.FOUND else None
    return DialogPage(
        session_id=session_id,
        event=event,
        state=state,
        trace_id=trace_id,
        facts=found,
        spans_so_far=found.analysis.spans if found and not found.analysis.complete else 0,
        awaited=state is TraceState.PENDING and awaitable,
    )
