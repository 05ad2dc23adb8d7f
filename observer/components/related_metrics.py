"""Finds how many metrics a service sent around a moment, and the address of exactly these."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from observer.request.links import scoped
from observer.request.page_request import scope_or_default
from observer.request.time_range import range_args
from store.api import Reader, Window

MOST: Final = 1_000
"""Metrics of one service that are counted: the screen of metrics lists as many."""
_AROUND_NS: Final = 60 * 10**9
"""The interval in which SDKs export by default: a metric that is alive has a point within it."""
_S: Final = 10**9


@dataclass(frozen=True, slots=True)
class RelatedMetrics:
    """The metrics of one service around a moment; there is one at least."""

    service: str
    count: int | None
    """None if there are more than are counted."""
    address: str

    @property
    def label(self) -> str:
        """`Metrics of frontend`."""
        more = f", more than {MOST:,}" if self.count is None else ""
        return f"Metrics of {self.service}{more}"


def related_metrics(reader: Reader, services: Iterable[str], window: Window) -> RelatedMetrics | None:
    """The metrics of the first of these services that has any with a point in the window or a minute around.

    None if none has. They are those of the reader's environment, as their address says.
    """
    wide, environment = around(window), scope_or_default().environment
    for service in filter(None, services):
        found, more = reader.metric_names(wide, service, limit=MOST, environment=environment)
        if found:
            return RelatedMetrics(service, None if more else len(found), _address(service, wide))
    return None


def around(window: Window) -> Window:
    """The window and a minute at either end, to whole seconds, as its address names it."""
    begin = max(0, window.from_unix_nano - _AROUND_NS) // _S * _S
    end = -(-(window.to_unix_nano + _AROUND_NS) // _S) * _S
    return Window(begin, min(end, Window.ALL.to_unix_nano // _S * _S))


def _address(service: str, window: Window) -> str:
    ends = range_args(window)
    return scoped("/metrics", service=service, from_=ends["from"], to=ends["to"])
