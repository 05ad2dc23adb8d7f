"""The data model of metrics: what one OTLP data point holds, and what it is a point of.

Shapes and names follow `opentelemetry/proto/metrics/v1/metrics.proto`. Times are integer
nanoseconds since the Unix epoch (`_unix_nano`); `start_unix_nano` is 0 where the sender names none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, IntEnum

from signals.model import Attributes, SpanId, TraceId


class MetricKind(Enum):
    """The kinds of OTLP; the value is the word of the API."""

    GAUGE = "gauge"
    SUM = "sum"
    HISTOGRAM = "histogram"
    EXPONENTIAL_HISTOGRAM = "exponential_histogram"
    SUMMARY = "summary"

    @property
    def is_distribution(self) -> bool:
        """Whether a point describes many observations, so that percentiles can be asked for."""
        return self not in (MetricKind.GAUGE, MetricKind.SUM)


class Temporality(IntEnum):
    """OTLP's numbers. A gauge and a summary have none (UNSPECIFIED)."""

    UNSPECIFIED = 0
    DELTA = 1
    """A point counts what happened since `start_unix_nano`, which is the time of the point before."""
    CUMULATIVE = 2
    """A point counts what happened since `start_unix_nano`, which stays until the counter is reset."""


@dataclass(frozen=True, slots=True)
class MetricInfo:
    """What points are of: two streams that differ in any of these are two metrics of one name."""

    name: str
    unit: str
    kind: MetricKind
    temporality: Temporality = Temporality.UNSPECIFIED
    monotonic: bool = False
    description: str = ""
    """Not part of the identity: the newest one stays."""


@dataclass(frozen=True, slots=True)
class Distribution:
    """A histogram with explicit bounds: bucket `i` holds values in (bounds[i-1], bounds[i]]."""

    count: int
    sum: float | None
    minimum: float | None
    maximum: float | None
    bounds: Sequence[float]
    """Rising; one fewer than `buckets`. Both are empty where only count and sum are known."""
    buckets: Sequence[int]


@dataclass(frozen=True, slots=True)
class ExponentialDistribution:
    """A histogram whose bounds are powers of 2**(2**-scale), the base.

    Bucket `i` of those that begin at `offset` holds (base**(offset + i), base**(offset + i + 1)].
    """

    count: int
    sum: float | None
    minimum: float | None
    maximum: float | None
    scale: int
    zero_count: int
    zero_threshold: float
    positive_offset: int
    positive: Sequence[int]
    negative_offset: int
    negative: Sequence[int]


@dataclass(frozen=True, slots=True)
class Quantiles:
    """A summary, whose percentiles the sender computed."""

    count: int
    sum: float
    values: Sequence[tuple[float, float]]
    """(quantile from 0 to 1, value)"""


PointValue = int | float | Distribution | ExponentialDistribution | Quantiles | None
"""None for a point with the flag "no recorded value": the series ended or was not read this time.

An integer stays one, to the last digit; a float may be NaN or infinite."""


@dataclass(frozen=True, slots=True)
class Exemplar:
    """One of the observations that a point counted, with the trace that it happened in."""

    time_unix_nano: int
    value: float
    trace_id: TraceId | None
    span_id: SpanId | None
    attributes: Attributes
    """The attributes of the observation that its series does not have."""
