"""The APM dialog over an event of a browser session."""

from __future__ import annotations

from flask import render_template, request

from observer.components.session_path import session_event_address
from observer.lookup.sessions import find_session
from observer.request import context
from observer.request.errors import Unknown
from observer.request.parameters import span_id as parse_span_id
from observer.screens.apm.blueprint import blueprint
from observer.screens.apm.dialog import view
from observer.screens.apm.trace.routes import GIVEN_UP_NS
from observer.screens.apm.trace.trace_facts import TraceFacts
from observer.screens.apm.trace.trace_queries import find_facts
from signals.model import TraceId
from signals.session_events import apm_link_of, events_of, linked_traces
from store.api import Presence, Reader


@blueprint.get("/rum/sessions/<path:session_id>/apm/<span_id>")
def dialog(session_id: str, span_id: str) -> str:
    """The backend's part of one event of a session: a page, and the body of a dialog over the session."""
    reader = context.reader()
    event_id = parse_span_id(span_id, "the event's span id")
    session = find_session(reader, session_id)
    spans = [span for span in reader.spans_of_session(session.session_id) if span.span_id == event_id]
    if not spans:
        raise Unknown(
            f"The session has no event with the span id {event_id}.",
            "Go back to the session and choose one of its events.",
        )
    event = events_of(spans[:1], reader.trace_summaries(linked_traces(spans)))[0]
    link = apm_link_of(spans[0].attributes)
    age_ns = context.now_unix_nano() - event.span.end_unix_nano
    facts = _facts(reader, link.trace_id) if link else None
    absent = facts is None or facts.analysis.spans == 0
    page = view.build(
        session.session_id,
        event,
        link.trace_id if link else None,
        facts,
        pruned=link is not None and absent and reader.locate(link.trace_id) is Presence.PRUNED,
        awaitable=age_ns < GIVEN_UP_NS,
    )
    back = session_event_address(session.session_id, event_id, request.args.to_dict())
    return render_template("apm/dialog.html", page=page, back=back)


def _facts(reader: Reader, trace_id: TraceId) -> TraceFacts | None:
    try:
        return find_facts(reader, trace_id)
    except Unknown:
        return None
