"""Breakdown of a trace's time: the Performance Summary and the critical path.

Both work on exclusive time: the part of a span in which none of its children runs.
Children that overlap are counted once; a child on another clock is moved into its
caller before it is subtracted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signals.model import SpanKind
from signals.trace_tree import ABSENT, Outline, S

_CALLS = frozenset({int(SpanKind.CLIENT), int(SpanKind.PRODUCER)})
_SERVES = frozenset({int(SpanKind.SERVER), int(SpanKind.CONSUMER)})


@dataclass(frozen=True, slots=True)
class Performance:
    """Shares in percent, to one decimal, that sum to 100.0 (all 0.0 without a backend span).

    They are shares of the summed exclusive times, not of the trace's duration: spans
    that run side by side make the sum longer than the trace.
    """

    application: float = 0.0
    database: float = 0.0
    external: float = 0.0
    network: float = 0.0
    application_ns: int = 0
    database_ns: int = 0
    external_ns: int = 0
    network_ns: int = 0

    @property
    def total_ns(self) -> int:
        return self.application_ns + self.database_ns + self.external_ns + self.network_ns


@dataclass(frozen=True, slots=True)
class CriticalSegment:
    """A period in which this span alone kept the trace from ending earlier."""

    span_id: str
    start_unix_nano: int
    duration_ns: int


def exclusive_ns(start_ns: int, end_ns: int, intervals: Sequence[tuple[int, int]]) -> int:
    """The part of start to end that no interval covers; never negative."""
    covered = 0
    reached = start_ns
    for begin, finish in sorted(intervals):
        begin = max(begin, reached)
        finish = min(finish, end_ns)
        if finish > begin:
            covered += finish - begin
            reached = finish
    return max(0, end_ns - start_ns - covered)


def performance_of(shape: Outline[S]) -> Performance:
    """The Performance Summary of a trace.

    A call without an answering span is External, or Database if it calls one.
    A call that another service answered is Network, for the time beyond the answer.
    The exclusive time of everything else is Application.
    """
    application = database = external = network = 0
    for place, span in enumerate(shape.spans):
        below = shape.children[place]
        if span.kind in _CALLS and not below:
            if span.peer_is_database:
                database += span.duration_ns
            else:
                external += span.duration_ns
            continue
        left_ns = span.duration_ns
        if below:
            start = shape.starts[place]
            left_ns = exclusive_ns(
                start,
                start + span.duration_ns,
                [_interval(shape, place, child) for child in below],
            )
        if below and span.kind in _CALLS and any(_answers(shape, place, child) for child in below):
            network += left_ns
        else:
            application += left_ns
    nanoseconds = (application, database, external, network)
    one, two, three, four = _shares(nanoseconds, any_span=bool(shape.spans))
    return Performance(one, two, three, four, *nanoseconds)


def _answers(shape: Outline[S], caller: int, child: int) -> bool:
    span = shape.spans[child]
    return span.kind in _SERVES or span.service != shape.spans[caller].service


def _interval(shape: Outline[S], parent: int, child: int) -> tuple[int, int]:
    """(start, end) of a child; an answer to a waiting call is moved into the call if it fits."""
    outer = shape.spans[parent]
    inner = shape.spans[child]
    start, called = shape.starts[child], shape.starts[parent]
    waits = outer.kind == SpanKind.CLIENT and _answers(shape, parent, child)
    if waits and inner.duration_ns <= outer.duration_ns:
        latest = called + outer.duration_ns - inner.duration_ns
        start = min(max(start, called), latest)
    return start, start + inner.duration_ns


def _shares(parts: tuple[int, ...], *, any_span: bool) -> list[float]:
    """Percentages to one decimal by largest remainder, so that they sum to 100.0."""
    total = sum(parts)
    if not total:
        return [100.0 if any_span and not place else 0.0 for place in range(len(parts))]
    tenths = [part * 1000 // total for part in parts]
    by_remainder = sorted(range(len(parts)), key=lambda place: (-(parts[place] * 1000 % total), place))
    for place in by_remainder[: 1000 - sum(tenths)]:
        tenths[place] += 1
    return [tenth / 10 for tenth in tenths]


def critical_path_of(shape: Outline[S]) -> list[tuple[int, int, int]]:
    """(place in `shape.spans`, start, end) of each segment, by start.

    Goes back from the end of the initiating span: into the child that ended last,
    from that child's start into the one that ended last before it, and so on.
    Children that outlive their parent count up to its end. Without recursion, as traces
    may be deeper than Python's stack.
    """
    if shape.initiating == ABSENT:
        return []
    spans, starts = shape.spans, shape.starts
    segments: list[tuple[int, int, int]] = []
    root = spans[shape.initiating]
    frames: list[tuple[int, int, int, list[int], bool]] = []

    def enter(place: int, floor: int, limit: int) -> None:
        later = sorted(shape.children[place], key=lambda child: _end_rank(shape, child))
        frames.append((place, max(floor, starts[place]), limit, later, True))

    begun = starts[shape.initiating]
    enter(shape.initiating, begun, begun + root.duration_ns)
    while frames:
        place, floor, limit, later, first = frames.pop()
        while later:
            child = later.pop()
            child_start = max(starts[child], floor)
            child_end = starts[child] + spans[child].duration_ns
            clipped = min(child_end, limit)
            if clipped <= child_start or (child_end > limit and not first):
                continue
            if clipped < limit:
                segments.append((place, clipped, limit))
            frames.append((place, floor, child_start, later, False))
            enter(child, floor, clipped)
            break
        else:
            if limit > floor:
                segments.append((place, floor, limit))
    segments.sort(key=lambda segment: (segment[1], segment[2]))
    return segments


def _end_rank(shape: Outline[S], place: int) -> tuple[int, int]:
    return shape.starts[place] + shape.spans[place].duration_ns, place
