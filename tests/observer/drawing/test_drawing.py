"""Layouts and charts: deterministic, readable, free of surprises in names and values."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from selectolax.lexbor import LexborHTMLParser

from observer.drawing import bars, charts, scale, servicemap, svg
from observer.drawing.layers import arrange
from observer.drawing.sparkline import sparkline
from store.api import Window
from tests.fixtures.html import one

SHOP = [
    ("frontend", other)
    for other in ("checkout", "cart", "catalog", "currency", "shipping", "recommendation", "ad")
]
SHOP += [("checkout", other) for other in ("payment", "cart", "catalog", "currency", "shipping", "email")]
SHOP += [("recommendation", "catalog"), ("payment", "provider"), ("cart", "sqlite")]
NAMES = sorted({name for edge in SHOP for name in edge})
WINDOW = Window(1_800_000_000 * 10**9, 1_800_000_900 * 10**9)


def _frame() -> charts.Frame:
    return charts.Frame("a chart", WINDOW, UTC, lambda value: f"{value:g} ms")


def test_the_layout_does_not_depend_on_the_order_of_its_input() -> None:
    shuffled_names, shuffled_edges = NAMES[:], SHOP[:]
    random.Random(7).shuffle(shuffled_names)
    random.Random(8).shuffle(shuffled_edges)
    assert arrange(NAMES, SHOP) == arrange(shuffled_names, shuffled_edges)


def test_callers_stand_before_those_they_call() -> None:
    layout = arrange(NAMES, SHOP)
    assert all(layout.layer_of[a] < layout.layer_of[b] for a, b in SHOP)
    assert layout.layer_of["frontend"] == 0


def test_no_two_nodes_of_a_layer_are_closer_than_a_row() -> None:
    layout = arrange(NAMES, SHOP)
    for layer in range(layout.layers):
        rows = sorted(layout.row_of[name] for name in NAMES if layout.layer_of[name] == layer)
        assert all(after - before >= 0.999 for before, after in itertools.pairwise(rows))


def test_long_edges_pass_between_the_nodes_that_they_cross() -> None:
    layout = arrange(NAMES, SHOP)
    for (source, target), bends in layout.bends.items():
        assert [layer for layer, _ in bends] == list(
            range(layout.layer_of[source] + 1, layout.layer_of[target])
        )
        for layer, row in bends:
            near = [abs(layout.row_of[n] - row) for n in NAMES if layout.layer_of[n] == layer]
            assert all(gap > 0.5 for gap in near), (source, target)


def test_cycles_and_loops_are_drawn_all_the_same() -> None:
    layout = arrange(["a", "b", "c"], [("a", "b"), ("b", "c"), ("c", "a"), ("b", "b"), ("c", "nowhere")])
    assert sorted(layout.layer_of.values()) == [0, 1, 2]
    assert ("c", "a") in layout.bends


def test_an_empty_map_is_nothing() -> None:
    assert servicemap.draw([], [], "map") == ("", False)
    assert arrange([], []).layers == 0


def _node(name: str, **more: object) -> servicemap.Node:
    given: dict[str, object] = {
        "name": name,
        "label": name,
        "requests": 10,
        "error_share": 0.0,
        "origin_share": 0.0,
        "recovered_share": 0.0,
        "inferred": False,
        "database": False,
        "words": f"{name}: 10 requests",
        "href": f"/apm?service={name}",
    }
    return servicemap.Node(**{**given, **more})  # type: ignore[arg-type]  # typed by the dictionary above


def test_nodes_are_links_that_say_in_words_what_they_show() -> None:
    evil = '<script>alert("x")</script>'
    drawing, _ = servicemap.draw(
        [
            _node("a", selected=True),
            _node(evil, error_share=0.5, origin_share=0.25),
            _node("c", inferred=True),
        ],
        [
            servicemap.Edge("a", evil, 10, 0.5, "12 ms", "a calls it"),
            servicemap.Edge("a", "c", 5, 0, "", "w"),
        ],
        "map",
    )
    assert "<script>" not in drawing
    tree = LexborHTMLParser(str(drawing))
    links = tree.css("a")
    assert [one(link, "title").text() for link in links] == [
        "a: 10 requests",
        f"{evil}: 10 requests",
        "c: 10 requests",
    ]
    assert links[0].attributes["aria-current"] == "true"
    assert tree.css_first(".origin-disc") is not None
    assert "50% errors" in drawing
    assert tree.css_first("a.inferred") is not None
    assert tree.css_first("path.edge.bad") is not None


def test_the_same_map_is_the_same_bytes() -> None:
    nodes = [_node(name) for name in NAMES]
    edges = [servicemap.Edge(a, b, 3, 0.1, "1 ms", "w") for a, b in SHOP]
    assert servicemap.draw(nodes, edges, "m") == servicemap.draw(nodes, list(reversed(edges)), "m")


def test_parts_that_are_not_joined_make_a_grid() -> None:
    """49 lone nodes stood in one column, and were drawn with labels of two pixels to fit the page."""
    layout = arrange([f"s{i:02}" for i in range(49)], [])
    assert layout.layers >= 6
    assert layout.rows <= 9
    assert len({(layout.layer_of[name], row) for name, row in layout.row_of.items()}) == 49


def test_a_large_map_keeps_its_size_unless_it_is_made_to_fit() -> None:
    many = [_node(f"s{i:02}") for i in range(80)]
    assert 'class="map full' in servicemap.draw(many, [], "m")[0]
    assert 'class="map fit' in servicemap.draw(many, [], "m", "fit")[0]
    few, large = servicemap.draw(many[:3], [], "m")
    assert 'class="map fit' in few
    assert not large


def test_a_big_tangled_map_is_drawn() -> None:
    dice = random.Random(3)
    names = [f"s{i}" for i in range(100)]
    edges = {(dice.choice(names), dice.choice(names)) for _ in range(250)}
    assert arrange(names, edges).layers > 1


@pytest.mark.parametrize(
    ("top", "marks"), [(0, [0, 1]), (7, [0, 5, 10]), (400, [0, 200, 400]), (3, [0, 1, 2, 3])]
)
def test_axes_have_round_values(top: float, marks: list[float]) -> None:
    assert scale.ticks(top, 3) == marks


def test_time_axes_have_round_times() -> None:
    labels = [label for _, label in scale.time_ticks(WINDOW.from_unix_nano, WINDOW.to_unix_nano, UTC)]
    assert labels == ["08:00", "08:05", "08:10"]
    assert scale.time_ticks(0, 2**63 - 1, UTC) is not None


def test_days_stay_days_where_the_clocks_are_changed() -> None:
    """An hour was won in the night: the axis had the 25th twice, and not the 26th."""
    zone = ZoneInfo("Europe/Zurich")
    begin = int(datetime(2026, 10, 23, tzinfo=zone).timestamp()) * 10**9
    labels = [label for _, label in scale.time_ticks(begin, begin + 5 * 86_400 * 10**9, zone)]
    assert labels == ["23 Oct", "24 Oct", "25 Oct", "26 Oct", "27 Oct"]


def test_a_long_value_has_its_room() -> None:
    """`1 min 40 s` began outside of a drawing whose text is enlarged on phones."""
    frame = charts.Frame("a chart", WINDOW, UTC, lambda _: "1 min 40 s")
    drawn = LexborHTMLParser(charts.lines(frame, [charts.Line("a", "p50", [1])]))
    label = next(tick for tick in drawn.css("text.tick") if tick.text() == "1 min 40 s")
    assert float(label.attributes["x"] or 0) > 100


def test_labels_of_a_narrow_axis_do_not_overlap() -> None:
    """A full time is longer than the place between two ticks of a narrow chart."""
    second = Window(10 * 10**9, 11 * 10**9)
    frame = charts.Frame("x", second, UTC, str, width=400.0)
    drawn = LexborHTMLParser(charts.columns(frame, [charts.Layer("a", "a", [1, 2])]))
    labels = [tick.text() for tick in drawn.css("text.tick") if "." in tick.text()][-4:]
    assert labels[0] == "00:00:10.000"
    assert "10.200" not in labels
    assert "10.400" in labels


@pytest.mark.parametrize(
    ("length_ns", "labels"),
    [
        (10**9, ["00:00:10.000", "10.200", "10.400", "10.600", "10.800"]),
        (10**7, ["00:00:10.000", "10.002", "10.004", "10.006", "10.008"]),
        (10**4, ["00:00:10.000000", "10.000002", "10.000004", "10.000006", "10.000008"]),
        (1, ["00:00:10.000000"]),
    ],
)
def test_a_second_has_an_axis_too(length_ns: int, labels: list[str]) -> None:
    """The logs of one trace lie within a second: their histogram had no times at all."""
    begin = 10 * 10**9
    assert [label for _, label in scale.time_ticks(begin, begin + length_ns, UTC)] == labels


def test_a_gap_in_a_line_stays_a_gap() -> None:
    drawing = charts.lines(_frame(), [charts.Line("P50", "p50", [1, 2, None, 3, None, 4, 5])])
    tree = LexborHTMLParser(str(drawing))
    assert len(tree.css("polyline")) == 2
    assert len(tree.css("circle")) == 1


def test_charts_of_nothing_are_drawn() -> None:
    for drawing in (
        charts.lines(_frame(), [charts.Line("a", "p50", [None] * 5)]),
        charts.columns(_frame(), [charts.Layer("a", "ok", [0.0] * 5)]),
        charts.columns(_frame(), []),
        charts.scatter(_frame(), []),
        bars.stacked([bars.Share("a", "x", 0.0)], "nothing"),
    ):
        assert drawing.startswith("<svg")


def test_no_drawing_needs_inline_style() -> None:
    parts = [
        charts.columns(_frame(), [charts.Layer("a", "ok", [1.0, 2.0])], ["x", "y"], ["/a", "/b"]),
        charts.scatter(_frame(), [charts.Dot(WINDOW.from_unix_nano, 5.0, "ok", "<b>", "/x")]),
        bars.stacked([bars.Share("a", "x", 40.0)], "bar"),
        bars.meter(0.5, "", 0.2, "origin"),
        servicemap.draw([_node("a")], [], "m")[0],
    ]
    assert all("style=" not in part and "<b>" not in part for part in parts)


def test_markup_in_values_is_escaped() -> None:
    assert svg.element("text", "<i>", x=1.04, class_='"') == '<text x="1" class="&#34;">&lt;i&gt;</text>'


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0.0, 10.0, [0, 5, 10]),
        (-20.0, 20.0, [-20, 0, 20]),
        (-1.0, -0.5, [-1, -0.5, 0]),
        (-1e308, 1e308, None),
    ],
)
def test_an_axis_holds_what_is_below_zero(low: float, high: float, marks: list[float] | None) -> None:
    found = scale.signed_ticks(low, high, 3)
    assert found[0] <= low
    assert found[-1] >= high
    assert 0 in found
    assert marks is None or found == marks


def test_dots_beside_lines_stay_within_the_chart() -> None:
    line = charts.Line("a", "line-1", [1.0, 2.0, None])
    dots = [
        charts.Dot(WINDOW.from_unix_nano, value, "exemplar", f"{value}", "/x") for value in (1.5, 5e3, -7)
    ]
    drawn = LexborHTMLParser(charts.lines(_frame(), [line], dots=dots))
    places = [float(circle.attributes["cy"] or "nan") for circle in drawn.css("a circle")]
    assert all(8 <= place <= 140 for place in places)
    assert places[1] == 8, "far above the lines: at the upper edge"
    assert one(drawn, "svg").attributes["role"] == "group"


def test_a_sparkline_leaves_gaps() -> None:
    drawn = LexborHTMLParser(sparkline([1.0, 2.0, None, 3.0, -1.0]))
    assert len(drawn.css("polyline")) == 2
    assert not LexborHTMLParser(sparkline([None])).css("polyline")
