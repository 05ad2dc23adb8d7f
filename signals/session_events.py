"""The events of a browser session: each with a name, a detail and its link to the backend. Pure."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import urlsplit

from signals.attributes import first_of, http_method_of, http_status_of, number_of, text_of, url_of
from signals.browser_events import REPEATED_WITHIN_NS, error_report, rum_failed, rum_kind, rum_repeats
from signals.ids import read_span_id, read_trace_id
from signals.model import Attributes, Span, SpanId, TraceId

_VITALS = ("lcp", "inp", "cls", "fid", "fcp", "ttfb")
_REQUESTS = frozenset({"fetch", "document_fetch", "resource"})
_TEXTS = ("target_label", "target_text", "target_name")
_HIDDEN_TEXT = re.compile(r"<[\w-]+>")
"""What an agent that must not read texts sends in their place: the element, `<button>`."""
_ID_IN_PATH = re.compile(r"""@id=["']([^"']+)["']""")
_MOST_COMPARED = 200
"""Thrown errors that a line of the console is compared with."""


@dataclass(frozen=True, slots=True)
class ApmLink:
    """The backend's span that answered a browser's request, from the `Server-Timing` header."""

    trace_id: TraceId
    span_id: SpanId


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """One row of a session."""

    span: Span
    kind: str
    name: str
    """`POST /cart/checkout`, `LCP`, `TypeError`."""
    detail: str
    """The rest in one line: the URL, the message, the measured value; may be empty."""
    http_status: int | None
    error: bool
    apm: ApmLink | None
    repeats: bool = False
    """It is a line of the console about an error that was thrown, too: both count once."""


class TraceEntry(Protocol):
    """The backend's entry span of a trace, by its tags: a store's trace summary is one."""

    @property
    def tags(self) -> Attributes: ...


def events_of(spans: Sequence[Span], entries: Mapping[TraceId, TraceEntry]) -> tuple[SessionEvent, ...]:
    """The events of a session, in the order of its spans.

    `entries` are those of the linked traces that are stored. The agent reports every
    document as a GET, so a document's method is the one of the backend's entry, if that has one.
    """
    events = [_event(span, entries) for span in spans]
    again = _repeats(events)
    return tuple(
        replace(event, repeats=True) if place in again else event for place, event in enumerate(events)
    )


def _repeats(events: Sequence[SessionEvent]) -> set[int]:
    """The places of the console's lines that say again what was thrown."""
    reports = [
        (place, error_report(event.span.name, event.span.attributes, event.span.start_unix_nano))
        for place, event in enumerate(events)
        if event.kind == "error"
    ]
    thrown = [report for _, report in reports if not report.console]
    starts = [report.start_unix_nano for report in thrown]
    found = set()
    for place, report in reports:
        if report.console:
            first = bisect_left(starts, report.start_unix_nano - REPEATED_WITHIN_NS)
            near = thrown[first : first + _MOST_COMPARED]
            if any(rum_repeats(report, other) for other in near):
                found.add(place)
    return found


def apm_link_of(attributes: Attributes) -> ApmLink | None:
    """The link that the agent read from `Server-Timing`, or None; 64-bit trace ids are padded."""
    if "link.traceId" not in attributes:
        return None
    trace_id = read_trace_id(text_of(attributes.get("link.traceId")))
    span_id = read_span_id(text_of(attributes.get("link.spanId")))
    if trace_id is None or span_id is None:
        return None
    return ApmLink(TraceId(trace_id.zfill(32)), span_id)


def linked_traces(spans: Sequence[Span]) -> tuple[TraceId, ...]:
    """The traces that these browser spans link to, each once, in order."""
    links = (apm_link_of(span.attributes) for span in spans)
    return tuple(dict.fromkeys(link.trace_id for link in links if link))


def _event(span: Span, entries: Mapping[TraceId, TraceEntry]) -> SessionEvent:
    attributes = span.attributes
    kind = rum_kind(span.name, attributes)
    apm = apm_link_of(attributes)
    entry = entries.get(apm.trace_id) if apm else None
    name, detail = _name_and_detail(kind, span, entry)
    return SessionEvent(
        span=span,
        kind=kind,
        name=name,
        detail=detail,
        http_status=http_status_of(attributes),
        error=rum_failed(kind, attributes),
        apm=apm,
    )


def _name_and_detail(kind: str, span: Span, entry: TraceEntry | None) -> tuple[str, str]:
    attributes = span.attributes
    url = url_of(attributes)
    if kind in _REQUESTS:
        method = _method(kind, attributes, entry)
        return f"{method} {path_of(url)}" if url else span.name, url
    if kind == "document":
        where = url or text_of(attributes.get("location.href"))
        return path_of(where) or span.name, where
    if kind == "error":
        message, source = error_text(attributes), text_of(attributes.get("target_src"))
        # Of a file that failed to load, the message may lack which one it was.
        if source in message:
            return span.name, message
        return span.name, f"{message}: {source}" if message else source
    if kind == "vital":
        return _vital(span)
    if kind == "route":
        before = text_of(attributes.get("prev.href"))
        after = text_of(attributes.get("location.href"))
        return path_of(after) or span.name, f"from {path_of(before)}" if before else ""
    if kind == "action":
        return first_of(attributes, ("event_type",)) or span.name, action_label(attributes)
    if kind == "longtask":
        return span.name, first_of(attributes, ("longtask.attribution.name", "longtask.name"))
    return span.name, text_of(attributes.get("workflow.name")) if kind == "custom" else ""


def action_label(attributes: Attributes) -> str:
    """What a person acted on: `Place order`; of an agent that hides texts, by the element's id.

    Empty where the event names nothing.
    """
    text = " ".join(first_of(attributes, _TEXTS).split())
    if text and not _HIDDEN_TEXT.fullmatch(text):
        return text
    path = first_of(attributes, ("target_xpath", "target_selector"))
    ids = _ID_IN_PATH.findall(path)
    if ids:
        last: str = ids[-1]
        words = last.replace("-", " ").replace("_", " ").strip()
        return words[:1].upper() + words[1:] if words else last
    return path or text or first_of(attributes, ("target_element",))


def _method(kind: str, attributes: Attributes, entry: TraceEntry | None) -> str:
    reported = http_method_of(attributes).upper() or "GET"
    if kind == "document_fetch" and entry:
        true = first_of(entry.tags, ("http.request.method", "http.method")).upper()
        return true or reported
    return reported


def path_of(url: str) -> str:
    """The path of a URL, `/` where it has none; text that is not a URL stays as it is."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    return parts.path or ("/" if parts.netloc else url)


def error_text(attributes: Attributes) -> str:
    """`TypeError: …`: an error's type and message, the type only once."""
    message = first_of(attributes, ("error.message", "exception.message", "message"))
    kind = first_of(attributes, ("error.object", "exception.type", "error.type"))
    if not message:
        return kind
    if not kind or kind in ("String", "Error", "true") or message.startswith(kind):
        return message
    return f"{kind}: {message}"


def _vital(span: Span) -> tuple[str, str]:
    for vital in _VITALS:
        value = number_of(span.attributes.get(vital))
        if value is not None:
            return vital.upper(), f"{value:.3f}" if vital == "cls" else f"{value:,.0f} ms"
    return span.name, ""
