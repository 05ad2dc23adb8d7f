"""A line without axes, as high as a line of text: the course of one number beside it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from observer.drawing import scale, svg

_WIDTH = 100.0
_HEIGHT = 20.0
_MARGIN = 2.0


def sparkline(values: Sequence[float | None]) -> Markup:
    """Finite values at the beginnings of equal columns; None leaves a gap. Hidden from screen readers."""
    held = [value for value in values if value is not None]
    low, high = min([0.0, *held]), max([0.0, *held])
    step = _WIDTH / max(1, len(values))
    parts: list[Markup] = []
    run: list[tuple[float, float]] = []
    for place, value in enumerate([*values, None]):
        if value is not None:
            level = scale.position(value, low, high, _HEIGHT - _MARGIN, _MARGIN)
            run.append(((place + 0.5) * step, level))
            continue
        parts += _run(run)
        run = []
    return svg.element(
        "svg",
        *parts,
        viewBox=f"0 0 {svg.number(_WIDTH)} {svg.number(_HEIGHT)}",
        preserveAspectRatio="none",
        class_="sparkline",
        aria_hidden="true",
    )


def _run(points: Sequence[tuple[float, float]]) -> list[Markup]:
    if not points:
        return []
    # A value alone is a short stroke: a circle would be stretched with the picture.
    ends = points if len(points) > 1 else [(points[0][0] - 1, points[0][1]), (points[0][0] + 1, points[0][1])]
    drawn = " ".join(f"{svg.number(x)},{svg.number(y)}" for x, y in ends)
    return [svg.element("polyline", points=drawn, fill="none")]
