"""Input of a writer: the points of metrics, each with the series that it is of.

A sender names its series again with every point, so a series is made once and shared by all its rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from signals.attributes import json_text, plain_attributes
from signals.metrics import MetricInfo, PointValue
from signals.model import Attributes


@dataclass(frozen=True, slots=True, eq=False)
class MetricSeriesRow:
    """What a point is of: made by `series_row`."""

    info: MetricInfo
    service: str
    resource: bytes
    """The serialized Resource message (see `store.rows.with_schema_url`)."""
    scope: str
    """The name of the instrumentation scope; may be empty."""
    attributes: Attributes
    """Those of the points."""
    digest: bytes
    """16 bytes, the same for the same series: name, unit, kind, temporality, monotonicity, resource, scope's
    name, attributes."""


class ExemplarRow(NamedTuple):
    """One of the observations that a point counted."""

    time_unix_nano: int
    value: float
    trace_id: bytes
    """16 bytes, or empty."""
    span_id: bytes
    """8 bytes, or empty."""
    attributes: Attributes


class MetricRow(NamedTuple):
    """One data point to be stored."""

    series: MetricSeriesRow
    start_unix_nano: int
    """0 where the sender names none."""
    time_unix_nano: int
    value: PointValue
    exemplars: tuple[ExemplarRow, ...] = ()


def series_row(
    info: MetricInfo, service: str, resource: bytes, scope: str, attributes: Attributes
) -> MetricSeriesRow:
    """A series with its digest. Attributes of other types are other attributes: 1 is not "1"."""
    identity = [info.name, info.unit, info.kind.value, info.temporality, info.monotonic, scope]
    digest = hashlib.blake2b(json_text(identity).encode(), digest_size=16)
    digest.update(b"%d " % len(resource) + resource)
    try:
        digest.update(orjson.dumps(plain_attributes(attributes), option=orjson.OPT_SORT_KEYS))
    except TypeError:
        digest.update(json_text(sorted(plain_attributes(attributes).items())).encode())
    return MetricSeriesRow(info, service, resource, scope, attributes, digest.digest())
