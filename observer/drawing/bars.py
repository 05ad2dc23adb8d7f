"""Bars: shares of a whole, one share beside a number, a span in its trace. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from observer.drawing import svg

FULL = 1000.0
"""Width of a bar in units; it is stretched to the width of its place."""


@dataclass(frozen=True, slots=True)
class Share:
    """One part of a whole, in percent."""

    name: str
    css: str
    percent: float


def stacked(shares: Sequence[Share], label: str, height: float = 14.0) -> Markup:
    """Shares of a whole side by side; every share above 0 is visible."""
    parts, at = [], 0.0
    for share in shares:
        if share.percent <= 0:
            continue
        width = share.percent / 100 * FULL
        words = f"{share.name} {share.percent:.1f} %"
        rect = svg.element(
            "rect",
            svg.title(words),
            x=at,
            y=0,
            width=max(width, 3.0),
            height=height,
            class_=share.css,
        )
        parts.append(rect)
        at += width
    return svg.element(
        "svg",
        *parts,
        viewBox=f"0 0 {svg.number(FULL)} {svg.number(height)}",
        preserveAspectRatio="none",
        class_="shares",
        role="img",
        aria_label=label,
    )


def meter(share: float, css: str = "", second: float = 0.0, second_css: str = "") -> Markup:
    """A share from 0 to 1 as a thin bar, with a second one inside it from the left; beside a number."""
    rects = [svg.element("rect", x=0, y=0, width=_units(share), height=8, class_=css or None)]
    if second > 0:
        rects.append(svg.element("rect", x=0, y=0, width=_units(second), height=8, class_=second_css))
    return svg.element(
        "svg",
        *rects,
        viewBox=f"0 0 {svg.number(FULL)} 8",
        preserveAspectRatio="none",
        class_="meter",
        aria_hidden="true",
    )


def _units(share: float) -> float:
    wide = min(max(share, 0.0), 1.0) * FULL
    return max(wide, 4.0) if wide > 0 else 0.0


def span_bar(
    css: str,
    x: float,
    width: float,
    *,
    hatched: bool = False,
    critical: Sequence[tuple[float, float]] = (),
    events: Sequence[float] = (),
) -> Markup:
    """A span's place in its trace, of FULL units: its bar, its stretches of the critical path, its events.

    Built without `svg.element`, which is too slow for the thousand bars of a page; `css` must be safe.
    """
    hatch = ' fill="url(#hatch)"' if hatched else ""
    parts = [f'<rect class="{css}" x="{x:.1f}" y="3" width="{width:.1f}" height="12"{hatch}/>']
    parts += [f'<rect class="critical" x="{a:.1f}" y="13" width="{b:.1f}" height="3"/>' for a, b in critical]
    parts += [f'<rect class="event" x="{at:.1f}" y="1" width="2" height="5"/>' for at in events]
    head = '<svg class="bar" viewBox="0 0 1000 18" preserveAspectRatio="none" aria-hidden="true">'
    return Markup(f"{head}{''.join(parts)}</svg>")  # noqa: S704 - numbers, and a class of ours
