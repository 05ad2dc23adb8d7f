"""A measure as numbers and as a sentence: requests by how they ended, errors, latency. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from observer.components import number_format as formats
from store.api import Measure


def share(part: int, whole: int) -> float:
    """A share from 0 to 1; 0 of 0 is 0."""
    return part / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The requests of a measure by how they ended: four parts that sum to all of them.

    A measure counts the requests in error and those in which an error began, not how
    many were both: where there are more of the latter, the difference surely recovered.
    """

    failed_here: int
    """In error, by an error that began here."""
    received: int
    """In error, by an error that came from elsewhere."""
    recovered: int
    """An error began here, but the request succeeded: by a retry, say."""
    fine: int


def outcomes(measure: Measure) -> Outcomes:
    """How the requests of a measure ended."""
    errors, origins = measure.errors, measure.origin_errors
    recovered = max(0, min(origins, measure.requests) - errors)
    return Outcomes(
        failed_here=min(origins, errors),
        received=max(0, errors - origins),
        recovered=recovered,
        fine=max(0, measure.requests - errors - recovered),
    )


def recovered(measure: Measure) -> int:
    """Requests in which an error began and which succeeded."""
    return outcomes(measure).recovered


def words(measure: Measure) -> str:
    """`120 requests, 40 errors (33.3 %), 58 began here, 18 recovered, P90 212 ms`."""
    parts = [formats.plural(measure.requests, "request")]
    if measure.errors:
        part = formats.percent(share(measure.errors, measure.requests))
        parts.append(f"{formats.plural(measure.errors, 'error')} ({part})")
    if measure.origin_errors:
        parts.append(f"{formats.count(measure.origin_errors)} began here")
    if recovered(measure):
        parts.append(f"{formats.count(recovered(measure))} recovered")
    if measure.latency.p90_ns is not None:
        parts.append(f"P90 {formats.duration(measure.latency.p90_ns)}")
    return ", ".join(parts)


def per_minute(requests: int, covered_ns: int) -> str:
    """Requests per minute of the time that has data, in ns."""
    minutes = covered_ns / 60e9
    rate = requests / minutes if minutes else 0.0
    return f"{rate:,.0f}" if rate >= 10 or rate == 0 else f"{rate:.1f}"
