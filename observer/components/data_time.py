"""Which part of a time range has data, what rates are divided by, and why the rest is empty. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final

from observer.components.number_format import duration, plural
from observer.request.local_time import moment
from store.api import Coverage, Gap, Window

_S: Final = 1_000_000_000
_LEAST_RATE_NS: Final = 60 * _S
"""A rate per minute is of a minute at least: three requests in a second are no 180 per minute."""
_GAPS_SHOWN: Final = 3
_RECENT_NS: Final = 90 * _S
"""A gap that reaches so close to now has not ended: the lab's state of now explains it."""


@dataclass(frozen=True, slots=True)
class DataTime:
    """The part of a time range that has data."""

    rate_ns: int
    """What rates are divided by."""
    sentence: str
    """`Rates are of the 5 min that have data, from 14:02:10 on.`; empty where all of the range has."""
    gaps: tuple[str, ...]
    """What is known of the longest gaps, each in one sentence."""


def data_time(
    coverage: Coverage, window: Window, now_unix_nano: int, zone: tzinfo, down: Sequence[str] = ()
) -> DataTime:
    """The words for a window's coverage; `down` names the lab's processes that are not up now."""
    dated = moment(window.from_unix_nano, zone).date() != moment(now_unix_nano, zone).date()
    known = _Words(window, now_unix_nano, zone, dated, tuple(down))
    longest = sorted(coverage.gaps, key=lambda gap: gap.from_unix_nano - gap.to_unix_nano)[:_GAPS_SHOWN]
    gaps = [known.gap(gap) for gap in coverage.gaps if gap in longest]
    more = len(coverage.gaps) - len(gaps)
    if more > 0:
        gaps.append(f"{plural(more, 'shorter gap')} more.")
    return DataTime(
        rate_ns=max(coverage.covered_ns, min(_LEAST_RATE_NS, window.duration_ns)),
        sentence=known.sentence(coverage),
        gaps=tuple(gaps),
    )


@dataclass(frozen=True, slots=True)
class _Words:
    window: Window
    now: int
    zone: tzinfo
    dated: bool
    down: tuple[str, ...]

    def _at(self, unix_nano: int) -> str:
        return moment(unix_nano, self.zone).strftime("%Y-%m-%d %H:%M:%S" if self.dated else "%H:%M:%S")

    def sentence(self, coverage: Coverage) -> str:
        """What rates are of; empty where the whole window has data, or nothing of it."""
        if not coverage.gaps or not coverage.covered_ns:
            return ""
        seconds = max(1, round(coverage.covered_ns / _S))
        words = f"Rates are of the {duration(seconds * _S)} that have data"
        first = coverage.gaps[0]
        if first.from_unix_nano <= self.window.from_unix_nano:
            words += f", from {self._at(first.to_unix_nano)} on"
        return f"{words}."

    def gap(self, gap: Gap) -> str:
        """When there was no request, and why, as far as that is known."""
        first = gap.from_unix_nano <= self.window.from_unix_nano
        last = gap.to_unix_nano >= self.window.to_unix_nano
        if first and last:
            when = "No request in this time range"
        elif first:
            when = f"No request before {self._at(gap.to_unix_nano)}"
        elif last:
            when = f"No request since {self._at(gap.from_unix_nano)}"
        else:
            when = f"No request from {self._at(gap.from_unix_nano)} to {self._at(gap.to_unix_nano)}"
        return f"{when}: {self._reason(gap)}."

    def _reason(self, gap: Gap) -> str:
        if gap.collector == "down":
            return self._collector_down(gap)
        now = gap.to_unix_nano >= self.now - _RECENT_NS
        if now and self.down:
            names = ", ".join(self.down[:4]) + (" …" if len(self.down) > 4 else "")
            return f"of the lab's processes, {names} {'is' if len(self.down) == 1 else 'are'} not running now"
        ran = "the collector ran" if gap.collector == "ran" else "no record says whether the collector ran"
        if gap.other_telemetry:
            return f"{ran}, and other telemetry arrived, so what sends was up: nobody asked anything of it"
        return f"{ran}, and nothing at all arrived: what sends was down, idle, or cut off"

    def _collector_down(self, gap: Gap) -> str:
        since, until = gap.down_since_unix_nano, gap.up_again_unix_nano
        if since is not None and until is not None:
            return f"the collector did not run from {self._at(since)} to {self._at(until)}"
        if since is not None:
            return f"the collector has not run since {self._at(since)}"
        if until is not None:
            # Data is counted in slots, of which the first begins before the collector did.
            when = "then" if until > gap.to_unix_nano else f"at {self._at(until)}"
            return f"the collector began to run {when}"
        return "the collector did not run yet"
