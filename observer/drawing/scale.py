"""Axes: round numbers and round times within a range, and their positions. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo

_STEPS_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800,
    604_800, 1_209_600, 2_592_000, 7_776_000, 31_536_000,
)  # fmt: skip
_S = 10**9


def round_up(value: float) -> float:
    """The next of 1, 2, 5, 10, 20, 50 … that is at least `value`; 1 for 0."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    for factor in (1, 2, 5, 10):
        if factor * power >= value * (1 - 1e-9):
            return float(factor * power)
    return 10 * power


def ticks(top: float, most: int = 4) -> list[float]:
    """Round values from 0 up to the first that is at least `top`; at most `most` above 0."""
    step = round_up(top / most)
    count = max(1, math.ceil(top / step - 1e-9))
    return [step * i for i in range(count + 1)]


def signed_ticks(low: float, high: float, most: int = 4) -> list[float]:
    """As `ticks`, from the first round value that is at most `low`, where that is below 0."""
    if low >= 0:
        return ticks(high, most)
    step = round_up(max(high, 0.0) / most - low / most)
    first, last = math.floor(low / step + 1e-9), math.ceil(max(high, 0.0) / step - 1e-9)
    return [step * i for i in range(first, max(last, 0) + 1)]


def time_ticks(from_unix_nano: int, to_unix_nano: int, zone: tzinfo, most: int = 6) -> list[tuple[int, str]]:
    """(Unix nanoseconds, label) at round local times inside the window, oldest first."""
    span_s = max(1e-9, (to_unix_nano - from_unix_nano) / _S)
    if span_s < 2:
        return _short_ticks(from_unix_nano, to_unix_nano, zone, most)
    step = next((s for s in _STEPS_S if span_s / s <= most), _STEPS_S[-1])
    try:
        offset_s = _offset_s(from_unix_nano // _S, zone)
    except (OverflowError, OSError, ValueError):
        return []
    first = -(-(from_unix_nano // _S + offset_s) // step) * step - offset_s
    found: list[tuple[int, str]] = []
    at = first
    while at * _S < to_unix_nano and len(found) <= most:
        # Where the clocks are changed within the window, the round times move.
        moved = at + offset_s - _offset_s(at, zone) if step > 3600 else at
        if from_unix_nano <= moved * _S < to_unix_nano:
            found.append((moved * _S, _label(datetime.fromtimestamp(moved, zone), step)))
        at += step
    return found


def _offset_s(at: int, zone: tzinfo) -> int:
    return round((datetime.fromtimestamp(at, zone).utcoffset() or timedelta()).total_seconds())


def _short_ticks(from_unix_nano: int, to_unix_nano: int, zone: tzinfo, most: int) -> list[tuple[int, str]]:
    """Within two seconds: the first in full, down to milli- or microseconds, the others by their seconds."""
    step = max(1_000, round(round_up((to_unix_nano - from_unix_nano) / most)))
    digits = 3 if step % 1_000_000 == 0 else 6
    found: list[tuple[int, str]] = []
    for at in range(-(-from_unix_nano // step) * step, to_unix_nano, step):
        try:
            moment = datetime.fromtimestamp(at // _S, zone)
        except (OverflowError, OSError, ValueError):
            return []
        part = f"{at % _S:09}"[:digits]
        found.append((at, f"{moment.strftime('%S' if found else '%H:%M:%S')}.{part}"))
    return found


def _label(moment: datetime, step_s: int) -> str:
    if step_s >= 2_592_000:
        return moment.strftime("%d %b %Y")
    if step_s >= 86_400:
        return moment.strftime("%d %b")
    if step_s < 60:
        return moment.strftime("%H:%M:%S")
    return moment.strftime("%H:%M")


def position(value: float, low: float, high: float, start: float, end: float) -> float:
    """The coordinate of a value: `low` is at `start`, `high` at `end`, linear between."""
    if high <= low:
        return start
    return start + (value - low) / (high - low) * (end - start)


def log_ticks(low: float, high: float) -> Sequence[float]:
    """Powers of ten, and 3 times them where few fit, from the one below `low` to the one above `high`."""
    low, high = max(low, 1e-9), max(high, 1e-9)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    factors = (1,) if last - first > 2 else (1, 3)
    return [
        f * 10.0**power for power in range(first, last + 1) for f in factors if f * 10.0**power <= 10.0**last
    ]
