"""A line of the table that all benchmarks share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResultLine:
    """`value` is this machine's figure with its unit, `ratio` the comparable one; both are text."""

    name: str
    value: str
    ratio: str
