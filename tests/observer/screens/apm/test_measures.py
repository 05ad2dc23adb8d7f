"""Measures in parts, words and charts: what is drawn sums to what was counted."""

from __future__ import annotations

from datetime import UTC

import pytest
from selectolax.lexbor import LexborHTMLParser

from observer.components import measure_charts, measures
from observer.screens.apm.service_map import view as map_view
from observer.screens.apm.spotlight.tag_ranking import most_separating
from store.api import Breakdown, MapNode, Measure, Point, ServiceMap, TagValue, Window
from tests.fixtures.html import first

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
    ended = measures.outcomes(measure)
    assert (ended.failed_here, ended.received, ended.recovered, ended.fine) == parts
    assert sum(parts) == measure.requests


def test_the_layers_of_a_column_are_as_high_as_its_requests() -> None:
    points = [Point(WINDOW.from_unix_nano, Measure(580, 243, 580)), Point(0, Measure(580, 0, 0))]
    tree = LexborHTMLParser(measure_charts.over_time(points, WINDOW, UTC, "pay").requests)
    heights: dict[str, float] = {}
    for rect in tree.css("rect"):
        css = rect.attributes["class"] or ""
        heights[css] = heights.get(css, 0) + float(rect.attributes["height"] or 0)
    assert heights["origin"] + heights["recovered"] == pytest.approx(heights["ok"], abs=1)
    assert "337 recovered" in first(tree, "title").text()


def test_the_map_draws_no_more_dark_than_failed() -> None:
    """A full dark disc stood inside a ring of 42 %."""
    node = MapNode("pay", False, False, Measure(580, 243, 580))
    view = map_view.build(ServiceMap((node,), ()), lambda name: f"/{name}", None)
    tree = LexborHTMLParser(view.drawing)
    dark, dotted = (
        float(first(tree, css).attributes["r"] or 0) for css in (".origin-disc", ".recovered-disc")
    )
    assert (dark / dotted) ** 2 == pytest.approx(243 / 580, abs=0.02)
    assert "337 recovered" in first(tree, "title").text()


def _card(tag: str, **values: tuple[int, int]) -> Breakdown:
    return Breakdown(tag, tuple(TagValue(name, Measure(*counts)) for name, counts in values.items()))


def test_the_tag_that_tells_errors_apart_is_shown_first() -> None:
    """`service.version`, of which there was one value, stood before what had all errors in one value."""
    one = _card("service.version", a=(100, 20))
    telling = _card("region", east=(20, 20), west=(80, 0))
    code = _card("http.status_code", x200=(80, 0), x500=(20, 20))
    assert most_separating([code, one, telling]) is telling
    quiet = _card("region", east=(20, 0), west=(80, 0))
    assert most_separating([_card("service.version", a=(100, 0)), quiet]) is quiet
    assert most_separating([]) is None
