"""A queue of spans before one that commits, simulated: how long it may be away, how large a burst may be.

Spans arrive as a Poisson process (requests bring a few at once), wait in a bounded queue and leave at the
rate of the commits. Loss begins with the first span that finds the queue full. Repeatable for a seed.
"""

from __future__ import annotations

import random
from collections.abc import Callable

SDK_SPANS = 8_192
"""What waits in one process of the shop (services/common/telemetry/pipeline.py): that of the busiest, which
is taken to make all spans of the class. So what follows is the worst case."""
GATEWAY_SPANS = 100_000 + SDK_SPANS
"""With the queue of deploy/otelcol/forward.yaml behind it."""
GATEWAY_TRIES_S = 300.0
"""Its `max_elapsed_time`: what waits longer is dropped. The SDKs try without an end."""
STEP_S = 0.05
SPANS_OF_A_REQUEST = 12
"""Spans come in requests of about so many: the waves of arrivals are larger than of single spans."""
BURST_S = 10.0


def lost(
    rate_s: float, commits_s: float, capacity: int, *, away_s: float = 0.0, burst: float = 1.0, seed: int = 1
) -> int:
    """Spans that find the queue full while the receiver is away, or the rate is `burst` times as high."""
    chance, waiting, dropped = random.Random(seed), 0.0, 0
    troubled_s = away_s or BURST_S
    for step in range(round((troubled_s + 5.0) / STEP_S)):
        in_trouble = step * STEP_S < troubled_s
        requests = rate_s * (burst if in_trouble else 1.0) * STEP_S / SPANS_OF_A_REQUEST
        waiting += _arrivals(chance, requests) * SPANS_OF_A_REQUEST
        if not (away_s and in_trouble):
            waiting = max(0.0, waiting - commits_s * STEP_S)
        if waiting > capacity:
            dropped += round(waiting - capacity)
            waiting = capacity
    return dropped


def _arrivals(chance: random.Random, mean: float) -> float:
    """A number of a Poisson distribution; of a large mean, of the normal one that it resembles."""
    if mean > 50:
        return max(0.0, chance.gauss(mean, mean**0.5))
    count, passed = 0, chance.expovariate(1.0)
    while passed < mean:
        count, passed = count + 1, passed + chance.expovariate(1.0)
    return count


def longest_outage_s(rate_s: float, commits_s: float, capacity: int) -> float:
    """The longest time in seconds for which the receiver may be away without a loss; 0 if it loses anyway."""
    return _bound(lambda away_s: lost(rate_s, commits_s, capacity, away_s=away_s) == 0, 3_600.0)


def greatest_burst(rate_s: float, commits_s: float, capacity: int) -> float:
    """How many times the usual rate may come for ten seconds without a loss."""
    return _bound(lambda burst: lost(rate_s, commits_s, capacity, burst=burst) == 0, 1_000.0)


def _bound(holds: Callable[[float], bool], most: float) -> float:
    low, high = 0.0, most
    if holds(high):
        return high
    while high - low > 0.01 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return low
