"""The service map as SVG: circles by requests, rings and discs by errors, edges by the calls between.

A node's circle grows with its requests. A light ring along its rim is the share of
requests in error, a dark disc in its middle the share that failed by an error that
began there, a dotted disc around that the share that recovered. Inferred nodes are
dashed, databases square. Tooltips and link names say in words what colours show.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from observer.drawing import svg
from observer.drawing.layers import Layout, arrange

WARN_SHARE = 0.05
BAD_SHARE = 0.20
_SMALLEST = 17.0
_LARGEST = 34.0
_LAYER = 225.0
_ROW = 104.0
_MARGIN_X = 84.0
_MARGIN_TOP = 46.0
_MARGIN_BOTTOM = 74.0
_FITS_WIDTH, _FITS_HEIGHT = 1_320.0, 1_150.0
"""A larger map is not readable when scaled down to the width of a page."""
_MIN_WIDTHS = ((640.0, "small"), (860.0, "least-40"), (1_100.0, "least-52"), (math.inf, "least-64"))
"""(width of a map up to which it has the class, class that sets its minimum width)."""
_LABEL = 22
"""Characters of a name under its circle; the tooltip has all of it."""


@dataclass(frozen=True, slots=True)
class Node:
    name: str
    label: str
    """The name with control characters made visible."""
    requests: int
    error_share: float
    origin_share: float
    """Failed, by an error that began here: no more than `error_share`."""
    recovered_share: float
    """An error began here, but the request succeeded."""
    inferred: bool
    database: bool
    words: str
    """The node's numbers in a sentence: the link's name and tooltip."""
    href: str
    selected: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    source: str
    target: str
    requests: int
    error_share: float
    label: str
    words: str


@dataclass(frozen=True, slots=True)
class _Spot:
    x: float
    y: float
    radius: float


def draw(
    nodes: Sequence[Node], edges: Sequence[Edge], label: str, size: str | None = None
) -> tuple[Markup, bool]:
    """The map and whether it is large; an empty text where there is no node.

    `size` is `fit` (as wide as its place), `full` (its own size), or None: `full` for large maps only.
    """
    if not nodes:
        return Markup(""), False
    layout = arrange((node.name for node in nodes), ((edge.source, edge.target) for edge in edges))
    spots = _spots(nodes, layout)
    width = _MARGIN_X * 2 + max(0, layout.layers - 1) * _LAYER
    height = _MARGIN_TOP + _MARGIN_BOTTOM + max(0.0, layout.rows - 1) * _ROW
    most = max((edge.requests for edge in edges), default=1)
    drawn = [
        _edge(edge, spots, layout, most)
        for edge in sorted(edges, key=lambda e: (e.error_share, e.source, e.target))
        if edge.source in spots and edge.target in spots and edge.source != edge.target
    ]
    labels = [part for _, part in drawn]
    large = width > _FITS_WIDTH or height > _FITS_HEIGHT
    css = "full" if size == "full" or (large and not size) else "fit"
    if not large:
        css += " " + next(name for widest, name in _MIN_WIDTHS if width <= widest)
    drawing = svg.element(
        "svg",
        _markers(),
        svg.group((line for line, _ in drawn), class_="edges"),
        svg.group((_node(node, spots[node.name]) for node in nodes), class_="nodes"),
        svg.group(labels, class_="edge-labels", aria_hidden="true"),
        viewBox=f"0 0 {svg.number(width)} {svg.number(height)}",
        width=width,
        height=height,
        class_=f"map {css}",
        role="group",
        aria_label=label,
    )
    return drawing, large


def tone(error_share: float) -> str:
    """The class of an edge: `bad` above 20 % errors, `warn` above 5 %, else `ok`."""
    return "bad" if error_share > BAD_SHARE else "warn" if error_share > WARN_SHARE else "ok"


def _spots(nodes: Sequence[Node], layout: Layout) -> dict[str, _Spot]:
    most = max((node.requests for node in nodes), default=1) or 1
    found = {}
    for node in nodes:
        share = math.sqrt(max(0, node.requests) / most)
        found[node.name] = _Spot(
            x=_MARGIN_X + layout.layer_of[node.name] * _LAYER,
            y=_MARGIN_TOP + layout.row_of[node.name] * _ROW,
            radius=_SMALLEST + (_LARGEST - _SMALLEST) * share,
        )
    return found


def _markers() -> Markup:
    def arrow(name: str) -> Markup:
        return svg.element(
            "marker",
            svg.element("path", d="M0 0L8 4L0 8z", class_=f"head {name}"),
            id=f"arrow-{name}",
            viewBox="0 0 8 8",
            refX="7",
            refY="4",
            markerWidth="9",
            markerHeight="9",
            markerUnits="userSpaceOnUse",
            orient="auto",
        )

    return svg.element("defs", arrow("ok"), arrow("warn"), arrow("bad"))


def _node(node: Node, spot: _Spot) -> Markup:
    kind = " ".join(
        word
        for word, holds in (
            ("node", True),
            ("inferred", node.inferred),
            ("database", node.database),
            ("chosen", node.selected),
        )
        if holds
    )
    parts = []
    if node.selected:
        parts.append(svg.element("circle", cx=spot.x, cy=spot.y, r=spot.radius + 5, class_="halo"))
    parts.append(_body(node, spot))
    if node.error_share > 0:
        parts.append(_ring(spot, node.error_share))
    parts += _discs(node, spot)
    parts.append(_name(node, spot))
    return svg.element(
        "a",
        svg.title(node.words),
        *parts,
        href=node.href,
        data_count=node.requests,
        data_of="requests",
        class_=kind,
        aria_current="true" if node.selected else None,
    )


def _discs(node: Node, spot: _Spot) -> list[Markup]:
    """The share of requests in which an error began here: dark if they failed, dotted if they recovered."""

    def disc(share: float, css: str) -> Markup:
        radius = max(3.5, (spot.radius - 7) * math.sqrt(min(1.0, share)))
        return svg.element("circle", cx=spot.x, cy=spot.y, r=radius, class_=css)

    parts = []
    if node.recovered_share > 0:
        parts.append(disc(node.origin_share + node.recovered_share, "recovered-disc"))
    if node.origin_share > 0:
        parts.append(disc(node.origin_share, "origin-disc"))
        parts.append(_mark(spot))
    return parts


def _body(node: Node, spot: _Spot) -> Markup:
    if not node.database:
        return svg.element("circle", cx=spot.x, cy=spot.y, r=spot.radius, class_="body")
    side = spot.radius * 1.75
    return svg.element(
        "rect", x=spot.x - side / 2, y=spot.y - side / 2, width=side, height=side, rx=6.0, class_="body"
    )


def _ring(spot: _Spot, share: float) -> Markup:
    """An arc of the rim, clockwise from the top; at least 3 % of it, so that it is visible."""
    radius = spot.radius - 2.5
    around = 2 * math.pi * radius
    part = max(0.03, min(1.0, share)) * around
    return svg.element(
        "circle",
        cx=spot.x,
        cy=spot.y,
        r=radius,
        class_="error-ring",
        fill="none",
        stroke_dasharray=f"{svg.number(part)} {svg.number(around)}",
        transform=f"rotate(-90 {svg.number(spot.x)} {svg.number(spot.y)})",
    )


def _mark(spot: _Spot) -> Markup:
    """An exclamation mark as a path; the link's name has it in words."""
    x, y = spot.x, spot.y
    n = svg.number
    path = f"M{n(x)} {n(y - 5.5)}V{n(y + 0.3)}M{n(x)} {n(y + 5)}v.1"
    return svg.element("path", d=path, class_="origin-mark", fill="none")


