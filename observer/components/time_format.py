"""How times are written: Unix nanoseconds as text in the reader's time zone. Pure."""

from __future__ import annotations

from datetime import UTC, tzinfo

from observer.request.local_time import moment, time_text

_S = 1_000_000_000


def clock(unix_nano: int, zone: tzinfo) -> str:
    """`14:03:27.482`."""
    return time_text(moment(unix_nano, zone), exact=True)


def clock_s(unix_nano: int, zone: tzinfo) -> str:
    """`14:03:27`."""
    return moment(unix_nano, zone).isoformat(" ", "seconds")[11:19]


def clock_us(unix_nano: int, zone: tzinfo) -> str:
    """`14:03:27.482191`."""
    return moment(unix_nano, zone).isoformat(" ", "microseconds")[11:26]


def stamp(unix_nano: int, zone: tzinfo) -> str:
    """`2026-11-23 14:03:27`."""
    return moment(unix_nano, zone).isoformat(" ", "seconds")[:19]


def stamp_ms(unix_nano: int, zone: tzinfo) -> str:
    """`2026-11-23 14:03:27.482`."""
    return moment(unix_nano, zone).isoformat(" ", "milliseconds")[:23]


def stamp_us_with_zone(unix_nano: int, zone: tzinfo) -> str:
    """`2026-11-23 14:03:27.482191 CET`."""
    at = moment(unix_nano, zone)
    return f"{at.isoformat(' ', 'microseconds')[:26]} {at.tzname() or ''}"


def iso(unix_nano: int) -> str:
    """`2026-11-23T14:03:27.482191Z`, for machines and titles."""
    return f"{moment(unix_nano, UTC).isoformat('T', 'microseconds')[:26]}Z"


STYLES = {
    "stamp": slice(0, 19),
    "exact": slice(0, 23),
    "clock": slice(11, 23),
    "fine": slice(11, 26),
    "second": slice(11, 19),
}
"""Which part of `2026-11-23 14:03:27.482191` each style is."""


def spelled(unix_nano: int, zone: tzinfo) -> tuple[str, str, str]:
    """(`2026-11-23 14:03:27.482191`, `CET`, as `iso`) in one go, for a page with hundreds of times."""
    in_utc = moment(unix_nano, UTC)
    machine = in_utc.isoformat("T", "microseconds")[:26]
    if zone is UTC:
        return f"{machine[:10]} {machine[11:]}", "UTC", f"{machine}Z"
    at = in_utc.astimezone(zone)
    return at.isoformat(" ", "microseconds")[:26], at.tzname() or "", f"{machine}Z"


def ago(unix_nano: int, now_unix_nano: int) -> str:
    """`just now`, `12 s ago`, `3 min ago`, `2 h ago`, `5 d ago`; `in 4 s` for a time to come."""
    gap_s = (now_unix_nano - unix_nano) // _S
    if gap_s < -1:
        return f"in {_coarse(-gap_s)}"
    return "just now" if gap_s < 2 else f"{_coarse(gap_s)} ago"


def _coarse(seconds: int) -> str:
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"
