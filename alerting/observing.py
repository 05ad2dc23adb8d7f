"""What one rule finds in the store: an observation of each of its groups, whatever fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from alerting.baseline import Baselines
from alerting.model import COUNTS, Rule, Signal
from alerting.readings import (
    Group,
    Reading,
    Readings,
    began,
    quiet,
    read_groups,
    weighted_over_time,
)
from alerting.rules import SERVICE
from alerting.state_machine import Observation
from store.api import BadQuery, Reader, StoreError, Window

_log = logging.getLogger("alerting")
_LEAST_COLUMN_NS: Final = 250 * 10**6
_METRIC_COLUMN_NS: Final = 5 * 10**9
_MOST_COLUMNS: Final = 120
_SERVICE_NAME: Final = "service.name"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a group from before."""

    group: Mapping[str, str]
    alert_started_unix_nano: int | None
    """Of its open alert."""


@dataclass(frozen=True, slots=True)
class Observed:
    """All groups of a rule."""

    groups: Mapping[Group, Observation]
    left_out: int = 0
    trouble: str = ""
    """Why the store could not be asked."""


def observe(
    reader: Reader, rule: Rule, known: Mapping[Group, Known], now: int, baselines: Baselines
) -> Observed:
    """Observe every group that has data or was known before; never raises."""
    window = Window(now - rule.condition.window_ns, now)
    try:
        found = read_groups(reader, rule.signal, window, minimum=rule.condition.minimum)
        found = _bounded(rule.signal, _with_missing(reader, rule, window, found, known), known)
        groups = {
            group: _observation(reader, rule, window, group, reading, found.unit, known.get(group), baselines)
            for group, reading in found.groups.items()
        }
        return Observed(groups, found.left_out)
    except BadQuery as error:
        # The rule's own fault: the others are evaluated as planned.
        return replace(unknown(rule.signal, known, str(error)), trouble="")
    except StoreError as error:
        reason = str(error)
    except Exception as error:  # one rule never stops the others
        _log.exception("could not evaluate %s", rule.name)
        reason = f"The rule could not be evaluated ({type(error).__name__}): see the log of alerting."
    return unknown(rule.signal, known, reason)


def unknown(signal: Signal | None, known: Iterable[Group], reason: str) -> Observed:
    """Nothing is known of any group."""
    groups = list(known) or ([()] if signal and not signal.by else [])
    return Observed(
        {group: Observation(None, None, reason=reason, unknown=True) for group in groups}, 0, reason
    )


def labels_of(rule: Rule, group: Mapping[str, str]) -> dict[str, str]:
    """The labels of an alert: the rule's own, the service that it is about, those of the group."""
    found = dict(rule.labels)
    service = group.get(SERVICE) if rule.signal.kind == "requests" else None
    if service or rule.signal.service:
        found[_SERVICE_NAME] = service or rule.signal.service
    found |= {name: value for name, value in group.items() if not (service and name == SERVICE)}
    return found


def _with_missing(
    reader: Reader, rule: Rule, window: Window, found: Readings, known: Mapping[Group, Known]
) -> Readings:
    """The readings, with groups that were known before and have no data now."""
    groups = dict(found.groups)
    for group, before in known.items():
        if group in groups or not group:
            continue
        if found.left_out and before.alert_started_unix_nano is not None:
            # Its alert is open, so it is looked at even where others are greater.
            [(_, value, amount)] = weighted_over_time(reader, rule.signal, dict(group), window, 1) or [
                (0, None, 0)
            ]
            groups[group] = Reading(value, amount, "There is no data of this group.")
        elif rule.signal.measure in COUNTS and rule.signal.kind != "metric":
            # Nothing to count any more is 0, and of no interest unless it was in breach, or is too little.
            if before.alert_started_unix_nano is not None or rule.condition.comparison == "below":
                groups[group] = quiet(reader, window)
        else:
            groups[group] = Reading(None, 0, "There is no data of this group.")
    return replace(found, groups=groups)


def _bounded(signal: Signal, found: Readings, known: Mapping[Group, Known]) -> Readings:
    """No more groups than the rule allows, those with an open alert first: else values that never come twice
    would begin alerts without end."""
    alerting = {
        group for group in found.groups if group in known and known[group].alert_started_unix_nano is not None
    }
    others = [group for group in found.groups if group not in alerting]
    room = max(0, signal.most_groups - len(alerting))
    kept = alerting.union(others[:room])
    groups = {group: reading for group, reading in found.groups.items() if group in kept}
    return replace(found, groups=groups, left_out=found.left_out + len(others[room:]))


def _observation(
    reader: Reader,
    rule: Rule,
    window: Window,
    group: Group,
    reading: Reading,
    unit: str,
    before: Known | None,
    baselines: Baselines,
) -> Observation:
    if reading.value is None:
        return Observation(None, None, reason=reading.reason)
    started = before.alert_started_unix_nano if before else None
    threshold = baselines.threshold(reader, rule, group, window, started)
    if threshold.value is None:
        return Observation(None, None, reason=threshold.reason)
    sign = 1 if rule.condition.comparison == "above" else -1
    return Observation(
        value=reading.value,
        threshold=threshold.value,
        breach=sign * (reading.value - threshold.value) > 0,
        unit=rule.signal.unit or unit,
        labels=labels_of(rule, dict(group)),
        began=_began(reader, rule.signal, dict(group), window, threshold.value, sign),
    )


def _began(
    reader: Reader, signal: Signal, group: Mapping[str, str], window: Window, threshold: float, sign: int
) -> Callable[[], int | None]:
    least = _METRIC_COLUMN_NS if signal.kind == "metric" else _LEAST_COLUMN_NS
    columns = max(1, min(_MOST_COLUMNS, window.duration_ns // least))
    # Sums grow with the width of a column; of a whole window they are compared with a share of the threshold.
    share = 1 / columns if signal.measure in ("count", "errors", "sum") else 1.0

    def look_up() -> int | None:
        try:
            found = weighted_over_time(reader, signal, group, window, columns)
        except StoreError:
            return None
        return began(found, threshold * share, sign)

    return look_up
