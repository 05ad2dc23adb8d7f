"""Exemplars of a service's latency: durations that its metrics kept together with their traces."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from observer.components import number_format, time_format
from observer.components.metric_units import unit_of
from observer.drawing.charts import Dot
from observer.request.links import scoped
from observer.request.scope import Scope
from observer.screens.apm.service_metrics import SERVICE
from signals.ids import short_trace_id
from signals.metric_families import is_server_duration
from signals.metrics import Exemplar
from store.api import MetricName, MetricQuery, Reader, TooSlow

SHOWN: Final = 40
_METRICS: Final = 3
"""Metrics of durations that are looked at: a service rarely has more than one."""


@dataclass(frozen=True, slots=True)
class LatencyExemplar:
    """One observed duration."""

    trace: str
    """The first digits of its trace's id."""
    href: str
    time_unix_nano: int
    duration_ns: float


def latency_exemplars(
    reader: Reader, service: str, names: Sequence[MetricName], scope: Scope
) -> tuple[LatencyExemplar, ...]:
    """Those of the durations of requests that the service received, which lead to a trace; newest first."""
    found: list[LatencyExemplar] = []
    for name in [each for each in names if is_server_duration(each.info)][:_METRICS]:
        info = name.info
        query = MetricQuery(
            scope.window,
            info.name,
            attributes={SERVICE: service},
            unit=info.unit,
            kind=info.kind.value,
            environment=scope.environment,
        )
        try:
            exemplars = [each.exemplar for each in reader.metric_exemplars(query, SHOWN)]
        except TooSlow:
            continue
        found += _with_trace(exemplars, unit_of(info.unit).factor)
    return tuple(sorted(found, key=lambda each: -each.time_unix_nano)[:SHOWN])


def _with_trace(exemplars: Sequence[Exemplar], unit_ns: float) -> Iterator[LatencyExemplar]:
    for each in exemplars:
        if each.trace_id and math.isfinite(each.value) and each.value >= 0:
            yield LatencyExemplar(
                short_trace_id(each.trace_id),
                scoped(f"/apm/traces/{each.trace_id}", span=each.span_id),
                each.time_unix_nano,
                each.value * unit_ns,
            )


def dots_of(exemplars: Sequence[LatencyExemplar], zone: tzinfo) -> tuple[Dot, ...]:
    """The same as dots of a chart of durations, each a link to its trace."""
    return tuple(
        Dot(
            each.time_unix_nano,
            each.duration_ns,
            "exemplar",
            f"Exemplar {number_format.duration(each.duration_ns)} at "
            f"{time_format.clock(each.time_unix_nano, zone)}, trace {each.trace}",
            each.href,
        )
        for each in exemplars
    )
