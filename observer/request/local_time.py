"""Calendar times in the reader's zone, and as form fields and addresses write them. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_S = 1_000_000_000
_LAST_SECOND = 253_402_214_400
"""9999-12-31T00:00:00Z: a day before a datetime's end, so that no time zone exceeds it."""


def zone_of(name: str | None) -> tzinfo:
    """The IANA zone of this name; this machine's own where there is none."""
    if name:
        try:
            return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            pass
    return datetime.now(UTC).astimezone().tzinfo or UTC


def moment(unix_nano: int, zone: tzinfo) -> datetime:
    """The time in this zone, to the microsecond; clamped to 1970 to 9999."""
    seconds = min(max(unix_nano // _S, 0), _LAST_SECOND)
    at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=(unix_nano % _S) // 1000)
    return at if zone is UTC else at.astimezone(zone)


def time_text(when: datetime, exact: bool) -> str:
    """`14:03:27`, or `14:03:27.482` if exact."""
    # A third of the time that `strftime` takes, of which a page has hundreds.
    return when.isoformat(" ", "milliseconds" if exact else "seconds")[11 : 23 if exact else 19]


def field_text(when: datetime, exact: bool) -> str:
    """The value of a `datetime-local` field: `2026-11-23T14:03:27`, with milliseconds if exact."""
    return f"{when.strftime('%Y-%m-%d')}T{time_text(when, exact)}"


def iso_ms(unix_ms: int) -> str:
    """`2026-11-23T14:03:27.482Z`."""
    when = datetime.fromtimestamp(min(unix_ms // 1000, _LAST_SECOND), UTC)
    return f"{when.isoformat('T', 'seconds')[:19]}.{unix_ms % 1000:03d}Z"
