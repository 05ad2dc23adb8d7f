"""Lengths and positions of SVG attributes in percent of the drawing's width."""

from __future__ import annotations


def svg_percent(value: float, digits: int = 2) -> str:
    """`12.35%`; two digits are a tenth of a pixel on the widest line, three keep 800 rows aligned."""
    return f"{value:.{digits}f}%"
