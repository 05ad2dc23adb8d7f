"""Results about the metrics that a trace left its mark on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from signals.metrics import Exemplar, MetricInfo


@dataclass(frozen=True, slots=True)
class TraceExemplar:
    """An observation of some metric that happened in a trace."""

    info: MetricInfo
    service: str
    exemplar: Exemplar
    attributes: Mapping[str, str]
    """Those of the points of its series, as text."""
