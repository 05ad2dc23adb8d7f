"""What part of the telemetry a page looks at: the time range, the environment, live or not.

Read from the query string alone, so that a copied address shows a colleague the
same thing: `since=15m`, or `from=…&to=…` (ISO times or nanoseconds), `env=…`,
`live=0`. Pure but for the clock that is handed in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from observer.components.number_format import moment
from store.api import Window

DEFAULT_SINCE = "15m"
PRESETS = (
    ("5m", "Last 5 minutes"),
    ("15m", "Last 15 minutes"),
    ("1h", "Last hour"),
    ("6h", "Last 6 hours"),
    ("24h", "Last 24 hours"),
    ("7d", "Last 7 days"),
)
LEAST_NS = 1_000_000_000
"""The narrowest range that zooming leads to."""
SCOPE_KEYS = ("since", "from", "to", "env", "live")
"""Query arguments that follow the reader from page to page."""

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_SINCE = re.compile(r"([1-9]\d{0,5})([smhd])")
_S = 1_000_000_000
_LONGEST_S = 366 * 86_400


class BadScope(ValueError):
    """A time range that cannot be read; the message says which part and what is allowed."""


@dataclass(frozen=True, slots=True)
class Scope:
    """One page's part of the telemetry."""

    window: Window
    since: str | None
    """`15m`, or None where the range is absolute."""
    environment: str | None
    live: bool
    """Whether new data is to be announced; never true of an absolute range."""
    now_unix_nano: int
    zone: tzinfo

    @property
    def label(self) -> str:
        """`Last 15 minutes`, `Last 20m`, or the two times with their zone."""
        if self.since:
            return dict(PRESETS).get(self.since, f"Last {self.since}")
        start, end, now = (
            moment(t, self.zone)
            for t in (self.window.from_unix_nano, self.window.to_unix_nano, self.now_unix_nano)
        )
        date = "" if start.date() == end.date() == now.date() else "%Y-%m-%d "
        first, last = (when.strftime(date) + time_text(when, self.exact) for when in (start, end))
        return f"{first} \u2013 {last} {end.tzname() or ''}".rstrip()

    @property
    def exact(self) -> bool:
        """Whether whole seconds would not tell where this range begins or ends."""
        return not self.since and bool(self.window.from_unix_nano % _S or self.window.to_unix_nano % _S)

    def args(self) -> dict[str, str]:
        """The query arguments that give this scope again; defaults are left out."""
        found: dict[str, str] = {}
        if self.since is None:
            found.update(range_args(self.window))
        elif self.since != DEFAULT_SINCE:
            found["since"] = self.since
        if self.environment:
            found["env"] = self.environment
        if self.since is not None and not self.live:
            found["live"] = "0"
        return found

    def fixed_args(self) -> dict[str, str]:
        """As `args`, with absolute times: for a link that shows a colleague the same thing."""
        found = range_args(self.window)
        if self.environment:
            found["env"] = self.environment
        return found


