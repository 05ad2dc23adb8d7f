"""Resolves what somebody typed or pasted to what it means: an id, a header, a link, a part of a name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args
from urllib.parse import quote, urlencode

from observer.lookup import name_matches, pasted_text
from observer.lookup.name_matches import ORDER_ATTRIBUTES
from observer.lookup.pasted_text import Pasted
from observer.lookup.traces import no_span_but_logs
from observer.request.errors import Unknown
from signals.ids import short_trace_id
from signals.model import SessionId, Span, TraceId
from store.api import BadQuery, LogQuery, Presence, Reader, TraceQuery, Window

MOST = 20
"""Things that a list names of each kind."""
_LEAST_ENDING = 8
"""Characters of a session id's end that may stand for it: a shorter end fits too many."""
_LEAST_OF_SPAN = 8
"""Digits of a span's id: looking for them reads a whole index."""
_LOG_AROUND_NS = 60 * 10**9

Kind = Literal["trace", "span", "event", "session", "order", "log", "seat", "service", "metric", "page"]
KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Resolved:
    """What was meant, and the address of the page that shows it."""

    kind: Kind
    url: str
    trace_id: TraceId | None = None
    span_id: str | None = None
    session_id: SessionId | None = None
    label: str = ""
    """What tells it from others of a list."""
    is_link: bool = False
    """The text was a link to these screens: `url` is the whole of it but for the host."""


@dataclass(frozen=True, slots=True)
class Several:
    """More than one thing fits."""

    found: tuple[Resolved, ...]
    more: bool
    """There may be others that are not listed."""


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Nothing in the store fits; `pruned` if something had this id."""

    pruned: bool
    logs: int = 0
    """How many logs name a trace of this id, if none of its spans is here."""
    logs_trace: str = ""
    """That trace's id."""
    tried: tuple[str, ...] = ()
    """What the text was looked for as, in words."""


def resolve(reader: Reader, text: str) -> Resolved | Several | Unresolved:
    """What this text means.

    A link to these screens; the header of a trace (`traceparent`, `Server-Timing`, B3, Jaeger's, X-Ray's);
    an id of a trace, span, session, log or order in whatever spelling, base64 too, or with some of its
    digits; a part of the name of a seat, a service, an order or a session; else of a metric.
    """
    pasted = pasted_text.read(text)
    if not pasted.bare:
        return Unresolved(pruned=False)
    if session := _session(reader, pasted.typed):
        return session
    if pasted.page and (found := _page(reader, pasted)):
        return found
    whole = _by_pair(reader, pasted) or _by_whole_id(reader, pasted)
    if whole:
        return whole
    parts = list(_unique((*_by_digits(reader, pasted), *_by_name(reader, pasted))))
    # The name of a service is a part of many metrics' names: these are looked for where nothing else fits.
    parts = parts or list(_metrics(reader, pasted))
    if len(parts) == 1:
        return parts[0]
    if parts:
        return Several(tuple(parts[: 5 * MOST]), len(parts) >= MOST)
    return _unresolved(reader, pasted)


def unresolved(text: str, found: Unresolved) -> Unknown:
    """The error for a text that nothing fits."""
    shown = text if len(text) <= 64 else text[:64] + "…"
    if found.pruned:
        return Unknown.pruned(shown, "Make a new one")
    if found.logs:
        return Unknown(no_span_but_logs(shown, found.logs), f"See /logs?trace_id={found.logs_trace}.")
    tried = f" Tried: {'; '.join(found.tried)}." if found.tried else ""
    return Unknown(
        f"No trace, span, session or order here has the id {shown}.{tried}",
        "Check the id. If it is new, wait a second: exporters send in batches.",
    )


def trace_url(trace_id: str, span_id: str | None = None) -> str:
    """The address of a trace's page, with a span opened if one is named."""
    return f"/apm/traces/{trace_id}" + (f"?span={span_id}" if span_id else "")


def session_url(session_id: str, span_id: str | None = None) -> str:
    """The address of a session's page, with an event opened if one is named."""
    return f"/rum/sessions/{quote(session_id, safe='')}" + (f"?event={span_id}" if span_id else "")


