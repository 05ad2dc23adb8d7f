"""Time ranges of addresses: the only parser of `since`, `from` and `to`, for pages and API alike.

    since=15m            the last 15 minutes: a number and one of s, m, h, d, w; a year at most
    from=…&to=…          from ≤ t < to; without `to` until now, without `from` from 1970 on

`from` and `to` are ISO 8601 (without an offset in the given zone) or a number since the
Unix epoch, whose magnitude says whether it counts seconds, milliseconds, microseconds or
nanoseconds. Pure but for the clock that is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from observer.request.errors import Malformed, shortened
from observer.request.local_time import field_text, iso_ms, moment
from store.api import Window

RANGE_KEYS = ("since", "from", "to")
LEAST_NS = 1_000_000_000
"""The narrowest range that zooming leads to."""

_S = 1_000_000_000
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"([0-9]{1,9}) *([smhdw])")
_LONGEST_S = 20_000 * 86_400
"""Back to the first years of Unix time: a sender's clock or an imported file may name any of them."""
_LAST_NANO = Window.ALL.to_unix_nano
# 10¹¹ seconds are the year 5138 and 10¹¹ milliseconds 1973, and so on from unit to unit:
# no time that an application sends can be mistaken for another unit.
_NUMBER_UNITS = ((10**11, _S), (10**14, 1_000_000), (10**17, 1_000), (_LAST_NANO + 1, 1))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class TimeRange:
    """What an address asks for."""

    window: Window
    since: str | None
    """`15m` where the range follows the clock, in the one spelling that links use; None if it is fixed."""


def parse_range(args: Mapping[str, str], now_unix_nano: int, zone: tzinfo) -> TimeRange | None:
    """The time range of query arguments, or None if they name none. Raises Malformed."""
    since, begin, end = (args.get(key, "").strip() for key in RANGE_KEYS)
    if since:
        if begin or end:
            raise Malformed("since cannot be combined with from or to.", "Give either of the two.")
        length_ns, spelled = _duration(since)
        return TimeRange(Window(max(0, now_unix_nano - length_ns), now_unix_nano), spelled)
    if not begin and not end:
        return None
    first = parse_time(begin, "from", zone) if begin else 0
    last = parse_time(end, "to", zone) if end else now_unix_nano
    if first >= last:
        until = "to: this range would end before it begins" if end else "now, where a range without to ends"
        raise Malformed(f"from must be earlier than {until}.", "Change from or to, or leave one out.")
    return TimeRange(Window(first, last), None)


def parse_time(text: str, name: str, zone: tzinfo) -> int:
    """Unix nanoseconds of one end of a range; a time before 1970 is the epoch. Raises Malformed."""
    stripped = text.strip()
    if stripped.isascii() and stripped.isdigit():
        return _number(stripped, name)
    try:
        when = datetime.fromisoformat(stripped)
        gap = (when if when.tzinfo else when.replace(tzinfo=zone)) - _EPOCH
    except (ValueError, OverflowError):
        raise _not_a_time(text, name) from None
    nanos = (gap.days * 86_400 + gap.seconds) * _S + gap.microseconds * 1_000
    if nanos > _LAST_NANO:
        raise _not_a_time(text, name)
    return max(0, nanos)


def range_args(window: Window) -> dict[str, str]:
    """`from` and `to` of a fixed window, as ISO times to the millisecond, rounded outwards."""
    return {
        "from": iso_ms(window.from_unix_nano // 1_000_000),
        "to": iso_ms(-(-window.to_unix_nano // 1_000_000)),
    }


def is_reversed(args: Mapping[str, str], zone: tzinfo) -> bool:
    """Whether `from` and `to` would be a valid range if they were exchanged."""
    try:
        return parse_time(args.get("from", ""), "from", zone) > parse_time(args.get("to", ""), "to", zone)
    except Malformed:
        return False


def end_as_field(text: str, zone: tzinfo) -> str:
    """One end of a range as the value of a `datetime-local` field; as it was typed if it is not a time."""
    try:
        when = moment(parse_time(text, "from", zone), zone)
    except Malformed:
        return text
    return field_text(when, when.microsecond >= 1000)


def nearby_ranges(window: Window, now_unix_nano: int) -> tuple[tuple[str, Window], ...]:
    """(label, window) of the ranges next to this one: earlier, later, narrower, wider."""
    begin, length = window.from_unix_nano, window.duration_ns
    half, quarter = max(LEAST_NS, length // 2), length // 4
    found = [("Earlier", Window(max(0, begin - half), max(0, begin - half) + length))]
    if window.to_unix_nano < now_unix_nano:
        found.append(("Later", Window(begin + half, begin + half + length)))
    if length > LEAST_NS:
        found.append(("Zoom in", Window(begin + quarter, begin + quarter + half)))
    end = max(begin + 1, min(window.to_unix_nano + half, now_unix_nano))
    found.append(("Zoom out", Window(max(0, end - 2 * length), end)))
    return tuple((label, _outwards(near)) for label, near in found)


def _outwards(window: Window) -> Window:
    """To whole seconds where there are several, so that labels stay short."""
    unit = _S if window.duration_ns >= 10 * _S else 1_000_000
    return Window(window.from_unix_nano // unit * unit, -(-window.to_unix_nano // unit) * unit)


def _duration(text: str) -> tuple[int, str]:
    """Nanoseconds and the one spelling of a duration: `0015m` and `15 M` are `15m`."""
    found = _DURATION.fullmatch(text.lower())
    number = int(found[1]) if found else 0
    if not found or not number:
        raise Malformed(
            f"since={shortened(text)!r} is not a duration; write for instance 15m, 2h or 1d.",
            "The units are s, m, h, d and w.",
        )
    seconds = number * _UNITS_S[found[2]]
    if seconds > _LONGEST_S:
        raise Malformed(
            f"since={shortened(text)!r} is longer than telemetry is old; write a beginning: from=2026-01-01.",
            "The longest duration is 20000d.",
        )
    return seconds * _S, f"{number}{found[2]}"


def _number(digits: str, name: str) -> int:
    number = int(digits) if len(digits) <= 40 else _LAST_NANO + 1
    for bound, unit_ns in _NUMBER_UNITS:
        if number < bound:
            nanos = number * unit_ns
            if nanos <= _LAST_NANO:
                return nanos
            break
    raise _not_a_time(digits, name)


def _not_a_time(text: str, name: str) -> Malformed:
    return Malformed(
        f"{name}={shortened(text)!r} is not a time; write for instance 2026-11-23T14:03:27Z "
        "or a Unix time in seconds.",
        "Times from 1970 to 2262 are understood.",
    )
