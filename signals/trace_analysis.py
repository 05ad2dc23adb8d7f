"""Analysis of a whole trace: its tree, its requests, where its errors began, where its time went.

`analyse` is a pure function of the spans; shuffle them or rename everything in them
and the result stays the same. The decisions are made in `signals.trace_tree` and
`signals.time_breakdown`; this module makes rows of them. Knows no service by name.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from signals.model import (
    NOTHING_DROPPED,
    ResourceExtras,
    ScopeExtras,
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
from signals.trace_tree import ABSENT, Outline, answers, outline, requests_of, services_of

SKEW_TOLERANCE_NS = 1_000_000
"""Clock skew below this is not reported: readings of one machine's clock differ a little."""
_LATE_END_NS = 10_000_000
"""A child that ends later than its parent by less than this is not reported: ends are often noted late."""


class ClockSkew(NamedTuple):
    """A span that runs when its parent's times exclude it; one of the durations is 0."""

    parent_service: str
    before_parent_ns: int
    """How long before its parent it starts."""
    after_call_ns: int
    """How long after the end of the call that it answers it starts."""


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
    """Derived from its client's span: its service reports no spans of its own in this trace."""
    client: str = ""
    """Of an inferred row, the service that called."""
    children: int = 0
    """Direct children, an inferred one counted."""
    orphan: bool = False
    """The parent that it names has not arrived, and is not an outside caller's."""
    circular: bool = False
    """It is its own ancestor: the link to its parent was cut."""
    duplicate: bool = False
    """An earlier span has the same id."""
    skew: ClockSkew | None = None
    moved_ns: int = 0
    """From its own start to where it begins by its caller's clock; 0 unless their clocks disagree."""

    late_end_ns: int = 0
    """How long after its parent it ends; 0 where its clock disagrees, or it is a message's consumer."""

    @property
    def start_unix_nano(self) -> int:
        """Where it begins on the axis of the trace."""
        return self.span.start_unix_nano + self.moved_ns

    @property
    def skewed(self) -> bool:
        """Whether its time contradicts its parent's."""
        return self.skew is not None

    @property
    def irregular(self) -> bool:
        """Whether anything about its place or time needs an explanation."""
        odd = bool(self.span.clock_shift_ns) or self.span.odd_time is not None
        return self.orphan or self.circular or self.duplicate or self.skew is not None or odd


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
    """The result of `analyse`; browser spans count in `browser` and `browser_spans` only."""

    trace_id: TraceId | None
    """None without any span."""
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
    """The row that initiated the trace."""
    service: str
    """The entry's, empty without one; likewise `operation` and `workflow`."""
    operation: str
    workflow: str
    complete: bool
    browser: BrowserOrigin | None
    browser_spans: tuple[Span, ...]
    performance: Performance
    critical_path: tuple[CriticalSegment, ...]
    """By start."""

    def row(self, span_id: str) -> TraceRow | None:
        """The first row of this span id."""
        return next((row for row in self.rows if row.span.span_id == span_id), None)


def analyse(spans: Sequence[Span]) -> TraceAnalysis:
    """The analysis of a trace's spans, in any order. O(n log n), no recursion."""
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
        browser=_browser_origin(entry, browser_spans),
        browser_spans=browser_spans,
        performance=performance_of(shape),
        critical_path=tuple(
            CriticalSegment(shape.spans[place].span_id, begin, finish - begin)
            for place, begin, finish in critical_path_of(shape)
        ),
    )


def inferred_id(client_span_id: str) -> SpanId:
    """The id of the inferred span under a client's span: the same each time, and unique to it."""
    return SpanId(hashlib.blake2b(b"inferred:" + client_span_id.encode(), digest_size=8).hexdigest())


def _is_initiating(shape: Outline[Span], row: TraceRow) -> bool:
    return row.span is shape.spans[shape.initiating]


def _rows(shape: Outline[Span]) -> tuple[TraceRow, ...]:
    reporting = {span.service for span in shape.spans}
    rows = []
    for place in shape.order:
        span = shape.spans[place]
        inferred = shape.is_leaf_call(place) and bool(span.peer) and span.peer not in reporting
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
                skew=_skew_of(shape, place),
                moved_ns=shape.starts[place] - span.start_unix_nano,
                late_end_ns=_late_end_of(shape, place),
            )
        )
        if inferred:
            rows.append(_inferred_row(rows[-1]))
    return tuple(rows)


def _inferred_row(row: TraceRow) -> TraceRow:
    client = row.span
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
        scope_extras=ScopeExtras(),
        resource_extras=ResourceExtras(),
        trace_state="",
        flags=0,
        dropped=NOTHING_DROPPED,
        events=(),
        links=(),
    )
    return TraceRow(
        span,
        row.depth + 1,
        SpanError.NONE,
        entry=False,
        inferred=True,
        client=client.service,
        moved_ns=row.moved_ns,
    )


def _skew_of(shape: Outline[Span], place: int) -> ClockSkew | None:
    """How a child's time contradicts its parent's, if by more than SKEW_TOLERANCE_NS."""
    parent_place = shape.parents[place]
    if parent_place == ABSENT:
        return None
    span = shape.spans[place]
    parent = shape.spans[parent_place]
    early_ns = parent.start_unix_nano - span.start_unix_nano
    late_ns = 0
    if answers(span, parent):
        late_ns = span.start_unix_nano - parent.end_unix_nano
    if early_ns > SKEW_TOLERANCE_NS:
        return ClockSkew(parent.service, early_ns, 0)
    if late_ns > SKEW_TOLERANCE_NS:
        return ClockSkew(parent.service, 0, late_ns)
    return None


def _late_end_of(shape: Outline[Span], place: int) -> int:
    """How long after its parent a child ends; a consumer is meant to."""
    above = shape.parents[place]
    if above == ABSENT:
        return 0
    span, parent = shape.spans[place], shape.spans[above]
    if span.kind == SpanKind.CONSUMER or parent.kind == SpanKind.PRODUCER or parent.odd_time is not None:
        return 0
    late_ns = span.end_unix_nano - parent.end_unix_nano
    return late_ns if late_ns > _LATE_END_NS and _skew_of(shape, place) is None else 0


def _extent(shape: Outline[Span]) -> tuple[int, int]:
    if not shape.spans:
        return 0, 0
    ends = (start + span.duration_ns for start, span in zip(shape.starts, shape.spans, strict=True))
    return min(shape.starts), max(ends)


def _requests(shape: Outline[Span]) -> tuple[TraceRequest, ...]:
    found = []
    for request in requests_of(shape):
        span = shape.spans[request.place]
        found.append(
            TraceRequest(
                span_id=span.span_id,
                service=span.service,
                operation=span.name,
                start_unix_nano=shape.starts[request.place],
                duration_ns=span.duration_ns,
                error=span.error,
                origin=request.origin,
            )
        )
    return tuple(found)


def _browser_origin(entry: TraceRow | None, browser_spans: Sequence[Span]) -> BrowserOrigin | None:
    """The entry's parent if that is a browser span, else the first browser span of a session."""
    if not browser_spans:
        return None
    parent_id = entry.span.parent_span_id if entry else None
    found = next((span for span in browser_spans if span.span_id == parent_id), None)
    if found is None:
        found = next((span for span in browser_spans if span.session_id), browser_spans[0])
    return BrowserOrigin(found.session_id, found.span_id)
