"""A measure as the APM tables and panels show it: counts with shares, latency, an error bar. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from observer.components.measures import outcomes, per_minute, share
from observer.drawing import bars
from store.api import Measure


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the requests of a measure."""

    count: int
    share: float | None
    """From 0 to 1; None where there is none of them."""


@dataclass(frozen=True, slots=True)
class MeasureView:
    """Requests, errors and duration of one service, operation, call or tag value."""

    requests: int
    per_minute: str
    """Requests per minute of the time that has data; empty where that is not given."""
    errors: Part
    root_causes: Part
    """Requests in which an error began."""
    recovered: int
    """Requests in which an error began and which succeeded all the same."""
    p50_ns: int | None
    p90_ns: int | None
    p99_ns: int | None
    error_bar: Markup
    """The share in error, with the share that failed by an own error inside it; empty without errors."""
    mark: str
    """What `data-mark` of its row holds: `error`, `error origin`, or nothing."""


def measure_view(measure: Measure, rate_ns: int = 0) -> MeasureView:
    """The measure ready to be placed; with the length of the time that has data, also its rate."""
    requests, errors = measure.requests, measure.errors
    ended = outcomes(measure)
    bar = bars.meter(share(errors, requests), "received", share(ended.failed_here, requests), "origin")
    return MeasureView(
        requests=requests,
        per_minute=per_minute(requests, rate_ns) if rate_ns else "",
        errors=_part(errors, requests),
        root_causes=_part(measure.origin_errors, requests),
        recovered=ended.recovered,
        p50_ns=measure.latency.p50_ns,
        p90_ns=measure.latency.p90_ns,
        p99_ns=measure.latency.p99_ns,
        error_bar=bar if errors else Markup(""),
        mark=error_mark(errors, measure.origin_errors),
    )


def error_mark(errors: int, origin_errors: int) -> str:
    """The `data-mark` of a row with so many errors: `error`, `error origin`, or nothing."""
    if not errors:
        return ""
    return "error origin" if origin_errors else "error"


def _part(count: int, requests: int) -> Part:
    return Part(count, count / requests if count and requests else None)
