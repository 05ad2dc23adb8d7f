"""What a part of the benchmarks hands over: lines of the common table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    """`value` is what this machine gave in its unit, `ratio` what is comparable, both as text."""

    what: str
    value: str
    ratio: str
