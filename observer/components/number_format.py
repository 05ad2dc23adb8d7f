"""How numbers and durations are written, each with its unit. Pure."""

from __future__ import annotations

NOTHING = "\u2013"
"""Written where there is no value."""

_US = 1_000
_MS = 1_000_000
_S = 1_000_000_000


def duration(ns: int | float | None) -> str:
    """`437 ms`, `1.24 s`, `83 µs`, `2 min 3 s`, `3 h 10 min`; `0 ms` for 0, a dash for None."""
    if ns is None:
        return NOTHING
    if ns < 0:
        return "-" + duration(-ns)
    if ns == 0:
        return "0 ms"
    if ns < _US:
        return f"{ns:.0f} ns"
    if ns < _MS:
        return f"{_short(ns / _US)} µs"
    if ns < _S:
        return f"{_short(ns / _MS)} ms"
    if ns < 60 * _S:
        return f"{_short(ns / _S)} s"
    minutes, seconds = divmod(round(ns / _S), 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def _short(value: float) -> str:
    """Three significant digits, no trailing zeros."""
    return f"{value:.0f}" if value >= 99.95 else f"{value:.3g}"


def count(number: int | float | None) -> str:
    """`1,234,567`; a dash for None."""
    return NOTHING if number is None else f"{number:,.0f}"


def plural(number: int, one: str, many: str | None = None) -> str:
    """`1 error`, `2 errors`, `2 properties`."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def size(number: int | None) -> str:
    """Bytes in powers of 1000: `1.2 MB`."""
    if number is None:
        return NOTHING
    value = float(number)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{_short(value)} {unit}"
        value /= 1000
    return f"{_short(value)} TB"


def percent(share: float | None, digits: int = 1) -> str:
    """`12.5 %` for 0.125; a share above 0 is never written as `0.0 %`."""
    if share is None:
        return NOTHING
    least = 10 ** -(digits + 2)
    if 0 < share < least:
        return f"< {least * 100:.{digits}f} %"
    return f"{share * 100:.{digits}f} %"


def width_percent(share: float | None) -> str:
    """`12.50%` for 0.125: the width of an SVG element; `0.00%` for None."""
    return f"{(share or 0) * 100:.2f}%"
