"""What part of the telemetry a page looks at: the time range, the environment, live or paused.

Read from the query string alone, so that a copied address shows a colleague the same
thing. Pure but for the clock that is handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import tzinfo

from observer.request.local_time import moment, time_text
from observer.request.time_range import RANGE_KEYS, parse_range, range_args
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
WHOSE = ("people", "synthetic", "all")
"""People, traffic that declares itself synthetic, or both."""
SCOPE_KEYS = (*RANGE_KEYS, "env", "live", "whose")
"""Query arguments that follow the reader from page to page."""

_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Scope:
    """One page's part of the telemetry."""

    window: Window
    since: str | None
    """`15m`, or None where the range is fixed."""
    environment: str | None
    live: bool
    """Whether new data is announced; never true of a fixed range."""
    now_unix_nano: int
    zone: tzinfo
    whose: str | None = None
    """Whose traffic is asked for, one of WHOSE; None where each page chooses by itself."""

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
        """Whether this range begins or ends within a second."""
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
        if self.whose:
            found["whose"] = self.whose
        return found

    def fixed_args(self) -> dict[str, str]:
        """As `args`, with absolute times: for a link that shows a colleague the same thing."""
        found = range_args(self.window)
        if self.environment:
            found["env"] = self.environment
        if self.whose:
            found["whose"] = self.whose
        return found


def parse_scope(args: Mapping[str, str], now_unix_nano: int, zone: tzinfo) -> Scope:
    """The scope of a query string, the last 15 minutes where it names no time. Raises Malformed."""
    environment = args.get("env", "").strip() or None
    found = parse_range(args, now_unix_nano, zone)
    if found is None:
        found = parse_range({"since": DEFAULT_SINCE}, now_unix_nano, zone)
        assert found is not None
    window, live = found.window, False
    if found.since is not None:
        # A window is half-open: one nanosecond more, so that what happens now is on the page.
        window = Window(window.from_unix_nano, window.to_unix_nano + 1)
        live = args.get("live", "") != "0"
    whose = args.get("whose")
    return Scope(
        window, found.since, environment, live, now_unix_nano, zone, whose if whose in WHOSE else None
    )