def _page(reader: Reader, pasted: Pasted) -> Resolved | None:
    """A link's own page; the kind is that of the thing that its path names."""
    named = next(iter(pasted.ids), "")
    thing = _by_id(reader, named) if named in pasted.page.lower().partition("?")[0] and named else None
    if thing is not None and thing.kind in ("trace", "session"):
        return replace(thing, url=pasted.page, is_link=True)
    return Resolved("page", pasted.page, label=pasted.page, is_link=True)


def _by_pair(reader: Reader, pasted: Pasted) -> Resolved | Unresolved | None:
    """The trace of a header."""
    traces = [trace_id for trace_id, _ in pasted.pairs]
    found = next((found for each in traces if (found := _trace(reader, each))), None)
    return found or next((alone for each in traces if (alone := _logs_alone(reader, each))), None)


def _by_whole_id(reader: Reader, pasted: Pasted) -> Resolved | Unresolved | None:
    """What has a whole id that is in the text, or the text as its own."""
    bare, lower = pasted.bare, pasted.bare.lower()
    for name in dict.fromkeys((bare, lower, lower.removeprefix("0x"))):
        if name != pasted.typed and (session := _session(reader, name)):
            return session
    for each in pasted.ids:
        if found := _by_id(reader, each):
            return found
    found = _session_by_ending(reader, bare) or _order(reader, bare) or _log(reader, bare)
    if found:
        return found
    wholes = [each for each in pasted.ids if len(each) == 32]
    return next((alone for each in wholes if (alone := _logs_alone(reader, each))), None)


def _by_id(reader: Reader, digits: str) -> Resolved | None:
    if session := _session(reader, digits):
        return session
    if len(digits) == 32:
        return _trace(reader, digits)
    for trace_id in reader.trace_ids_ending(digits):
        found = _trace(reader, trace_id)
        if found:
            return found
    return _span(reader, digits)


def _by_digits(reader: Reader, pasted: Pasted) -> Iterator[Resolved]:
    """Traces and spans whose ids begin or end with these digits."""
    digits = pasted.digits
    if not digits:
        return
    trace_ids = reader.trace_ids_with(digits, MOST)
    summaries = reader.trace_summaries(trace_ids)
    for trace_id in trace_ids:
        if found := _trace(reader, trace_id):
            summary = summaries.get(trace_id)
            entry = (
                f"{summary.service}: {summary.operation}" if summary and summary.service else "in a browser"
            )
            yield replace(found, label=f"{short_trace_id(trace_id)}, {entry}")
    # A whole id was looked for before: it would read the whole index once more.
    if _LEAST_OF_SPAN <= len(digits) <= 16 and digits not in pasted.ids:
        for trace_id, span_id in reader.span_ids_beginning(digits, MOST):
            yield replace(
                _span_of(reader, trace_id, span_id), label=f"{span_id} in trace {short_trace_id(trace_id)}"
            )


def _by_name(reader: Reader, pasted: Pasted) -> Iterator[Resolved]:
    """Seats, services, orders and sessions whose name holds the text."""
    for name in name_matches.named(reader, pasted.bare, MOST):
        if name.kind == "session":
            yield Resolved(
                "session", session_url(name.text), session_id=SessionId(name.text), label=name.text
            )
        elif name.kind == "order":
            order = _order(reader, name.text)
            if order:
                yield replace(order, label=name.text)
        else:
            yield Resolved(name.kind, name.url, label=name.text)


def _metrics(reader: Reader, pasted: Pasted) -> Iterator[Resolved]:
    for name in name_matches.metrics_named(reader, pasted.bare, MOST):
        yield Resolved("metric", name.url, label=name.text)


def _unique(found: Iterable[Resolved]) -> Iterator[Resolved]:
    """Each page once."""
    seen: set[str] = set()
    for one in found:
        if one.url not in seen:
            seen.add(one.url)
            yield one