def range_args(window: Window) -> dict[str, str]:
    """`from` and `to` of an absolute window, as ISO times to the millisecond, rounded outwards."""
    return {
        "from": _iso_ms(window.from_unix_nano // 1_000_000),
        "to": _iso_ms(-(-window.to_unix_nano // 1_000_000)),
    }


def parse(args: Mapping[str, str], now_unix_nano: int, zone: tzinfo) -> Scope:
    """The scope of a query string. Raises BadScope."""
    environment = args.get("env", "").strip() or None
    start, end = args.get("from", "").strip(), args.get("to", "").strip()
    if start or end:
        to = _point(end, "to", zone) if end else now_unix_nano
        since = _point(start, "from", zone) if start else to - 900 * _S
        if since >= to:
            raise BadScope("from must be earlier than to: this range would end before it begins")
        return Scope(Window(since, to), None, environment, False, now_unix_nano, zone)
    label = args.get("since", "").strip() or DEFAULT_SINCE
    window = Window(now_unix_nano - since_ns(label), now_unix_nano + 1)
    return Scope(window, label, environment, args.get("live", "") != "0", now_unix_nano, zone)


def exchanged(args: Mapping[str, str], zone: tzinfo) -> bool:
    """Whether the range would be a good one if only its ends were exchanged."""
    try:
        return _point(args.get("from", "").strip(), "from", zone) > _point(
            args.get("to", "").strip(), "to", zone
        )
    except BadScope:
        return False


def typed_text(text: str, zone: tzinfo) -> str:
    """One end of a range as a `datetime-local` field wants it; as it was typed where it is no time."""
    try:
        when = moment(_point(text.strip(), "from", zone), zone)
    except BadScope:
        return text
    return field_text(when, when.microsecond >= 1000)


def field_text(when: datetime, exact: bool) -> str:
    """A time as a `datetime-local` field wants it."""
    return f"{when.strftime('%Y-%m-%d')}T{time_text(when, exact)}"


def steps(window: Window, now_unix_nano: int) -> tuple[tuple[str, Window], ...]:
    """What a range can be changed to without a pointer: earlier, later, narrower, wider."""
    begin, length = window.from_unix_nano, window.duration_ns
    half, quarter = max(LEAST_NS, length // 2), length // 4
    found = [("Earlier", Window(max(0, begin - half), max(0, begin - half) + length))]
    if window.to_unix_nano < now_unix_nano:
        found.append(("Later", Window(begin + half, begin + half + length)))
    if length > LEAST_NS:
        found.append(("Zoom in", Window(begin + quarter, begin + quarter + half)))
    end = max(begin + 1, min(window.to_unix_nano + half, now_unix_nano))
    found.append(("Zoom out", Window(max(0, end - 2 * length), end)))
    return tuple((name, _outwards(step)) for name, step in found)


def _outwards(window: Window) -> Window:
    """To whole seconds where there are several, so that labels stay short."""
    unit = _S if window.duration_ns >= 10 * _S else 1_000_000
    return Window(window.from_unix_nano // unit * unit, -(-window.to_unix_nano // unit) * unit)


def since_ns(text: str) -> int:
    """`15m` in nanoseconds. Raises BadScope."""
    found = _SINCE.fullmatch(text)
    seconds = int(found[1]) * _UNITS_S[found[2]] if found else 0
    if not 0 < seconds <= _LONGEST_S:
        raise BadScope(f"since={text!r} is no length of time: write 30s, 15m, 6h or 7d, a year at most")
    return seconds * _S


def _point(text: str, name: str, zone: tzinfo) -> int:
    if text.isdigit() and len(text) <= 19:
        number = int(text)
        # Seconds, milliseconds, microseconds and nanoseconds of this era differ in length.
        return number * 10 ** max(0, 19 - len(text)) if len(text) >= 10 else _fail(text, name)
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return _fail(text, name)
    when = when if when.tzinfo else when.replace(tzinfo=zone)
    try:
        gap = when - datetime(1970, 1, 1, tzinfo=UTC)
    except OverflowError:
        return _fail(text, name)
    nanos = (gap.days * 86_400 + gap.seconds) * _S + gap.microseconds * 1_000
    return nanos if 0 <= nanos < 2**63 else _fail(text, name)


def _fail(text: str, name: str) -> int:
    raise BadScope(f"{name}={text[:40]!r} is no time: write 2026-11-23T14:03:00 or nanoseconds since 1970")


def _iso_ms(unix_ms: int) -> str:
    when = datetime.fromtimestamp(min(unix_ms, 253_402_214_400_000) // 1000, UTC)
    return f"{when.strftime('%Y-%m-%dT%H:%M:%S')}.{unix_ms % 1000:03d}Z"


def time_text(when: datetime, exact: bool) -> str:
    """`14:03:27`, or to the millisecond."""
    return when.strftime("%H:%M:%S.%f")[:-3] if exact else when.strftime("%H:%M:%S")
