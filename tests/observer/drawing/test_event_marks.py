"""Marks of moments on charts: where, merged, in words, within the plot."""

from __future__ import annotations

from datetime import UTC

import pytest
from selectolax.lexbor import LexborHTMLParser, LexborNode

from observer.drawing import charts
from observer.drawing.event_marks import CUT, EventMark, EventMarks
from store.api import Window
from tests.fixtures.html import attribute, one

S = 10**9
BEGIN = 1_800_000_000
WINDOW = Window(BEGIN * S, (BEGIN + 900) * S)


def marks(*seconds: float) -> tuple[EventMark, ...]:
    return tuple(
        EventMark(round((BEGIN + second) * S), f"release {second:g}", f"/logs?log={second:g}")
        for second in seconds
    )


def drawn(events: EventMarks, width: float = 600.0) -> LexborHTMLParser:
    """A chart without values and with these events."""
    frame = charts.Frame("a chart", WINDOW, UTC, str, width=width, events=events)
    return LexborHTMLParser(str(charts.columns(frame, ())))


def words(page: LexborHTMLParser) -> list[str]:
    return [one(found, "title").text() for found in page.css("a.chart-event")]


def at(found: LexborNode) -> float:
    return float(attribute(one(found, "line"), "x1"))


def test_each_kind_of_chart_marks_its_events() -> None:
    frame = charts.Frame("a chart", WINDOW, UTC, str, events=EventMarks(marks(450)))
    for chart in (
        charts.columns(frame, [charts.Layer("a", "ok", [1.0, 2.0])]),
        charts.lines(frame, [charts.Line("a", "p50", [1.0, None])]),
        charts.scatter(frame, []),
        charts.scatter(frame, [charts.Dot(WINDOW.from_unix_nano, 3.0, "ok", "a dot", "/x")]),
    ):
        page = LexborHTMLParser(str(chart))
        assert words(page) == ["release 450"]
        assert at(one(page, "a.chart-event")) == pytest.approx(frame.x((BEGIN + 450) * S), abs=0.1)
        assert attribute(one(page, "a.chart-event"), "href") == "/logs?log=450"
        assert "tabindex" not in one(page, "a.chart-event").attributes, "the keyboard must reach it"
        assert attribute(one(page, "svg"), "role") == "group", "what holds links is no image"


def test_a_chart_without_events_is_an_image() -> None:
    assert attribute(one(drawn(EventMarks()), "svg"), "role") == "img"


def test_events_outside_of_the_window_are_not_drawn() -> None:
    assert words(drawn(EventMarks(marks(-1, 0, 899.9, 900)))) == ["release 0", "release 899.9"]


def test_events_close_together_are_one_mark_with_a_count() -> None:
    """What is one mark on a narrow chart is two on a wide one; the link leads to the newest."""
    page = drawn(EventMarks(marks(500, 100, 101, 102)))
    assert words(page) == ["3 deployments:\nrelease 100\nrelease 101\nrelease 102", "release 500"]
    first = page.css("a.chart-event")[0]
    assert first.css("text")[0].text() == "3"
    assert attribute(first, "href") == "/logs?log=102"
    assert len(words(drawn(EventMarks(marks(100, 115)), width=400.0))) == 1
    assert len(words(drawn(EventMarks(marks(100, 115)), width=1320.0))) == 2


def test_many_events_are_few_marks_with_short_words() -> None:
    page = drawn(EventMarks(marks(*range(0, 900, 2)), cut=True))
    assert len(words(page)) <= 40
    assert all(len(text) < 120 for text in words(page))
    assert words(page)[0].endswith("\n8 more")
    assert CUT in page.text()


def test_words_and_flags_stay_within_the_plot() -> None:
    """Long and hostile words are cut, and those near the right end stand to the left."""
    evil = "<script>" + "x" * 500
    for second in (0, 300, 600, 899):
        mark = EventMark((BEGIN + second) * S, evil, "/")
        page = drawn(EventMarks([mark]))
        assert page.css_first("script") is None
        (shown,) = page.css("text.words")
        assert 1 < len(shown.css("tspan")) <= 6
        for line in shown.css("tspan"):
            x, width = float(attribute(line, "x")), 9.4 * len(line.text())
            left, right = (x, x + width) if attribute(shown, "text-anchor") == "start" else (x - width, x)
            assert left >= 40
            assert right <= 610
        flag = attribute(one(page, "a.chart-event path"), "d")
        assert ("h-14l" in flag) == (second == 899)
