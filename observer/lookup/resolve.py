"""Resolves an id to what has it: a trace, a span, a browser's event, a session, a log, an order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote, urlencode

from observer.lookup.traces import no_span_but_logs
from observer.request.errors import Unknown
from signals.model import SessionId, Span, TraceId
from store.api import BadQuery, LogQuery, Presence, Reader, TraceQuery, Window

ORDER_ATTRIBUTES = ("orderId", "order.id", "app.order.id")
"""Attributes that shops put an order's id in."""

_HEX = re.compile(r"[0-9a-f]+")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_AROUND = " \t\r\n\"'`<>()[]{},;"
"""Characters that are easily copied together with an id."""
_LONGEST_ID = 256
_LEAST_ENDING = 8
"""Characters of a session id's end that may stand for it: a shorter end fits too many."""
_LOG_AROUND_NS = 60 * 10**9

Kind = Literal["trace", "span", "event", "session", "order", "log"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """What has an id, and the address of the page that shows it."""

    kind: Kind
    url: str
    trace_id: TraceId | None = None
    span_id: str | None = None
    session_id: SessionId | None = None


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Nothing in the store has this id; `pruned` if something had it."""

    pruned: bool
    logs: int = 0
    """How many logs name a trace of this id, if none of its spans is here."""
    logs_trace: str = ""
    """That trace's id."""


def resolve(reader: Reader, text: str) -> Resolved | Unresolved:
    """What has this id: 16 or 32 digits, a `traceparent`, a session's, a log's or an order's id.

    Quotes and brackets around it, a `0x` before it and the dashes of a UUID are ignored.
    """
    typed = text.strip()[:_LONGEST_ID]
    if typed and (session := _session(reader, typed)):
        return session
    bare = typed.strip(_AROUND)
    lower = bare.lower()
    parent = _TRACEPARENT.fullmatch(lower)
    if parent:
        return _trace(reader, parent[1]) or _logs_alone(reader, parent[1]) or Unresolved(pruned=False)
    digits = _digits(lower)
    found = _session_by_id(reader, bare, lower, typed) or (_by_digits(reader, digits) if digits else None)
    if found is None and bare:
        found = _session_by_ending(reader, bare) or _order(reader, bare) or _log(reader, bare)
    if found:
        return found
    alone = _logs_alone(reader, digits) if len(digits) == 32 else None
    return alone or Unresolved(pruned=_was_pruned(reader, bare, digits))


def unresolved(text: str, found: Unresolved) -> Unknown:
    """The error for an id that nothing has."""
    shown = text if len(text) <= 64 else text[:64] + "…"
    if found.pruned:
        return Unknown.pruned(shown, "Make a new one")
    if found.logs:
        return Unknown(no_span_but_logs(shown, found.logs), f"See /logs?trace_id={found.logs_trace}.")
    return Unknown(
        f"No trace, span, session or order here has the id {shown}.",
        "Check the id. If it is new, wait a second: exporters send in batches.",
    )


def trace_url(trace_id: str, span_id: str | None = None) -> str:
    """The address of a trace's page, with a span opened if one is named."""
    return f"/apm/traces/{trace_id}" + (f"?span={span_id}" if span_id else "")


def session_url(session_id: str, span_id: str | None = None) -> str:
    """The address of a session's page, with an event opened if one is named."""
    return f"/rum/sessions/{quote(session_id, safe='')}" + (f"?event={span_id}" if span_id else "")


def _digits(lower: str) -> str:
    """The 16 or 32 hexadecimal digits of a text, without a `0x` or dashes; empty if it is something else."""
    bare = lower.removeprefix("0x").replace("-", "")
    return bare if len(bare) in (16, 32) and _HEX.fullmatch(bare) else ""


def _session_by_id(reader: Reader, bare: str, lower: str, tried: str) -> Resolved | None:
    """A session by its whole id, in the spellings that have not been tried yet."""
    for name in dict.fromkeys((bare, lower, lower.removeprefix("0x"))):
        found = _session(reader, name) if name and name != tried else None
        if found:
            return found
    return None


def _by_digits(reader: Reader, digits: str) -> Resolved | None:
    if len(digits) == 32:
        return _trace(reader, digits)
    for trace_id in reader.trace_ids_ending(digits):
        found = _trace(reader, trace_id)
        if found:
            return found
    return _span(reader, digits)


def _session(reader: Reader, text: str) -> Resolved | None:
    if reader.session(SessionId(text)) is None:
        return None
    return Resolved("session", session_url(text), session_id=SessionId(text))


def _session_by_ending(reader: Reader, text: str) -> Resolved | None:
    ending = reader.sessions_ending(text) if len(text) >= _LEAST_ENDING else ()
    return Resolved("session", session_url(ending[0]), session_id=ending[0]) if ending else None


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
    if trace_id is None:
        return None
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


def _was_pruned(reader: Reader, text: str, digits: str) -> bool:
    if text and reader.locate_session(SessionId(text)) is Presence.PRUNED:
        return True
    return len(digits) == 32 and reader.locate(TraceId(digits)) is Presence.PRUNED
