"""Answers Jaeger's questions from the store: which traces have such a span, which operations a service has.

The store finds whole traces and entries into services; Jaeger's conditions are those of one span. So the
store is asked for what must hold of the trace, and the spans that it has are looked at one by one, within
bounds that the answer names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from observer.api.jaeger_document import has_tags
from observer.api.jaeger_parameters import Search
from signals.model import Span, SpanKind, TraceId
from store.api import Reader, TraceQuery, TraceSummary, Window

MOST_SPANS = 10_000
"""Spans that one search reads: one to two seconds of decoding and writing, and 60 MB at most."""
_CUT = (
    f"The search was cut after {MOST_SPANS:,} spans: the last trace may lack spans, and the traces after it "
    "were not looked at. Choose a shorter time range or fewer traces."
)
_PAGE = 50
_SAMPLED_TRACES = 40
_SAMPLED_SPANS = 5_000
_MOST_LOOKUPS = 20
"""Operations of a service that the sample does not hold and that are looked for one by one."""
_OF_EVENTS = ("event", "message", "level", "stack")
"""Names of fields of logs, which the store does not search by; so are all below `exception.`."""
_DERIVED = ("span.kind", "otel.status_code", "otel.status_description", "w3c.tracestate", "error")
"""Tags that are no attributes; `otel.scope.…` neither."""

Found = tuple[TraceId, Sequence[Span]]


@dataclass(slots=True)
class Result:
    """Traces, newest first, and what of the search was left out."""

    traces: list[Found] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    """Ids that were asked for and are not here."""


def find(reader: Reader, search: Search) -> Result:
    """The traces of a search. Raises StoreError."""
    return _by_id(reader, search) if search.trace_ids else _by_conditions(reader, search)


def _by_id(reader: Reader, search: Search) -> Result:
    result, left = Result(), MOST_SPANS
    for trace_id in search.trace_ids:
        if left <= 0:
            result.notes.append(_CUT)
            break
        spans = reader.spans_of_trace(TraceId(trace_id), left)
        left -= len(spans)
        if spans:
            result.traces.append((TraceId(trace_id), spans))
        else:
            result.missing.append(trace_id)
    return result


def _by_conditions(reader: Reader, search: Search) -> Result:
    result, left = Result(), MOST_SPANS
    for summary in _candidates(reader, search, result):
        if len(result.traces) >= search.limit:
            break
        if left <= 0:
            result.notes.append(_CUT)
            break
        spans = reader.spans_of_trace(summary.trace_id, left)
        left -= len(spans)
        if any(_matches(span, search) for span in spans):
            result.traces.append((summary.trace_id, spans))
    return result


def _candidates(reader: Reader, search: Search, result: Result) -> Iterator[TraceSummary]:
    query = _query(search)
    if search.operation and search.operation in reader.operations(search.service, search.window):
        # The store finds entries by an index; an inner span of the same name and service is rare.
        query = replace(query, operation=search.operation)
    while True:
        page = reader.find_traces(query)
        yield from page.items
        if page.truncated and not result.notes:
            result.notes.append("Not all of the time range was searched for the tags: more may match.")
        if page.next_cursor is None:
            return
        query = replace(query, cursor=page.next_cursor)


def _query(search: Search) -> TraceQuery:
    """What must hold of a trace that has such a span."""
    tags = search.tags
    in_error = tags.get("error") == "true" or tags.get("otel.status_code") == "ERROR"
    return TraceQuery(
        window=search.window,
        service=search.service,
        error="any" if in_error else None,
        attributes={name: value for name, value in tags.items() if value and _is_attribute(name)},
        min_ns=search.min_ns,
        limit=min(_PAGE, search.limit),
    )


def _is_attribute(name: str) -> bool:
    return name not in _DERIVED + _OF_EVENTS and not name.startswith(("otel.scope.", "exception."))


def _matches(span: Span, search: Search) -> bool:
    return (
        span.service == search.service
        and (not search.operation or span.name == search.operation)
        and (search.min_ns is None or span.duration_ns >= search.min_ns)
        and (search.max_ns is None or span.duration_ns <= search.max_ns)
        and has_tags(span, search.tags)
    )


def operations_of(reader: Reader, service: str, window: Window) -> Sequence[tuple[str, str]]:
    """(operation, kind of its span) of a service, by name.

    Entries are known from all requests of the window; other spans, and all kinds, from the newest traces.
    The kind of an entry without a span among those is empty.
    """
    query = TraceQuery(window=window, service=service, limit=_SAMPLED_TRACES)
    found = _sampled(reader, query, service)
    entries = reader.operations(service, window)
    for number, name in enumerate(sorted(set(entries) - {name for name, _ in found})):
        seen: Mapping[tuple[str, str], None] = {}
        if number < _MOST_LOOKUPS:
            seen = _sampled(reader, replace(query, operation=name, limit=1), service)
        found |= seen
        if name not in {each for each, _ in seen}:
            found[name, ""] = None
    return sorted(found)


def _sampled(reader: Reader, query: TraceQuery, service: str) -> dict[tuple[str, str], None]:
    found: dict[tuple[str, str], None] = {}
    left = _SAMPLED_SPANS
    for summary in reader.find_traces(query).items:
        spans = reader.spans_of_trace(summary.trace_id, left)
        left -= len(spans)
        found |= {(span.name, _kind(span)): None for span in spans if span.service == service}
        if left <= 0:
            break
    return found


def _kind(span: Span) -> str:
    return "" if span.kind is SpanKind.UNSPECIFIED else span.kind.word
