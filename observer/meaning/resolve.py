"""Finds what an id means: a trace, a span, a session, a log, or something that carries it as an attribute."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import quote

from observer.meaning.origin import EVERYTHING
from store.api import Reader
from store.api import TraceQuery
from store.model import SessionId
from store.model import TraceId
from store.model import Whereabouts

ORDER_ATTRIBUTES = ("orderId", "order.id", "app.order.id")
"""Attributes that shops put an order's id in."""

_HEX = re.compile(r"[0-9a-f]+")
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_LONGEST_ID = 256

Kind = Literal["trace", "span", "session", "order"]


@dataclass(frozen=True, slots=True)
class Resolved:
    """What an id means and where that is shown."""

    kind: Kind
    url: str
    trace_id: TraceId | None = None
    span_id: str | None = None
    session_id: SessionId | None = None


@dataclass(frozen=True, slots=True)
class Unresolved:
    """Nothing here has this id; `pruned` if something is known to have had it."""

    pruned: bool


def resolve(reader: Reader, text: str) -> Resolved | Unresolved:
    """What this id means: 16 or 32 digits, a `traceparent`, a session's or an order's id."""
    wanted = text.strip()[:_LONGEST_ID]
    lower = wanted.lower()
    parent = _TRACEPARENT.fullmatch(lower)
    if parent:
        return _trace_or_span(reader, parent[1]) or Unresolved(pruned=False)
    found = _session(reader, wanted) or (_session(reader, lower) if lower != wanted else None)
    if found:
        return found
    if _HEX.fullmatch(lower) and len(lower) in (16, 32):
        found = _trace_or_span(reader, lower)
        if found:
            return found
    found = _order(reader, wanted) if wanted else None
    if found:
        return found
    digits = lower.replace("-", "")
    if digits != lower and len(digits) == 32 and _HEX.fullmatch(digits):
        found = _trace_or_span(reader, digits)
        if found:
            return found
    return Unresolved(pruned=_was_pruned(reader, wanted, lower))


def trace_url(trace_id: str, span_id: str | None = None) -> str:
    """The address of a trace's page, with a span opened if one is named."""
    return f"/apm/traces/{trace_id}" + (f"?span={span_id}" if span_id else "")


def session_url(session_id: str, span_id: str | None = None) -> str:
    """The address of a session's page, with an event opened if one is named."""
    return f"/rum/sessions/{quote(session_id, safe='')}" + (f"?event={span_id}" if span_id else "")


def _session(reader: Reader, text: str) -> Resolved | None:
    if not text or reader.session(SessionId(text)) is None:
        return None
    return Resolved("session", session_url(text), session_id=SessionId(text))


def _trace_or_span(reader: Reader, digits: str) -> Resolved | None:
    if len(digits) == 32:
        if reader.locate(TraceId(digits)) is not Whereabouts.PRESENT:
            return None
        return Resolved("trace", trace_url(digits), trace_id=TraceId(digits))
    ending = reader.trace_ids_ending(digits)
    if ending:
        return Resolved("trace", trace_url(ending[0]), trace_id=ending[0])
    trace_id = reader.trace_of_span(digits)
    if trace_id is None:
        return None
    return Resolved("span", trace_url(trace_id, digits), trace_id=trace_id, span_id=digits)


def _order(reader: Reader, text: str) -> Resolved | None:
    for name in ORDER_ATTRIBUTES:
        query = TraceQuery(window=EVERYTHING, attributes={name: text}, limit=1)
        found = reader.find_traces(query).items
        if found:
            trace_id = found[0].trace_id
            return Resolved("order", trace_url(trace_id), trace_id=trace_id)
    return None


def _was_pruned(reader: Reader, text: str, lower: str) -> bool:
    if text and reader.locate_session(SessionId(text)) is Whereabouts.PRUNED:
        return True
    is_trace = len(lower) == 32 and _HEX.fullmatch(lower)
    return bool(is_trace) and reader.locate(TraceId(lower)) is Whereabouts.PRUNED
