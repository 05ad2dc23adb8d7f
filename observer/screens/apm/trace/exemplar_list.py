"""The metrics that a trace is an exemplar of, each with the value that was observed in it. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from observer.components.number_format import NOTHING
from store.api import TraceExemplar

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
    more: bool
    """Whether there are others that are not listed."""


def exemplar_list(found: Sequence[TraceExemplar], more: bool) -> ExemplarList:
    """The list of what the store found."""
    return ExemplarList(tuple(_row(each) for each in found), more)


def _row(of: TraceExemplar) -> ExemplarRow:
    value = of.exemplar.value
    return ExemplarRow(
        of.info.name,
        of.service,
        NOTHING if math.isnan(value) else f"{value:.4g} {of.info.unit}",
        ", ".join(f"{name} {value}" for name, value in [*of.attributes.items()][:_ATTRIBUTES]),
        of.exemplar.span_id or "",
        of.exemplar.time_unix_nano,
        "",
    )
