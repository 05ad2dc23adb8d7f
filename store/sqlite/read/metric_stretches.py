"""Between which points a series of numbers rose without a reset or a hole, by what its metric is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from signals.metrics import MetricInfo, Temporality
from store.sqlite.read.metric_increase import (
    AROUND_NS,
    Cutter,
    Stretch,
    cumulative_stretches,
    delta_stretches,
)

Values = list[float | None]
"""One for each column of a chart."""


class Numbers(NamedTuple):
    """One number of each point of a series."""

    times: Sequence[int]
    starts: Sequence[int]
    values: Sequence[float]


def stretches_of(info: MetricInfo, numbers: Numbers, cutter: Cutter) -> Sequence[Stretch]:
    """The stretches of a sum, or of a distribution by its counts."""
    spacing = cutter.spacing(numbers.times)
    if info.temporality is Temporality.DELTA:
        return delta_stretches(numbers.times, numbers.starts, spacing)
    # The count of a distribution only grows.
    monotonic = info.monotonic or info.kind.is_distribution
    since = cutter.columns.begin - AROUND_NS
    return cumulative_stretches(
        numbers.times, numbers.starts, numbers.values, spacing, since, monotonic=monotonic
    )
