"""What the senders are told to measure, and the truth of it."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
PAUSE_MS = 300


@dataclass(frozen=True)
class Round:
    """What is measured between two exports; `room` is None for NaN."""

    orders: int
    queue: int
    room: float | None
    latency: Sequence[float]
    size: Sequence[float]

    def plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "orders": self.orders,
            "queue": self.queue,
            "room": self.room,
            "latency": list(self.latency),
            "size": list(self.size),
        }


def rounds(seed: int, rooms: Sequence[float | None]) -> list[Round]:
    """As many rounds as there are temperatures of the room."""
    rng = random.Random(seed)
    return [
        Round(
            rng.randrange(1, 9),
            rng.choice((-2, 3)),
            room,
            [rng.lognormvariate(-2.5, 0.9) for _ in range(200)],
            [rng.lognormvariate(6, 1.2) for _ in range(200)],
        )
        for room in rooms
    ]


def observed(values: Sequence[float], share: float) -> float:
    """The observation at this share of all, by rank."""
    return sorted(values)[math.ceil(share * len(values)) - 1]


def bucket_around(value: float) -> tuple[float, float]:
    """The bounds of the explicit bucket that holds a value."""
    low = max((bound for bound in BOUNDS if bound < value), default=0.0)
    high = min((bound for bound in BOUNDS if bound >= value), default=math.inf)
    return low, high


def exponential_base(values: Sequence[float]) -> float:
    """At most so much wider than its lower bound is a bucket of 160 over these values."""
    doublings = math.log2(max(values) / min(values))
    # One scale less than would just fit: SDKs shrink before a range that touches both ends.
    return float(2 ** (2 ** -(math.floor(math.log2(160 / doublings)) - 1)))
