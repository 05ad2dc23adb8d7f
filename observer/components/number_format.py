"""How numbers, times and durations are written. Pure; knows nothing of pages.

Every number carries its unit. Times are integer nanoseconds and become text only
here, in the reader's own time zone.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

NOTHING = "\u2013"
"""Written where there is no value."""

_US = 1_000
_MS = 1_000_000
_S = 1_000_000_000


def duration(ns: int | float | None) -> str:
    """`437 ms`, `1.24 s`, `83 µs`, `2 min 3 s`, `3 h 10 min`; `0 ms` for nothing, a dash for None."""
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
    text = f"{value:.0f}" if value >= 99.95 else f"{value:.3g}"
    return text


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
    """`12.5 %` for 0.125; something above nothing is never written as nothing."""
    if share is None:
        return NOTHING
    least = 10 ** -(digits + 2)
    if 0 < share < least:
        return f"< {least * 100:.{digits}f} %"
    return f"{share * 100:.{digits}f} %"


def zone_of(name: str | None) -> tzinfo:
    """The IANA zone of this name, else this machine's own."""
    if name:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    return datetime.now(UTC).astimezone().tzinfo or UTC


def moment(unix_nano: int, zone: tzinfo) -> datetime:
    """The time in this zone, to the microsecond; times out of a calendar's range are clamped to it."""
    seconds = min(max(unix_nano // _S, 0), 253_402_214_400)
    return datetime.fromtimestamp(seconds, UTC).astimezone(zone).replace(microsecond=(unix_nano % _S) // 1000)


def clock(unix_nano: int, zone: tzinfo) -> str:
    """`14:03:27.482`."""
    return moment(unix_nano, zone).strftime("%H:%M:%S.%f")[:-3]


def stamp(unix_nano: int, zone: tzinfo) -> str:
    """`2026-11-23 14:03:27`."""
    return moment(unix_nano, zone).strftime("%Y-%m-%d %H:%M:%S")


def iso(unix_nano: int) -> str:
    """`2026-11-23T14:03:27.482191Z`, for machines and titles."""
    return moment(unix_nano, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def ago(unix_nano: int, now_unix_nano: int) -> str:
    """`just now`, `12 s ago`, `3 min ago`, `2 h ago`, `5 d ago`; `in 4 s` for what lies ahead."""
    gap_s = (now_unix_nano - unix_nano) // _S
    if gap_s < -1:
        return f"in {_coarse(-gap_s)}"
    return "just now" if gap_s < 2 else f"{_coarse(gap_s)} ago"


def _coarse(seconds: int) -> str:
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
