"""The slowest pages and requests of browsers, against the equal period before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from observer.components.compared import Compared
from observer.components.slowest import Slowest, slowest
from observer.request.links import filtered
from store.api import Reader, RumMetric, Window

_RANKED: Final = 200
"""Pages and requests among which the slowest are looked for, those that are asked for most."""


def slow_by(
    reader: Reader,
    window: Window,
    compared: Compared,
    where: Mapping[str, str] | None,
    attributes: Mapping[str, str],
    whose: str | None,
    metric: RumMetric,
    tag: str,
) -> Slowest:
    """The values of a tag with the longest P75 of a metric; their addresses keep `attributes` and `whose`."""
    now, before = (
        {one.value: one.measure for one in found.values if one.value}
        for found in (
            reader.rum_breakdowns(metric, (tag,), part, where, _RANKED)[tag]
            for part in (window, window.before())
        )
    )
    return slowest(
        now,
        before,
        compared,
        lambda name: (name, ""),
        lambda name: filtered("/rum/tags", {**attributes, tag: name}, metric=metric, whose=whose),
        lambda latency: latency.p75_ns,
    )
