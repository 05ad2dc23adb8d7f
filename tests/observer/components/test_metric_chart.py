"""The view-model of a metric over time: lines, legend, table, exemplars; gaps stay gaps."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC

from flask import Flask
from selectolax.lexbor import LexborHTMLParser

from observer.components.metric_chart import MetricChartView, metric_chart
from observer.components.metric_words import PERCENTILE_SET
from observer.components.number_format import NOTHING
from signals.metrics import Exemplar, MetricInfo, MetricKind
from signals.model import SpanId, TraceId
from store.api import MetricAggregation, MetricChart, MetricExemplar, MetricSeries, Window
from tests.fixtures.html import attribute, text
from tests.observer.screens import Screens

S = 10**9
WINDOW = Window(1_800_000_000 * S, 1_800_000_100 * S)
STEP = 10 * S
DURATION = MetricInfo("http.server.request.duration", "s", MetricKind.HISTOGRAM)
ORDERS = MetricInfo("shop.orders", "{order}", MetricKind.SUM, monotonic=True)
TRACE = "a11ce0000000000000000000c0ffee01"


def _group(values: Sequence[float | None], **attributes: str) -> MetricSeries:
    points = [(WINDOW.from_unix_nano + n * STEP, value) for n, value in enumerate(values)]
    return MetricSeries(attributes, 1, points)


def _chart(info: MetricInfo, *groups: MetricSeries, left_out: int = 0) -> MetricChart:
    return MetricChart(info, groups, STEP, left_out)


def _exemplar(value: float, trace: str | None = TRACE, **attributes: str) -> MetricExemplar:
    own = Exemplar(
        WINDOW.from_unix_nano + 15 * S, value, TraceId(trace) if trace else None, SpanId("1" * 16), {}
    )
    return MetricExemplar(own, attributes)


def _view(
    app: Flask,
    charts: Sequence[tuple[MetricAggregation, MetricChart]],
    exemplars: Sequence[MetricExemplar] = (),
) -> MetricChartView:
    with app.test_request_context("/metrics/x"):
        return metric_chart("x", charts, exemplars, WINDOW, UTC, narrowed=_href)


def _href(attributes: Mapping[str, str]) -> str:
    return "/narrowed?" + "&".join(f"{name}={value}" for name, value in attributes.items())


def test_a_hole_is_a_gap_and_no_row(screens: Screens) -> None:
    view = _view(screens.app, [("rate", _chart(ORDERS, _group([1.0, None, 3.0, 4.0])))])
    assert [row.values for row in view.rows] == [
        ("4 orders/s",), ("3 orders/s",), ("1 orders/s",)
    ]  # fmt: skip
    drawing = LexborHTMLParser(view.drawings[0][1])
    assert len(drawing.css("circle.dot")) == 1, "the value before the hole stands alone"
    assert len(drawing.css("polyline")) == 1
    (line,) = view.lines
    assert (line.newest, line.least, line.greatest, line.mean) == (
        "4 orders/s", "1 orders/s", "4 orders/s", "2.67 orders/s"
    )  # fmt: skip
    assert (view.unit, view.named) == ("orders per second", False)


def test_percentiles_stand_together_and_groups_apart(screens: Screens) -> None:
    charts: list[tuple[MetricAggregation, MetricChart]] = [
        (agg, _chart(DURATION, _group([value], version="a"), _group([value * 2], version="b"), left_out=3))
        for agg, value in zip(PERCENTILE_SET, (0.1, 0.2, 0.4), strict=True)
    ]
    view = _view(screens.app, charts)
    assert [line.name for line in view.lines] == ["a P50", "a P95", "a P99", "b P50", "b P95", "b P99"]
    assert len({line.css for line in view.lines}) == 6, "each line is told from the others"
    assert view.lines[4].newest == "400 ms"
    assert view.lines[4].href == "/narrowed?version=b"
    assert view.left_out == "3 groups left out"


def test_exemplars_are_dots_and_rows_that_lead_to_their_trace(screens: Screens) -> None:
    found = [_exemplar(0.3, version="a"), _exemplar(math.nan, version="b"), _exemplar(0.2, None)]
    view = _view(screens.app, [("p95", _chart(DURATION, _group([0.1, 0.2], version="a")))], found)
    first, second, third = view.exemplars
    assert (first.value, first.line) == ("300 ms", "a")
    assert first.href.startswith(f"/apm/traces/{TRACE}?span=")
    assert (second.value, third.href) == (NOTHING, "")
    dots = LexborHTMLParser(view.drawings[0][1]).css("a:has(circle.exemplar)")
    assert [attribute(dot, "href") for dot in dots] == [first.href, second.href]
    assert "300 ms" in text(dots[0])


def test_no_value_breaks_the_drawing(screens: Screens) -> None:
    """Infinite, endlessly small, negative and greatest values: coordinates are numbers."""
    odd = [math.inf, -math.inf, 5e-324, -3.0, 1e308, -1e308, 0.0, None]
    for values in (odd, [5e-324], [-1.0, -2.0], [1e299, -1e299], [None]):
        view = _view(screens.app, [("avg", _chart(ORDERS, _group(values)))], [_exemplar(math.inf)])
        drawn = str(view.drawings[0][1]).lower()
        assert "nan" not in drawn.replace("nano", "")
        assert "inf" not in drawn
    assert _view(screens.app, [("avg", _chart(ORDERS, _group(odd)))]).undrawn.startswith("4 values")


def test_what_falls_below_zero_has_an_axis_below_zero(screens: Screens) -> None:
    view = _view(screens.app, [("avg", _chart(ORDERS, _group([-2.0, 4.0])))])
    ticks = [text(tick) for tick in LexborHTMLParser(view.drawings[0][1]).css("text.tick")]
    assert {"-2", "0", "4"} <= set(ticks)


def test_a_metric_without_points_is_an_empty_chart(screens: Screens) -> None:
    view = _view(screens.app, [("avg", _chart(ORDERS))])
    assert (view.lines, view.rows, view.exemplars) == ((), (), ())
