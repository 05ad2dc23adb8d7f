"""Durations as people write them: `90s`, `5m`, `1h`."""

from __future__ import annotations

import re

_UNITS_S = {"s": 1, "m": 60, "h": 3600}
_LONGEST_S = 24 * 3600
_DURATION = re.compile(r"([0-9]{1,5})([smh])")


def nanoseconds(text: str) -> int | None:
    """Nanoseconds of a duration of at most a day; None for any other text."""
    found = _DURATION.fullmatch(text.strip())
    if not found:
        return None
    seconds = int(found[1]) * _UNITS_S[found[2]]
    return seconds * 10**9 if seconds <= _LONGEST_S else None
