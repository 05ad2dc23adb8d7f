"""Which times of a sender can be: nanoseconds of this and the next century."""

from __future__ import annotations

from typing import Final

from collector.items import Malformed

EARLIEST_UNIX_NANO: Final = 946_684_800 * 10**9
"""The year 2000: seconds, milli- or microseconds mistaken for nanoseconds fall before it."""
LATEST_UNIX_NANO: Final = 7_258_118_400 * 10**9
"""The year 2200."""


def check_time(value_unix_nano: int, what: str) -> None:
    """Raise Malformed for a time that is missing or out of range."""
    if not value_unix_nano:
        raise Malformed(f"a {what} is missing")
    if value_unix_nano < EARLIEST_UNIX_NANO:
        raise Malformed(f"a {what} is before the year 2000: it must be in nanoseconds")
    if value_unix_nano > LATEST_UNIX_NANO:
        raise Malformed(f"a {what} is after the year 2200")
