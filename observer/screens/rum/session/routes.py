"""The page of one session, and the word of what came since it was read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from flask import Response, jsonify, render_template, request

from observer.components import number_format as formats
from observer.lookup.sessions import EVENTS_LIMIT, find_session
from observer.request import context
from observer.request.links import address
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.request.scope import Scope
from observer.screens.rum.blueprint import blueprint
from observer.screens.rum.event_kinds import PILL_NAMES, pills
from observer.screens.rum.session import first_errors as finding, view as one
from observer.screens.rum.session.event_links import links_of
from observer.screens.rum.session.event_rows import where_is
from observer.screens.rum.session.timeline import lanes_of
from signals.model import TraceId
from signals.session_events import SessionEvent, events_of, linked_traces
from store.api import LogQuery, Reader, SessionSummary, TraceSummary, Window

_OVER_NS = 900 * 10**9
"""A browser that was silent for so long has ended its session: nobody is told to wait for more."""
_MOST_RUNS = 200
_TRACES_LISTED = 25


@blueprint.get("/rum/sessions/<path:session_id>")
def session_page(session_id: str) -> str:
    """One session: facts, pages, waterfall."""
    query = Query(request.args, context.now_unix_nano())
    reader, scope = context.reader(), current_scope()
    summary = find_session(reader, session_id)
    spans = reader.spans_of_session(summary.session_id, EVENTS_LIMIT)
    linked = linked_traces(spans)
    here = reader.trace_summaries(linked)
    events = events_of(spans, here)
    kind = query.choice("kind", PILL_NAMES) or ""
    pages = one.pages_of(events, kind)
    chosen = query.whole("page", 0, 0, max(1, len(pages)))
    opened = query.text("event") or ""
    shown, left_out = one.pages_to_show(pages, chosen, opened)
    unfolded = frozenset((query.text("unfold") or "").split(",")[:_MOST_RUNS]) - {""}
    found = finding.findings_of(events)
    cut = len(spans) >= EVENTS_LIMIT
    of_page = pages[chosen - 1].held if chosen and pages else events
    every_trace = query.choice("traces", ("all",)) == "all"
    return render_template(
        "rum/session.html",
        session=summary,
        pages=pages,
        shown=[(page, page.lines(kind, unfolded, opened)) for page in shown],
        left_out=left_out,
        chosen=chosen,
        kind=kind,
        pills=pills(of_page, kind),
        lanes=lanes_of(events),
        findings=found,
        opened=opened,
        unseen=_unseen(opened, events, shown),
        opened_apm=query.text("apm") or "",
        events=len(events),
        cut=cut,
        has_gaps=not cut and finding.has_gaps(summary, events, found),
        traces=[here[t] for t in linked if t in here],
        listed=EVENTS_LIMIT if every_trace else _TRACES_LISTED,
        arrived=here.keys(),
        missing=_missing(reader, here, opened, shown),
        links=links_of(summary.session_id, unfolded, request.args.to_dict()),
        news=None if cut else _news_address(summary, len(events), found.failures, scope),
        logs=_logs(summary, linked, scope),
    )


def _unseen(
    opened: str, events: Sequence[SessionEvent], shown: Sequence[one.PageOfSession]
) -> Literal["", "unknown", "elsewhere"]:
    """Why the event that the address names is not open on this page."""
    if not opened or any(row.event.span.span_id == opened for page in shown for row in page.rows):
        return ""
    return "elsewhere" if any(event.span.span_id == opened for event in events) else "unknown"


def _missing(
    reader: Reader, here: Mapping[TraceId, TraceSummary], opened: str, shown: Sequence[one.PageOfSession]
) -> str:
    """Why the trace that the opened event links to is not here; empty if it is, or nothing is open."""
    rows = (row for page in shown for row in page.rows if row.event.span.span_id == opened)
    row = next(rows, None) if opened else None
    if row is None or row.apm is None or row.apm.trace_id in here:
        return ""
    return where_is(reader.locate(row.apm.trace_id))


def _logs(summary: SessionSummary, linked: Sequence[TraceId], scope: Scope) -> tuple[int, str]:
    """How many logs belong to the session, and the address that lists exactly these.

    Its own are those that name it and those of the traces that it links to: a seat
    and a time would take in another visit of the same person.
    """
    wanted = LogQuery(
        window=Window.ALL,
        session_id=summary.session_id,
        trace_ids=tuple(linked),
        environment=scope.environment,
    )
    # Without a time range: the logs' page then shows all that the id has.
    kept = {name: text for name, text in scope.args().items() if name in ("env", "live")}
    return context.reader().count_logs(wanted), address("/logs", {"session_id": summary.session_id, **kept})


def _news_address(summary: SessionSummary, events: int, failures: int, scope: Scope) -> str | None:
    """Where to ask whether more came; None where the reader does not want to know, or nothing can come."""
    end = summary.start_unix_nano + summary.duration_ns
    if not scope.live or scope.now_unix_nano - end > _OVER_NS:
        return None
    # The sum and the rows are read one after the other: the larger is what the reader has seen.
    seen = max(summary.events, events)
    failed = max(summary.errors + summary.network_errors, failures)
    return address(
        "/rum/session-news", {"id": summary.session_id, "events": str(seen), "errors": str(failed)}
    )


@blueprint.get("/rum/session-news")
def session_page_news() -> Response:
    """How many events of the session `id` came since there were `events`, of which `errors` had failed."""
    query = Query(request.args, context.now_unix_nano())
    summary = find_session(context.reader(), query.text("id") or "")
    more = summary.events - query.whole("events", 0, 0, 2**31)
    failed = summary.errors + summary.network_errors - query.whole("errors", 0, 0, 2**31)
    if more <= 0:
        return jsonify(count=0, words="")
    words = formats.plural(more, "more event")
    if failed > 0:
        words += f", {formats.plural(min(failed, more), 'error')}"
    return jsonify(count=more, words=words)
