"""The pages of traces: the waterfall of one, and the APM dialog over a session's event."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Response, render_template, request

from observer.components import number_format as formats
from observer.lookup.sessions import find_session
from observer.lookup.traces import SPANS_LIMIT, find_trace
from observer.request import context
from observer.request.errors import Unknown
from observer.request.links import here
from observer.request.parameters import Query, span_id as parse_span_id
from observer.request.responses import json_response
from observer.screens.apm.blueprint import blueprint
from observer.screens.apm.trace import view
from observer.screens.apm.trace.waterfall import ErrorFilter, Line, Wish
from observer.screens.rum.session.event_links import back
from signals.model import SpanId
from signals.session_events import apm_link_of, events_of, linked_traces
from store.api import Presence

_FILTERS: dict[str | None, ErrorFilter] = {None: "all", "all": "all", "errors": "errors", "root": "root"}
_MOST_FOLDS = 200
_LONGEST_SEARCH = 200
_SETTLED_NS = 120 * 10**9
"""A trace that looks whole and ended so long ago will hardly grow."""
_GIVEN_UP_NS = 900 * 10**9


@dataclass(frozen=True, slots=True)
class RowLinks:
    """The beginnings of the addresses that every row completes with its own id."""

    opening: str
    closed: str
    folding: str
    unfolding: str
    folded: frozenset[str]

    def twist(self, line: Line) -> str:
        """The address that folds an open row, or unfolds one that is folded."""
        if line.key in self.folded:
            return here(fold=",".join(sorted(self.folded - {line.key})))
        return (self.folding if line.open else self.unfolding) + line.key


@blueprint.get("/apm/traces/<trace_id>")
def trace(trace_id: str) -> str:
    """The waterfall of one trace."""
    query = Query(request.args, context.now_unix_nano())
    wish = _wish(query)
    page = view.build(context.reader(), trace_id, wish)
    return render_template(
        "apm/trace.html",
        page=page,
        told=page.told,
        analysis=page.told.analysis,
        fall=page.waterfall,
        wish=wish,
        critical=query.text("critical") != "0",
        links=_row_links(wish),
        news=_news_address(page.told),
    )


@blueprint.get("/apm/traces/<trace_id>/news")
def trace_news(trace_id: str) -> Response:
    """How many spans of a trace came since there were `spans` of them."""
    query = Query(request.args, context.now_unix_nano())
    seen = query.whole("spans", 0, 0, SPANS_LIMIT)
    found = find_trace(context.reader(), trace_id)
    more = max(0, sum(not span.browser for span in found.spans) - seen)
    return json_response({"count": more, "words": f"{formats.plural(more, 'more span')} arrived"})


@blueprint.get("/rum/sessions/<path:session_id>/apm/<span_id>")
def dialog(session_id: str, span_id: str) -> str:
    """What the backend did for one event of a session: a page, and the body of a dialog over it."""
    reader = context.reader()
    wanted = parse_span_id(span_id, "the event's span id")
    session = find_session(reader, session_id)
    spans = [span for span in reader.spans_of_session(session.session_id) if span.span_id == wanted]
    if not spans:
        raise Unknown(
            f"The session has no event with the span id {wanted}.",
            "Go back to the session and choose one of its events.",
        )
    event = events_of(spans[:1], reader.trace_summaries(linked_traces(spans)))[0]
    link = apm_link_of(spans[0].attributes)
    about = None
    if link is not None:
        try:
            about = view.told(reader, link.trace_id)
        except Unknown:
            about = None
    is_here = about is not None and about.analysis.spans > 0
    pruned = link is not None and not is_here and reader.locate(link.trace_id) is Presence.PRUNED
    age_ns = context.now_unix_nano() - event.span.end_unix_nano
    return render_template(
        "apm/dialog.html",
        session=session,
        event=event,
        link=link,
        told=about if is_here else None,
        pruned=pruned,
        awaited=link is not None and not is_here and not pruned and age_ns < _GIVEN_UP_NS,
        back=back(session.session_id, wanted, request.args.to_dict()),
    )


def _news_address(about: view.Told) -> str | None:
    """Where to ask whether more spans came; None for a trace that is old and whole."""
    age_ns = context.now_unix_nano() - about.analysis.start_unix_nano - about.analysis.duration_ns
    settled = about.analysis.complete and about.analysis.spans > 0
    if age_ns > (_SETTLED_NS if settled else _GIVEN_UP_NS) or about.truncated:
        return None
    return f"/apm/traces/{about.trace_id}/news?spans={about.analysis.spans}"


def _wish(query: Query) -> Wish:
    opened = query.text("span")
    return Wish(
        errors=_FILTERS[query.choice("errors", ("all", "errors", "root"))],
        text=(query.text("q") or "").strip()[:_LONGEST_SEARCH],
        min_ns=query.milliseconds_ns("min_ms") or 0,
        service=query.text("service") or "",
        matches_only=query.flag("only"),
        opened=SpanId(parse_span_id(opened, "span")) if opened else None,
        unfolded=_keys(query.text("unfold")),
        folded=_keys(query.text("fold")),
        at=query.whole("at", 0, 0, SPANS_LIMIT * 2),
    )


def _keys(text: str | None) -> frozenset[str]:
    return frozenset((text or "").split(",")[:_MOST_FOLDS]) - {""}


def _row_links(wish: Wish) -> RowLinks:
    return RowLinks(
        opening=_begin(here(span=None), "span", ()),
        closed=here(span=None),
        folding=_begin(here(fold=None), "fold", sorted(wish.folded)),
        unfolding=_begin(here(unfold=None), "unfold", sorted(wish.unfolded)),
        folded=wish.folded,
    )


def _begin(address: str, name: str, ids: Iterable[str]) -> str:
    """An address that ends where one more id is to be added to this argument."""
    start = f"{address}{'&' if '?' in address else '?'}{name}="
    return start + "".join(f"{each}," for each in ids)
