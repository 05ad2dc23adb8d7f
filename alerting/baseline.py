"""Thresholds of a rule: a number, or a multiple of what the signal was in the hour before."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from alerting.model import Rule
from alerting.readings import Group, Readings, read_groups
from store.api import Reader, Window

HOUR_NS: Final = 3600 * 10**9
_FRESH_S: Final = 60.0
_MOST_KEPT: Final = 200
_SUMS: Final = ("count", "errors", "sum")
"""Measures that grow with the length of the window."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """The threshold of one group; None with the reason where the hour before has too little."""

    value: float | None
    reason: str = ""


class Baselines:
    """Looks up the hour before, for each rule at most once a minute."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._kept: dict[tuple[str, int], tuple[float, Readings]] = {}

    def threshold(
        self, reader: Reader, rule: Rule, group: Group, window: Window, since_unix_nano: int | None
    ) -> Threshold:
        """The threshold for a window; of an open alert the hour before it began. Raises StoreError."""
        condition = rule.condition
        if condition.threshold is not None:
            return Threshold(condition.threshold)
        before = self._hour_before(reader, rule, window, since_unix_nano).groups.get(group)
        if before is None or before.value is None or before.amount < condition.minimum_before:
            amount = before.amount if before else 0
            return Threshold(
                None, f"The hour before has {amount} of the {condition.minimum_before} that are needed."
            )
        value = before.value * (condition.ratio or 1.0)
        if rule.signal.measure in _SUMS:
            value *= window.duration_ns / HOUR_NS
        return Threshold(max(value, condition.at_least))

    def _hour_before(
        self, reader: Reader, rule: Rule, window: Window, since_unix_nano: int | None
    ) -> Readings:
        end = window.from_unix_nano if since_unix_nano is None else since_unix_nano
        key = (repr(rule.signal), 0 if since_unix_nano is None else since_unix_nano)
        now = self._clock_s()
        known = self._kept.get(key)
        if known and (since_unix_nano is not None or now - known[0] < _FRESH_S):
            return known[1]
        found = read_groups(
            reader, rule.signal, Window(end - HOUR_NS, end), minimum=rule.condition.minimum_before
        )
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[key] = (now, found)
        return found
