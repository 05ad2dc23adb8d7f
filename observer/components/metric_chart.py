"""A metric over time: the lines of a chart, their legend, the table of the same numbers, exemplars. Pure.

`templates/components/metric_chart.html` places it. The store is asked by `observer/lookup/metric_charts.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from markupsafe import Markup

from observer.components import metric_units, time_format
from observer.components.metric_units import Unit
from observer.components.number_format import count, duration, plural
from observer.components.safe_text import plain
from observer.drawing import event_marks
from observer.drawing.charts import Dot, Frame, Line, lines
from observer.request.links import scoped
from observer.request.time_range import range_args
from signals.attributes import text_of
from signals.ids import short_trace_id
from store.api import MetricAggregation, MetricChart, MetricExemplar, Window

NOT_SET: Final = "not set"
"""Stands for the value of an attribute that series of a group do not have."""
_WIDTHS: Final = (("only-wide", 1200.0), ("only-narrow", 400.0))
"""One drawing for a desk and one for a phone; the style sheet shows one of them."""
_MS: Final = 1_000_000
_COLOURS: Final = 8
_DRAWABLE: Final = 1e300
"""Beyond it, and below its inverse, coordinates cannot be computed."""
_NAME: Final = 60
_TITLED: Final = 10
"""Lines that the tooltip of a column names."""
_ATTRIBUTES: Final = 6
"""Attributes of an exemplar that a list shows."""
_IN_UNIT: Final = frozenset({"avg", "min", "max", "last"})

Narrowed = Callable[[Mapping[str, str]], str]
"""The address of a page narrowed to series with these attributes."""


@dataclass(frozen=True, slots=True)
class MetricLine:
    """One line, with what its legend says of it."""

    name: str
    """Its group and, of several, its percentile; empty where it is the only one."""
    css: str
    series: str
    """`3 series`: how many are merged in it."""
    newest: str
    least: str
    greatest: str
    mean: str
    """Of the columns that have a value."""
    total: str
    """The sum of its columns, where they are increases or counts; else empty."""
    href: str
    """This group alone; empty where there are no groups."""


@dataclass(frozen=True, slots=True)
class ColumnValues:
    """One row of the table: a column of the chart, with the value of each line."""

    start_unix_nano: int
    start_ms: int
    """The same in milliseconds, for the script that shows the values at the pointer."""
    values: tuple[str, ...]
    href: str
    """The page in the time of this column alone."""


@dataclass(frozen=True, slots=True)
class ExemplarRow:
    """One observation that a point counted, and the trace in which it happened."""

    time_unix_nano: int
    value: str
    trace: str
    """The short id; empty where the sender named none."""
    href: str
    line: str
    """The name of its line."""
    css: str
    attributes: tuple[tuple[str, str], ...]
    """Those of the observation, and those in which exemplars of the list differ: the first few."""


@dataclass(frozen=True, slots=True)
class MetricChartView:
    """A metric over time, ready to be placed."""

    title: str
    drawings: tuple[tuple[str, Markup], ...]
    """The class that a drawing is shown for, and the drawing."""
    unit: str
    """Of the values, in words; empty without one."""
    lines: tuple[MetricLine, ...]
    rows: tuple[ColumnValues, ...]
    """Newest first; columns without any value are left out."""
    exemplars: tuple[ExemplarRow, ...]
    column: str
    """`15 s per column`."""
    columns: int
    left_out: str
    """`12 groups left out`; empty where all are drawn."""
    undrawn: str
    """That values are in the table alone, as no axis holds them; empty where all are drawn."""
    has_totals: bool
    step_ms: float
    """The length of a column."""

    @property
    def exemplar_count(self) -> int:
        """How many exemplars are listed."""
        return len(self.exemplars)

    @property
    def named(self) -> bool:
        """Whether lines have names."""
        return any(line.name for line in self.lines)


@dataclass(frozen=True, slots=True)
class _Drawn:
    agg: MetricAggregation
    group: tuple[str, ...]
    attributes: Mapping[str, str]
    series: int
    values: Sequence[float | None]
    name: str
    css: str


def metric_chart(
    title: str,
    charts: Sequence[tuple[MetricAggregation, MetricChart]],
    exemplars: Sequence[MetricExemplar],
    window: Window,
    zone: tzinfo,
    *,
    narrowed: Narrowed | None = None,
    zoomed: Callable[[Window], str] | None = None,
    events: event_marks.EventMarks = event_marks.NONE,
    widths: Sequence[tuple[str, float]] = _WIDTHS,
    height: float = 220.0,
) -> MetricChartView:
    """The view of one metric; `charts` has its chart for each aggregation that is shown together.

    `narrowed` makes the link of a group, `zoomed` that of a column. All charts must be of one metric, one
    grouping and the same columns.
    """
    info = next((chart.info for _, chart in charts if chart.info), None)
    first = charts[0][0] if charts else "avg"
    unit = metric_units.unit_of(info.unit if info else "", first)
    drawn = _drawn(charts)
    starts = _starts(charts)
    observed = metric_units.unit_of(info.unit if info else "")
    rows = _exemplar_rows(exemplars, drawn, observed)
    in_unit = first in _IN_UNIT or first.startswith("p")
    dots = [_dot(row, one, zone, in_unit) for row, one in zip(rows, exemplars, strict=True) if row.href]
    titles = _titles(drawn, starts, unit, zone)
    shown = [Line(each.name, each.css, [_drawable(value) for value in each.values]) for each in drawn]

    def frame(width: float) -> Frame:
        label = f"{title} over time. Drag to zoom."
        return Frame(label, window, zone, unit.axis, width, height, events=events)

    step = charts[0][1].column_ns if charts else window.duration_ns
    lost = sum(value is not None and _drawable(value) is None for each in drawn for value in each.values)
    return MetricChartView(
        title=title,
        drawings=tuple((css, lines(frame(width), shown, titles, dots)) for css, width in widths),
        unit=unit.words,
        lines=tuple(_legend_line(each, unit, narrowed) for each in drawn),
        rows=_rows(drawn, starts, unit, step, zoomed),
        exemplars=tuple(rows),
        column=f"{duration(step)} per column",
        columns=-(-window.duration_ns // max(step, 1)),
        left_out=_left_out([chart for _, chart in charts]),
        undrawn=f"{plural(lost, 'value')} too great to be drawn: see the table" if lost else "",
        has_totals=first in ("sum", "count"),
        step_ms=step / _MS,
    )


def _left_out(charts: Sequence[MetricChart]) -> str:
    more = max((chart.truncated for chart in charts), default=0)
    return f"{plural(more, 'group')} left out" if more else ""


def group_name(attributes: Mapping[str, str]) -> str:
    """`v350.9`, or `eu, not set` of several attributes; empty without any."""
    return ", ".join(plain(value, _NAME) if value else NOT_SET for value in attributes.values())


def _drawn(charts: Sequence[tuple[MetricAggregation, MetricChart]]) -> list[_Drawn]:
    """The lines, those of a group together, each of a colour and a dash of its own."""
    groups: dict[tuple[str, ...], int] = {}
    for _, chart in charts:
        for group in chart.groups:
            groups.setdefault(tuple(group.attributes.values()), len(groups))
    found = []
    for place, (agg, chart) in enumerate(charts):
        for group in chart.groups:
            key = tuple(group.attributes.values())
            one_group = len(groups) == 1
            name = " ".join(
                part
                for part in (group_name(group.attributes), agg.upper() if len(charts) > 1 else "")
                if part
            )
            colour = place if one_group else groups[key]
            dash = place if len(charts) > 1 else colour // _COLOURS
            css = f"line-{colour % _COLOURS + 1} dash-{dash % 3}"
            values = [value for _, value in group.points]
            found.append(_Drawn(agg, key, group.attributes, group.series, values, name, css))
    return sorted(found, key=lambda each: groups[each.group])


def _starts(charts: Sequence[tuple[MetricAggregation, MetricChart]]) -> Sequence[int]:
    return next(([start for start, _ in group.points] for _, chart in charts for group in chart.groups), [])


def _drawable(value: float | None) -> float | None:
    if value is None or not abs(value) < _DRAWABLE:
        return None
    return value if abs(value) > 1 / _DRAWABLE else 0.0


def _legend_line(of: _Drawn, unit: Unit, narrowed: Narrowed | None) -> MetricLine:
    values = [value for value in of.values if value is not None and not math.isnan(value)]
    summed = of.agg in ("sum", "count")
    return MetricLine(
        name=of.name,
        css=of.css,
        series=f"{count(of.series)} series",
        newest=unit.text(values[-1] if values else None),
        least=unit.text(min(values, default=None)),
        greatest=unit.text(max(values, default=None)),
        mean=unit.text(_mean(values)),
        total=unit.text(sum(values)) if summed and values else "",
        href=narrowed(of.attributes) if narrowed and of.attributes else "",
    )


def _mean(values: Sequence[float]) -> float | None:
    """The mean, also of values whose sum is beyond a float."""
    if not values:
        return None
    return sum(value / len(values) for value in values)


def _rows(
    drawn: Sequence[_Drawn],
    starts: Sequence[int],
    unit: Unit,
    step: int,
    zoomed: Callable[[Window], str] | None,
) -> tuple[ColumnValues, ...]:
    rows = []
    for place in range(len(starts) - 1, -1, -1):
        values = [each.values[place] for each in drawn]
        if any(value is not None for value in values):
            column = Window(starts[place], starts[place] + max(step, 1))
            rows.append(
                ColumnValues(
                    starts[place],
                    starts[place] // _MS,
                    tuple(unit.text(value) for value in values),
                    zoomed(column) if zoomed else "",
                )
            )
    return tuple(rows)


def _titles(drawn: Sequence[_Drawn], starts: Sequence[int], unit: Unit, zone: tzinfo) -> list[str]:
    found = []
    for place, start in enumerate(starts):
        held = [each for each in drawn if each.values[place] is not None]
        words = [f"{each.name} {unit.text(each.values[place])}".strip() for each in held[:_TITLED]]
        if len(held) > _TITLED:
            words.append(f"{len(held) - _TITLED} more")
        found.append("\n".join([time_format.stamp(start, zone), *words]) if words else "")
    return found


def _exemplar_rows(
    exemplars: Sequence[MetricExemplar], drawn: Sequence[_Drawn], unit: Unit
) -> list[ExemplarRow]:
    of_group = {each.group: each for each in reversed(drawn)}
    names = next((tuple(each.attributes) for each in drawn), ())
    differing = _differing([one.attributes for one in exemplars])
    rows = []
    for one in exemplars:
        exemplar = one.exemplar
        line = of_group.get(tuple(one.attributes.get(name, "") for name in names))
        own = [(name, text_of(value)) for name, value in exemplar.attributes.items()]
        shared = [(name, value) for name, value in one.attributes.items() if name in differing]
        trace = exemplar.trace_id or ""
        rows.append(
            ExemplarRow(
                time_unix_nano=exemplar.time_unix_nano,
                value=unit.text(exemplar.value),
                trace=short_trace_id(trace) if trace else "",
                href=scoped(f"/apm/traces/{trace}", span=exemplar.span_id) if trace else "",
                line=group_name(line.attributes) if line else "",
                css=line.css if line and names else "",
                attributes=tuple([*own, *shared][:_ATTRIBUTES]),
            )
        )
    return rows


def _differing(of: Sequence[Mapping[str, str]]) -> set[str]:
    """The attributes that do not have one value in all of these."""
    names = {name for attributes in of for name in attributes}
    return {name for name in names if len({attributes.get(name) for attributes in of}) > 1}


def _dot(row: ExemplarRow, one: MetricExemplar, zone: tzinfo, in_unit: bool) -> Dot:
    """On a chart of another unit, such as a rate, at 0."""
    exemplar = one.exemplar
    value = (_drawable(exemplar.value) or 0.0) if in_unit else 0.0
    at = time_format.clock(exemplar.time_unix_nano, zone)
    css = f"exemplar {row.css}".strip()
    return Dot(
        exemplar.time_unix_nano, value, css, f"Exemplar {row.value} at {at}, trace {row.trace}", row.href
    )


def zoom_args(window: Window) -> dict[str, str | None]:
    """The changes of an address that look at this time alone."""
    begin, end = range_args(window).values()
    return {"since": None, "live": None, "from": begin, "to": end}
