"""The screen of one session."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from flask import render_template, request

from observer.components.related_metrics import RelatedMetrics, related_metrics
from observer.components.session_path import AFTER
from observer.lookup.sessions import EVENTS_LIMIT, find_session
from observer.request import context
from observer.request.links import address
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.request.scope import Scope
from observer.screens.rum.blueprint import blueprint
from observer.screens.rum.event_kinds import PILL_NAMES
from observer.screens.rum.session import line_markup, overview_markup, view
from observer.screens.rum.session.event_links import links_of
from observer.screens.rum.session.event_rows import missing_trace_text
from observer.screens.rum.session.first_errors import failures_of
from observer.screens.rum.session.nearby import nearby
from observer.screens.rum.session.session_pages import pages_of
from observer.screens.rum.session.session_updates import updates_address
from signals.model import TraceId
from signals.session_events import events_of, linked_traces
from store.api import LogQuery, Reader, SessionSummary, Window

for _name, _filter in {**line_markup.FILTERS, **overview_markup.FILTERS}.items():
    blueprint.add_app_template_filter(_filter, _name)

_SERVICES = 3
"""Services whose metrics are looked for."""
_MOST_RUNS = 200
"""Unfolded runs that are read from an address."""


@blueprint.get("/rum/sessions/<path:session_id>")
def session_page(session_id: str) -> str:
    """One session: its facts, pages and waterfall."""
    query = Query(request.args, context.now_unix_nano())
    reader, scope = context.reader(), current_scope()
    kind = query.choice("kind", PILL_NAMES) or ""
    loaded = _load(reader, session_id, kind, query.whole(AFTER, 0, 0, 2**62), query.text("event") or "")
    summary = loaded.summary
    selection = view.Selection(
        kind=kind,
        page=query.whole("page", 0, 0, max(1, len(loaded.pages))),
        event=query.text("event") or "",
        dialog=query.text("apm") or "",
        all_traces=query.choice("traces", ("all",)) == "all",
    )
    unfolded = frozenset((query.text("unfold") or "").split(",")[:_MOST_RUNS]) - {""}
    links = links_of(summary.session_id, unfolded, request.args.to_dict())
    logs, logs_address = _logs(reader, summary, loaded.linked, scope)
    return render_template(
        "rum/session.html",
        view=view.session_view(loaded, selection, links, _missing_trace(reader, loaded, selection.event)),
        selection=selection,
        links=links,
        logs=logs,
        logs_address=logs_address,
        metrics=_metrics(reader, loaded),
        nearby=None if loaded.linked else nearby(summary, _without_range(scope)),
        updates_address=""
        if loaded.cut
        else updates_address(
            summary,
            len(loaded.events) + loaded.earlier,
            loaded.failures.total + loaded.earlier_failures,
            scope,
        ),
    )


def _load(reader: Reader, session_id: str, kind: str, after_unix_nano: int, opened: str) -> view.Loaded:
    """A session's events from a time on; all of them where the opened one lies before, or none after."""
    # The summary is read first: a session has gaps if its summary counts more than the events read after it.
    summary = find_session(reader, session_id)
    spans = reader.spans_of_session(summary.session_id, EVENTS_LIMIT)
    linked = linked_traces(spans)
    traces = reader.trace_summaries(linked)
    every = events_of(spans, traces)
    events = tuple(event for event in every if event.span.start_unix_nano >= after_unix_nano)
    left_out = every[: len(every) - len(events)]
    if not events or any(event.span.span_id == opened for event in left_out):
        events, left_out = every, ()
    return view.Loaded(
        summary,
        events,
        pages_of(events, kind),
        linked,
        traces,
        failures_of(events),
        after_unix_nano if left_out else 0,
        len(left_out),
        failures_of(left_out).total,
    )


def _missing_trace(reader: Reader, loaded: view.Loaded, opened: str) -> str:
    """Why the trace that the opened event links to is not in the store; empty if it is, or none is opened."""
    row = view.opened_row(loaded.pages, opened)
    if row is None or row.apm is None or row.apm.trace_id in loaded.traces:
        return ""
    return missing_trace_text(reader.locate(row.apm.trace_id))


def _logs(
    reader: Reader, summary: SessionSummary, linked: Sequence[TraceId], scope: Scope
) -> tuple[int, str]:
    """How many logs belong to the session, and the address that lists exactly these.

    They are the logs that carry its id and those of the traces that it links to. A
    seat and a time range would include another visit of the same person.
    """
    query = LogQuery(
        window=Window.ALL,
        session_id=summary.session_id,
        trace_ids=tuple(linked),
        environment=scope.environment,
    )
    # Without a time range the Logs page shows everything that carries the id.
    return reader.count_logs(query), address(
        "/logs", {"session_id": summary.session_id, **_without_range(scope)}
    )


def _metrics(reader: Reader, loaded: view.Loaded) -> RelatedMetrics | None:
    """Those of the service that most of the session's requests entered, at its time.

    Of the application itself where no request is known: browsers may send metrics, too.
    """
    summary = loaded.summary
    end = max(summary.last_seen_unix_nano, summary.start_unix_nano + summary.duration_ns)
    entered = Counter(trace.service for trace in loaded.traces.values() if trace.service)
    services = [service for service, _ in entered.most_common(_SERVICES)] or [summary.app]
    return related_metrics(reader, services, Window(summary.start_unix_nano, end))


def _without_range(scope: Scope) -> dict[str, str]:
    return {name: text for name, text in scope.args().items() if name in ("env", "live", "whose")}
