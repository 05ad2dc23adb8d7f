"""Measures in parts, words and charts: what is drawn sums to what was counted."""

from __future__ import annotations

from datetime import UTC

import pytest
from selectolax.lexbor import LexborHTMLParser

from observer.apm import mapview
from observer.apm import numbers
from store.model import MapNode
from store.model import Measure
from store.model import Point
from store.model import ServiceMap
from store.model import Window

WINDOW = Window(1_800_000_000 * 10**9, 1_800_000_900 * 10**9)


@pytest.mark.parametrize(
    ("measure", "parts"),
    [
        (Measure(580, 243, 580), (243, 0, 337, 0)),
        (Measure(100, 40, 10), (10, 30, 0, 60)),
        (Measure(100, 0, 25), (0, 0, 25, 75)),
        (Measure(), (0, 0, 0, 0)),
    ],
)
def test_a_request_counts_once_however_it_ended(measure: Measure, parts: tuple[int, ...]) -> None:
    """One that recovered stood in two layers: 347 requests were drawn as 557."""
    ended = numbers.outcomes(measure)
    assert (ended.failed_here, ended.received, ended.recovered, ended.fine) == parts
    assert sum(parts) == measure.requests


def test_the_layers_of_a_column_are_as_high_as_its_requests() -> None:
    points = [Point(WINDOW.from_unix_nano, Measure(580, 243, 580)), Point(0, Measure(580, 0, 0))]
    tree = LexborHTMLParser(numbers.over_time(points, WINDOW, UTC, "pay").requests)
    heights: dict[str, float] = {}
    for rect in tree.css("rect"):
        css = rect.attributes["class"] or ""
        heights[css] = heights.get(css, 0) + float(rect.attributes["height"] or 0)
    assert heights["origin"] + heights["recovered"] == pytest.approx(heights["ok"], abs=1)
    assert "337 recovered" in tree.css_first("title").text()


def test_the_map_draws_no_more_dark_than_failed() -> None:
    """A full dark disc stood inside a ring of 42 %."""
    node = MapNode("pay", False, False, Measure(580, 243, 580))
    view = mapview.build(ServiceMap((node,), ()), lambda name: f"/{name}", None)
    tree = LexborHTMLParser(view.drawing)
    dark, dotted = (
        float(tree.css_first(css).attributes["r"] or 0) for css in (".origin-disc", ".recovered-disc")
    )
    assert (dark / dotted) ** 2 == pytest.approx(243 / 580, abs=0.02)
    assert "337 recovered" in tree.css_first("title").text()
