"""The value of an alert's rule over time, with its threshold and the alert as a band. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from markupsafe import Markup

from alerting import Alert, Rule
from observer.components import time_format
from observer.components.alert_words import is_share, value_text
from observer.components.metric_units import unit_of
from observer.components.number_format import duration, percent
from observer.drawing.charts import Frame, Line, lines
from observer.drawing.event_marks import EventMarks
from store.api import Window

_WIDTHS: Final = (("only-wide", 1200.0), ("only-narrow", 400.0))
"""One drawing for a desk and one for a phone; the style sheet shows one of them."""
_LEAD_NS: Final = 5 * 60 * 10**9
_LONGEST_LEAD_NS: Final = 3600 * 10**9
_COLUMNS: Final = 60
_COLUMN_NS: Final = 5 * 10**9
_METRIC_COLUMN_NS: Final = 15 * 10**9
"""SDKs report every ten seconds at most, so that a shorter column would be empty now and then."""

Values = Sequence[tuple[int, float | None]]


@dataclass(frozen=True, slots=True)
class ValueRow:
    """One column of the chart."""

    start_unix_nano: int
    value: str
    is_beyond: bool
    """Beyond the threshold."""
    in_alert: bool


@dataclass(frozen=True, slots=True)
class AlertChart:
    """The chart and the table of the same numbers."""

    drawings: tuple[tuple[str, Markup], ...]
    """The class that a drawing is shown for, and the drawing."""
    column: str
    """`5 s per column`."""
    rows: tuple[ValueRow, ...]
    """Newest first; columns without a value are left out."""


def chart_window(alert: Alert, now_unix_nano: int) -> Window:
    """From some time before an alert to some time after it, or until now."""
    end = alert.ended_unix_nano if alert.ended_unix_nano is not None else now_unix_nano
    lead = min(_LONGEST_LEAD_NS, max(_LEAD_NS, (end - alert.started_unix_nano) // 4))
    begin = max(0, alert.started_unix_nano - lead)
    return Window(begin, max(begin + 10**9, min(now_unix_nano + 1, end + lead)))


def columns_of(window: Window, rule: Rule) -> int:
    """How many columns the chart has."""
    least = _METRIC_COLUMN_NS if rule.signal.kind == "metric" else _COLUMN_NS
    return max(1, min(_COLUMNS, window.duration_ns // least))


def alert_chart(
    alert: Alert, rule: Rule, values: Values, window: Window, zone: tzinfo, events: EventMarks
) -> AlertChart | None:
    """The chart of values over the window; None where there is none at all."""
    if all(value is None for _, value in values):
        return None
    threshold = alert.threshold
    shown = [Line(alert.title, "p50", [value for _, value in values])]
    if threshold is not None:
        shown.append(Line("threshold", "threshold", [threshold] * len(values)))
    step = window.duration_ns / max(1, len(values))
    titles = [
        f"{time_format.stamp(start, zone)}\n{_text(alert, rule, value)}" if value is not None else ""
        for start, value in values
    ]

    def axis(value: float) -> str:
        return percent(value, 0) if is_share(rule.signal) else unit_of(alert.unit).axis(value)

    frames = [
        (css, Frame(f"{alert.title} over time", window, zone, axis, width, 220.0, events=events))
        for css, width in _WIDTHS
    ]
    rows = [
        ValueRow(
            start,
            _text(alert, rule, value),
            _is_beyond(alert, value),
            start + step > alert.started_unix_nano
            and (alert.ended_unix_nano is None or start < alert.ended_unix_nano),
        )
        for start, value in reversed(values)
        if value is not None
    ]
    return AlertChart(
        drawings=tuple((css, lines(frame, shown, titles)) for css, frame in frames),
        column=f"{duration(step)} per column",
        rows=tuple(rows),
    )


def _text(alert: Alert, rule: Rule, value: float | None) -> str:
    return value_text(value, alert.unit, rule.signal)


def _is_beyond(alert: Alert, value: float) -> bool:
    if alert.threshold is None:
        return False
    return value > alert.threshold if alert.comparison == "above" else value < alert.threshold