def _session(reader: Reader, text: str) -> Resolved | None:
    if reader.session(SessionId(text)) is None:
        return None
    return Resolved("session", session_url(text), session_id=SessionId(text))


def _session_by_ending(reader: Reader, text: str) -> Resolved | None:
    ending = reader.sessions_ending(text) if len(text) >= _LEAST_ENDING else ()
    return Resolved("session", session_url(ending[0]), session_id=ending[0]) if len(ending) == 1 else None


def _trace(reader: Reader, trace_id: str) -> Resolved | None:
    """A trace of the backend; one with browser spans alone is resolved to its event in the session."""
    full_id = TraceId(trace_id)
    if full_id in reader.trace_summaries([full_id]):
        return Resolved("trace", trace_url(trace_id), trace_id=full_id)
    spans = reader.spans_of_trace(full_id)
    if not spans:
        return None
    if all(span.browser for span in spans):
        inside = {span.span_id for span in spans}
        # The root, which is not always the first to begin.
        first = next((span for span in spans if span.parent_span_id not in inside), spans[0])
        return _event(first) or Resolved("trace", trace_url(trace_id), trace_id=full_id)
    return Resolved("trace", trace_url(trace_id), trace_id=full_id)


def _span(reader: Reader, span_id: str) -> Resolved | None:
    """A backend's span in its trace, a browser's in its session."""
    trace_id = reader.trace_of_span(span_id)
    return _span_of(reader, trace_id, span_id) if trace_id is not None else None


def _span_of(reader: Reader, trace_id: TraceId, span_id: str) -> Resolved:
    """The same where the trace is known."""
    for span in reader.spans_of_trace(trace_id):
        if span.span_id == span_id and span.browser:
            found = _event(span)
            if found:
                return found
    return Resolved("span", trace_url(trace_id, span_id), trace_id=trace_id, span_id=span_id)


def _event(span: Span) -> Resolved | None:
    if not span.session_id:
        return None
    url = session_url(span.session_id, span.span_id)
    return Resolved("event", url, span.trace_id, span.span_id, span.session_id)


def _order(reader: Reader, text: str) -> Resolved | None:
    for name in ORDER_ATTRIBUTES:
        query = TraceQuery(window=Window.ALL, attributes={name: text}, limit=1)
        found = reader.find_traces(query).items
        if found:
            trace_id = found[0].trace_id
            return Resolved("order", trace_url(trace_id), trace_id=trace_id)
    return None


def _log(reader: Reader, text: str) -> Resolved | None:
    try:
        found = reader.log(text)
    except BadQuery:
        return None
    if found is None:
        return None
    begin = max(0, found.time_unix_nano - _LOG_AROUND_NS)
    around = {"from": str(begin), "to": str(found.time_unix_nano + _LOG_AROUND_NS)}
    return Resolved("log", f"/logs?{urlencode({'log': text, **around})}", trace_id=found.trace_id)


def _logs_alone(reader: Reader, trace_id: str) -> Unresolved | None:
    """A trace of which only logs are here."""
    number = reader.count_logs(LogQuery(window=Window.ALL, trace_id=TraceId(trace_id)))
    if not number:
        return None
    pruned = reader.locate(TraceId(trace_id)) is Presence.PRUNED
    return Unresolved(pruned, number, trace_id)


def _unresolved(reader: Reader, pasted: Pasted) -> Unresolved:
    pruned = reader.locate_session(SessionId(pasted.bare)) is Presence.PRUNED or any(
        len(each) == 32 and reader.locate(TraceId(each)) is Presence.PRUNED for each in pasted.ids
    )
    tried = []
    if pasted.pairs:
        tried.append("the trace and the span of a header")
    if pasted.ids:
        tried.append("the whole id of a trace, a span or a session")
    elif pasted.digits:
        tried.append(f"{len(pasted.digits)} digits at the beginning or the end of an id")
    tried.append("the id of a session, a log or an order")
    tried.append(
        "a part of the name of a seat, a service, an order, a session or a metric, in upper and lower case"
    )
    return Unresolved(pruned, tried=tuple(tried))
