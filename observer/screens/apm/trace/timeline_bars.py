"""The position of each row's time in the waterfall, in units that the drawing scales. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from signals.trace_analysis import TraceAnalysis, TraceRow

BAR = 1000.0
"""Units across the whole trace."""
_MIN_WIDTH = 2.5
"""Units of the shortest bar; a shorter one would be invisible."""
_EVENTS_LIMIT = 20
"""Events of a span that its bar shows."""

Stretches = Mapping[str, list[tuple[float, float]]]
"""(x, width) by span id."""


@dataclass(frozen=True, slots=True)
class Bar:
    """The position of a row's time, in units of BAR."""

    x: float
    width: float
    critical: tuple[tuple[float, float], ...] = ()
    """(x, width) of the stretches on the critical path."""
    events: tuple[float, ...] = ()
    """Positions of the span's events."""


def critical_stretches(analysis: TraceAnalysis) -> Stretches:
    """The stretches of each span on the critical path; those too close to distinguish are merged."""
    found: dict[str, list[tuple[float, float]]] = {}
    for segment in analysis.critical_path:
        x, width = stretch(analysis, segment.start_unix_nano, segment.duration_ns, min_width=1.0)
        pieces = found.setdefault(segment.span_id, [])
        if pieces and x - sum(pieces[-1]) < _MIN_WIDTH:
            x, before = pieces.pop()[0], x
            width += before - x
        pieces.append((x, width))
    return found


def stretch(
    analysis: TraceAnalysis, start_unix_nano: int, duration_ns: int, min_width: float = _MIN_WIDTH
) -> tuple[float, float]:
    """(x, width) of a time within the trace; a time outside is moved to its edge."""
    whole = max(1, analysis.duration_ns)
    x = (start_unix_nano - analysis.start_unix_nano) / whole * BAR
    width = max(duration_ns / whole * BAR, min_width)
    return min(max(x, 0.0), BAR - min_width), min(width, BAR)


def bar_of(analysis: TraceAnalysis, row: TraceRow, critical: Stretches) -> Bar:
    """The bar of one row."""
    span = row.span
    x, width = stretch(analysis, row.start_unix_nano, span.duration_ns)
    times = [event.time_unix_nano + row.moved_ns for event in span.events[:_EVENTS_LIMIT]]
    events = tuple(stretch(analysis, time, 0)[0] for time in times)
    own = () if row.inferred else tuple(critical.get(span.span_id, ()))
    return Bar(x, width, own, events)
