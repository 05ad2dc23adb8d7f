"""The metrics that a trace is an exemplar of, each with the value that was observed in it.

Pure but for the addresses of this request.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from observer.components.metric_units import unit_of
from observer.components.number_format import plural
from observer.components.related_metrics import around
from observer.request.links import metric_url
from observer.request.time_range import range_args
from store.api import TraceExemplar, Window

SHOWN: Final = 20
_ATTRIBUTES: Final = 4


@dataclass(frozen=True, slots=True)
class ExemplarRow:
    """One observation."""

    metric: str
    service: str
    value: str
    attributes: str
    """The first attributes of its series: `http.route /cart, http.request.method POST`."""
    span_id: str
    """Empty where the sender names none."""
    time_unix_nano: int
    href: str


@dataclass(frozen=True, slots=True)
class ExemplarList:
    """The observations of a trace, oldest first."""

    rows: tuple[ExemplarRow, ...]
    words: str
    """`This trace is an exemplar of 12 points of 3 metrics`."""


def exemplar_list(found: Sequence[TraceExemplar], more: bool) -> ExemplarList:
    """The list of what the store found."""
    points = f"the first {len(found)} of more points" if more else plural(len(found), "point")
    metrics = plural(len({each.info.name for each in found}), "metric")
    return ExemplarList(
        tuple(_row(each) for each in found), f"This trace is an exemplar of {points} of {metrics}"
    )


def _row(of: TraceExemplar) -> ExemplarRow:
    info, time = of.info, of.exemplar.time_unix_nano
    ends = range_args(around(Window(time, time)))
    return ExemplarRow(
        info.name,
        of.service,
        unit_of(info.unit).text(of.exemplar.value),
        ", ".join(f"{name} {value}" for name, value in [*of.attributes.items()][:_ATTRIBUTES]),
        of.exemplar.span_id or "",
        time,
        metric_url(
            info.name,
            {"service.name": of.service} if of.service else {},
            {"unit": info.unit or " ", "since": "", **ends},
        ),
    )