def _shown(node: Node) -> list[str]:
    """The lines under a node."""
    name = node.label if len(node.label) <= _LABEL else node.label[: _LABEL - 1] + "…"
    if node.error_share <= 0:
        return [name]
    share = f"{node.error_share:.0%}" if node.error_share >= 0.01 else "< 1%"
    return [name, f"{share} errors"]


def _name(node: Node, spot: _Spot) -> Markup:
    below = spot.y + spot.radius + 20
    lines = _shown(node)
    parts = [svg.text(spot.x, below, lines[0], class_="name", text_anchor="middle")]
    parts += [
        svg.text(spot.x, below + 14, line, class_="name-errors", text_anchor="middle") for line in lines[1:]
    ]
    return svg.joined(parts)


def _edge(edge: Edge, spots: Mapping[str, _Spot], layout: Layout, most: int) -> tuple[Markup, Markup]:
    start, end = spots[edge.source], spots[edge.target]
    bends = [
        (_MARGIN_X + layer * _LAYER, _MARGIN_TOP + row * _ROW)
        for layer, row in layout.bends.get((edge.source, edge.target), ())
    ]
    points = [(start.x, start.y), *bends, (end.x, end.y)]
    points[0] = _towards(start, points[1], 1.0)
    points[-1] = _towards(end, points[-2], 4.0)
    css = tone(edge.error_share)
    width = 1.25 + 3.0 * math.sqrt(edge.requests / most) if most else 1.25
    path = svg.element(
        "path",
        svg.title(edge.words),
        d=_curve(points),
        fill="none",
        class_=f"edge {css}",
        stroke_width=width,
        marker_end=f"url(#arrow-{css})",
    )
    return path, _edge_label(edge, points, css)


def _towards(spot: _Spot, point: tuple[float, float], gap: float) -> tuple[float, float]:
    """The point on a node's rim that faces another, moved sideways so that curves leave horizontally."""
    dx, dy = point[0] - spot.x, (point[1] - spot.y) * 0.45
    length = math.hypot(dx, dy) or 1.0
    reach = spot.radius + gap
    return spot.x + dx / length * reach, spot.y + dy / length * reach


def _curve(points: Sequence[tuple[float, float]]) -> str:
    """A smooth path, horizontal at every point."""
    n = svg.number
    parts = [f"M{n(points[0][0])} {n(points[0][1])}"]
    for (x1, y1), (x2, y2) in itertools.pairwise(points):
        middle = (x2 - x1) / 2
        parts.append(f"C{n(x1 + middle)} {n(y1)} {n(x2 - middle)} {n(y2)} {n(x2)} {n(y2)}")
    return "".join(parts)


def _edge_label(edge: Edge, points: Sequence[tuple[float, float]], css: str) -> Markup:
    """The label near the middle of the edge's last segment, on a background of its own."""
    if not edge.label:
        return Markup("")
    (x1, y1), (x2, y2) = points[-2], points[-1]
    share = 0.5 if len(points) == 2 else 0.42
    ease = share * share * (3 - 2 * share)
    x, y = x1 + (x2 - x1) * share, y1 + (y2 - y1) * ease
    width = 6.2 * len(edge.label) + 8
    ground = svg.element(
        "rect", x=x - width / 2, y=y - 8, width=width, height=16.0, rx=4.0, class_=f"label-ground {css}"
    )
    return svg.group([ground, svg.text(x, y + 3.5, edge.label, class_=f"label {css}", text_anchor="middle")])
