"""Bands on charts: where, merged, in words, within the plot."""

from __future__ import annotations

from datetime import UTC

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from observer.drawing import charts
from observer.drawing.alert_bands import Band
from observer.drawing.event_marks import EventMarks
from store.api import Window
from tests.fixtures.html import attribute, one

S = 10**9
BEGIN = 1_800_000_000
WINDOW = Window(BEGIN * S, (BEGIN + 900) * S)
FRAME = charts.Frame("a chart", WINDOW, UTC, str)


def band(begin: float, end: float | None, css: str = "critical") -> Band:
    to = None if end is None else round((BEGIN + end) * S)
    return Band(round((BEGIN + begin) * S), to, f"alert {begin:g}", f"/alerts/{begin:g}", css)


def drawn(*bands: Band) -> LexborHTMLParser:
    frame = charts.Frame("a chart", WINDOW, UTC, str, events=EventMarks(bands=bands))
    return LexborHTMLParser(str(charts.columns(frame, ())))


def span_of(rect: LexborNode) -> tuple[float, float]:
    begin = float(attribute(rect, "x"))
    return begin, begin + float(attribute(rect, "width"))


def test_each_kind_of_chart_has_its_bands_below_its_marks() -> None:
    frame = charts.Frame("a chart", WINDOW, UTC, str, events=EventMarks(bands=(band(300, 600),)))
    for chart in (
        charts.columns(frame, [charts.Layer("a", "ok", [1.0, 2.0])]),
        charts.lines(frame, [charts.Line("a", "p50", [1.0, None])]),
        charts.scatter(frame, []),
    ):
        page = LexborHTMLParser(str(chart))
        assert span_of(one(page, "rect.alert-wash.critical")) == pytest.approx(
            (FRAME.x((BEGIN + 300) * S), FRAME.x((BEGIN + 600) * S)), abs=0.2
        )
        assert attribute(one(page, "svg"), "role") == "group", "what holds links is no image"
        assert str(chart).index("alert-wash") < str(chart).index('class="grid"')
        assert "tabindex" not in one(page, "a.chart-alert").attributes, "the keyboard must reach it"


def test_one_that_goes_on_or_began_before_is_cut_to_the_plot() -> None:
    page = drawn(band(-500, 100), band(800, None))
    spans = [span_of(rect) for rect in page.css("rect.alert-wash")]
    assert spans[0][0] == FRAME.left
    assert spans[1][1] == FRAME.right


def test_those_outside_of_the_window_are_not_drawn() -> None:
    page = drawn(band(-500, -400), band(901, None))
    assert not page.css(".alert-wash")
    assert attribute(one(page, "svg"), "role") == "img"


@pytest.mark.parametrize(("begin", "end"), [(450, 450), (0, 0), (899.9, 899.95)])
def test_a_short_one_can_be_pointed_at_and_stays_inside(begin: float, end: float) -> None:
    low, high = span_of(one(drawn(band(begin, end)), "rect.alert-wash"))
    assert high - low >= 5
    assert FRAME.left <= low < high <= FRAME.right


def test_those_that_lie_on_one_another_share_a_strip_with_all_their_words() -> None:
    page = drawn(band(100, 400), band(200, 500, "warning"), band(700, None))
    strips = page.css("a.chart-alert")
    assert len(strips) == 2
    assert one(strips[0], "title").text().splitlines() == ["2 alerts:", "alert 100", "alert 200"]
    assert one(strips[1], "title").text() == "alert 700"


def test_many_are_counted() -> None:
    page = drawn(*(band(100, 400 + n) for n in range(9)))
    assert one(page, "a.chart-alert title").text().endswith("3 more")


def test_words_are_text() -> None:
    evil = Band(BEGIN * S, None, "<img src=x>", "/alerts/x?a=1&b=2", "info")
    chart = charts.columns(charts.Frame("a", WINDOW, UTC, str, events=EventMarks(bands=(evil,))), ())
    assert "<img" not in str(chart)
    assert attribute(one(LexborHTMLParser(str(chart)), "a.chart-alert"), "href") == "/alerts/x?a=1&b=2"
