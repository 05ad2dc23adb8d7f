"""Repeatable chance: one stream of numbers per purpose, all from one seed.

Streams of different purposes do not disturb one another, so adding a draw in
one place changes nothing elsewhere. The global generator is never seeded: trace
ids come from it and must differ between processes.
"""

from __future__ import annotations

import random


def stream(seed: int | None, *purpose: str) -> random.Random:
    """A generator for `purpose` (for instance service and use); without a seed it differs on every start."""
    if seed is None:
        return random.Random()
    return random.Random(f"{seed}/{'/'.join(purpose)}")
