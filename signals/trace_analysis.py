"""A whole trace, told: its tree, its requests, where its errors began, where its time went.

`analyse` is a pure function of the spans; shuffle them or rename everything in them
and the answer stays the same. The decisions are made in `signals.trace_tree` and
`signals.time_breakdown`; this module puts them into rows and words. Knows no service by name.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from signals.model import (
    ServiceInTrace,
    SessionId,
    Span,
    SpanError,
    SpanId,
    SpanKind,
    StatusCode,
    TraceId,
)
from signals.semantics import route_of
from signals.time_breakdown import CriticalSegment, Performance, critical_path_of, performance_of
from signals.trace_tree import ABSENT, Outline, outline, requests_of, services_of

SKEW_TOLERANCE_NS = 1_000_000
"""Clocks of one machine read a little apart; below this nobody is told."""

_SERVES = frozenset({int(SpanKind.SERVER), int(SpanKind.CONSUMER)})


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One line of the waterfall."""

    span: Span
    depth: int
    """0 for a top row; an inferred row is one deeper than its client."""
    error: SpanError
    """NONE for inferred rows."""
    entry: bool
    """A request of this span's service begins here."""
    inferred: bool = False
    """Made up of what its client told: its service reports no spans of its own here."""
    children: int = 0
    """Direct children, an inferred one counted."""
    orphan: bool = False
    circular: bool = False
    duplicate: bool = False
    skewed: bool = False
    notes: tuple[str, ...] = ()
    """What is odd about this span, each in one sentence."""


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """One entry into a service."""

    span_id: SpanId
    service: str
    operation: str
    start_unix_nano: int
    duration_ns: int
    error: bool
    origin: bool
    """An error began in this service under this entry."""


@dataclass(frozen=True, slots=True)
class BrowserOrigin:
    """The browser's span that a trace came from."""

    session_id: SessionId | None
    span_id: SpanId


@dataclass(frozen=True, slots=True)
class TraceAnalysis:
    """What there is to say of a trace; browser spans count in nothing but `browser`."""

    trace_id: TraceId | None
    """None if there was no span at all."""
    rows: tuple[TraceRow, ...]
    """Depth first, siblings by start; inferred rows under their clients."""
    start_unix_nano: int
    duration_ns: int
    """From the first start to the last end of the backend's spans."""
    spans: int
    """Backend spans, inferred ones not counted."""
    errors: int
    origin_errors: int
    services: tuple[ServiceInTrace, ...]
    """In order of first start."""
    requests: tuple[TraceRequest, ...]
    entry: TraceRow | None
    """The row that set the trace going."""
    service: str
    """The entry's, empty without one; likewise `operation` and `workflow`."""
    operation: str
    workflow: str
    complete: bool
    notes: tuple[str, ...]
    """What is odd about the trace as a whole, each in one sentence."""
    browser: BrowserOrigin | None
    browser_spans: tuple[Span, ...]
    performance: Performance
    critical_path: tuple[CriticalSegment, ...]
    """By start."""

    def row(self, span_id: str) -> TraceRow | None:
        """The first row of this span id."""
        return next((row for row in self.rows if row.span.span_id == span_id), None)


def analyse(spans: Sequence[Span]) -> TraceAnalysis:
    """Everything that can be said of a trace. O(n log n), no recursion, any order of spans."""
    shape = outline(spans)
    rows = _rows(shape)
    entry = next((row for row in rows if shape.initiating != ABSENT and _is_initiating(shape, row)), None)
    start, end = _extent(shape)
    browser_spans = tuple(
        sorted(
            (span for span in spans if span.browser), key=lambda span: (span.start_unix_nano, span.span_id)
        )
    )
    service = entry.span.service if entry else ""
    return TraceAnalysis(
        trace_id=spans[0].trace_id if spans else None,
        rows=rows,
        start_unix_nano=start,
        duration_ns=end - start,
        spans=len(shape.spans),
        errors=sum(error is not SpanError.NONE for error in shape.origins),
        origin_errors=sum(error is SpanError.ORIGIN for error in shape.origins),
        services=tuple(ServiceInTrace(*tally) for tally in services_of(shape)),
        requests=_requests(shape),
        entry=entry,
        service=service,
        operation=entry.span.name if entry else "",
        workflow=f"{service}:{route_of(entry.span.name, entry.span.attributes)}" if entry else "",
        complete=shape.complete,
        notes=_trace_notes(shape, rows),
        browser=_browser_origin(entry, browser_spans),
        browser_spans=browser_spans,
        performance=performance_of(shape),
        critical_path=tuple(
            CriticalSegment(shape.spans[place].span_id, begin, finish - begin)
            for place, begin, finish in critical_path_of(shape)
        ),
    )


def inferred_id(client_span_id: str) -> SpanId:
    """The id of the inferred span under a client's: the same each time, and nobody else's."""
    return SpanId(hashlib.blake2b(b"inferred:" + client_span_id.encode(), digest_size=8).hexdigest())


def _is_initiating(shape: Outline[Span], row: TraceRow) -> bool:
    return row.span is shape.spans[shape.initiating]


