"""Where a row's time lies across the waterfall, in units that a drawing stretches to its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from signals.trace_analysis import TraceAnalysis, TraceRow

BAR = 1000.0
"""Units across the whole trace."""
_LEAST = 2.5
"""Units of the shortest bar, so that it can be seen."""
_EVENTS = 20
"""Events of a span that its bar shows."""

Stretches = Mapping[str, list[tuple[float, float]]]
"""(x, width) by span id."""


@dataclass(frozen=True, slots=True)
class Bar:
    """Where a row's time lies, in units of BAR."""

    x: float
    width: float
    critical: tuple[tuple[float, float], ...] = ()
    """(x, width) of the stretches on the critical path."""
    events: tuple[float, ...] = ()
    """Where the span's events lie."""


def critical_stretches(analysis: TraceAnalysis) -> Stretches:
    """Where each span lies on the critical path; stretches too near to be told apart are one."""
    found: dict[str, list[tuple[float, float]]] = {}
    for segment in analysis.critical_path:
        x, width = stretch(analysis, segment.start_unix_nano, segment.duration_ns, least=1.0)
        pieces = found.setdefault(segment.span_id, [])
        if pieces and x - sum(pieces[-1]) < _LEAST:
            x, before = pieces.pop()[0], x
            width += before - x
        pieces.append((x, width))
    return found


def stretch(
    analysis: TraceAnalysis, start_unix_nano: int, duration_ns: int, least: float = _LEAST
) -> tuple[float, float]:
    """(x, width) of a time within the trace; what lies outside is moved to its edge."""
    whole = max(1, analysis.duration_ns)
    x = (start_unix_nano - analysis.start_unix_nano) / whole * BAR
    width = max(duration_ns / whole * BAR, least)
    return min(max(x, 0.0), BAR - least), min(width, BAR)


def bar_of(analysis: TraceAnalysis, row: TraceRow, critical: Stretches) -> Bar:
    """The bar of one row."""
    span = row.span
    x, width = stretch(analysis, span.start_unix_nano, span.duration_ns)
    events = tuple(stretch(analysis, event.time_unix_nano, 0)[0] for event in span.events[:_EVENTS])
    own = () if row.inferred else tuple(critical.get(span.span_id, ()))
    return Bar(x, width, own, events)