def _rows(shape: Outline[Span]) -> tuple[TraceRow, ...]:
    reporting = {span.service for span in shape.spans}
    rows = []
    for place in shape.order:
        span = shape.spans[place]
        inferred = shape.is_leaf_call(place) and bool(span.peer) and span.peer not in reporting
        skew = _skew_note(shape, place)
        rows.append(
            TraceRow(
                span=span,
                depth=shape.depths[place],
                error=shape.origins[place],
                entry=shape.entries[place] == place,
                children=len(shape.children[place]) + inferred,
                orphan=shape.lost[place],
                circular=shape.circular[place],
                duplicate=shape.doubled[place],
                skewed=bool(skew),
                notes=tuple(note for note in (*_link_notes(shape, place), skew) if note),
            )
        )
        if inferred:
            rows.append(_inferred_row(span, shape.depths[place] + 1))
    return tuple(rows)


def _inferred_row(client: Span, depth: int) -> TraceRow:
    span = dataclasses.replace(
        client,
        span_id=inferred_id(client.span_id),
        parent_span_id=client.span_id,
        service=client.peer,
        status=StatusCode.UNSET,
        status_message="",
        error=False,
        peer="",
        peer_is_database=client.peer_is_database,
        attributes={},
        resource={},
        scope="",
        scope_version="",
        events=(),
        links=(),
    )
    note = f"{client.peer} sent no spans of its own: this row is what {client.service} saw of it."
    return TraceRow(span, depth, SpanError.NONE, entry=False, inferred=True, notes=(note,))


def _link_notes(shape: Outline[Span], place: int) -> list[str]:
    span = shape.spans[place]
    notes = []
    if shape.lost[place]:
        notes.append(
            f"Its parent {span.parent_span_id} has not arrived, so this span stands at the top: "
            "the parent may still come, may have been dropped, or its service sends no spans."
        )
    if shape.circular[place]:
        notes.append(
            f"It names {span.parent_span_id} as its parent, which is itself or one of its own descendants: "
            "the link was cut here to show the spans at all."
        )
    if shape.doubled[place]:
        notes.append(f"Another span has the same id {span.span_id}: children stand under the earlier one.")
    return notes


def _skew_note(shape: Outline[Span], place: int) -> str:
    """Words for a child that runs when its caller says it cannot."""
    parent_place = shape.parents[place]
    if parent_place == ABSENT:
        return ""
    span = shape.spans[place]
    parent = shape.spans[parent_place]
    early_ns = parent.start_unix_nano - span.start_unix_nano
    late_ns = 0
    if parent.kind == SpanKind.CLIENT and (span.kind in _SERVES or span.service != parent.service):
        late_ns = span.start_unix_nano - parent.end_unix_nano
    if early_ns > SKEW_TOLERANCE_NS:
        when = f"starts {early_ns / 1e6:,.1f} ms before its parent"
    elif late_ns > SKEW_TOLERANCE_NS:
        when = f"starts {late_ns / 1e6:,.1f} ms after the call that it answers had ended"
    else:
        return ""
    if span.service == parent.service:
        return (
            f"It {when}, which is not possible in one process: a clock was set meanwhile, or a time is wrong."
        )
    return (
        f"It {when}: the clocks of {parent.service} and {span.service} disagree. "
        "Its time is shown as it was reported."
    )


def _trace_notes(shape: Outline[Span], rows: Sequence[TraceRow]) -> tuple[str, ...]:
    lost = sum(shape.lost)
    cut = sum(shape.circular)
    doubled = sum(shape.doubled)
    skewed = sum(row.skewed for row in rows)
    notes = []
    if not shape.spans:
        notes.append("No backend span of this trace has arrived yet.")
    if lost:
        notes.append(f"Incomplete: {_spans(lost)} whose parent has not arrived.")
    if cut:
        notes.append(f"{_spans(cut).capitalize()} in a circle of parents: the circle was cut to show them.")
    if doubled:
        notes.append(f"{_spans(doubled).capitalize()} with an id that another span has too.")
    if skewed:
        notes.append(
            f"{_spans(skewed).capitalize()} at a time that does not fit the parent's: clocks disagree."
        )
    return tuple(notes)


def _spans(count: int) -> str:
    return "one span" if count == 1 else f"{count:,} spans"


def _extent(shape: Outline[Span]) -> tuple[int, int]:
    if not shape.spans:
        return 0, 0
    return shape.spans[0].start_unix_nano, max(span.end_unix_nano for span in shape.spans)


def _requests(shape: Outline[Span]) -> tuple[TraceRequest, ...]:
    found = []
    for request in requests_of(shape):
        span = shape.spans[request.place]
        found.append(
            TraceRequest(
                span_id=span.span_id,
                service=span.service,
                operation=span.name,
                start_unix_nano=span.start_unix_nano,
                duration_ns=span.duration_ns,
                error=span.error,
                origin=request.origin,
            )
        )
    return tuple(found)


def _browser_origin(entry: TraceRow | None, browser_spans: Sequence[Span]) -> BrowserOrigin | None:
    """The entry's own parent if it is a browser's span, else the first of a session."""
    if not browser_spans:
        return None
    parent_id = entry.span.parent_span_id if entry else None
    found = next((span for span in browser_spans if span.span_id == parent_id), None)
    if found is None:
        found = next((span for span in browser_spans if span.session_id), browser_spans[0])
    return BrowserOrigin(found.session_id, found.span_id)
