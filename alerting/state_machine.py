"""Pure: the next state of one group of a rule from what was observed, and what that changes about its alert.

ok ─► pending ─► firing ─► ok. A missing value changes no alert: it neither fires one nor ends it. Times of an
alert only grow, whatever the clock does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from alerting.model import Alert, GroupStateName, Rule, Transition

FLAPPING_WINDOW_NS: Final = 5 * 60 * 10**9
FLAPPING_CROSSINGS: Final = 5
"""So many crossings, or alerts, within the window are one alert that is flapping."""
NO_DATA_ENDS_NS: Final = 15 * 60 * 10**9
"""After so long without data an alert ends: what it was about sends nothing any more."""
_PENDING_GRACE_NS: Final = 60 * 10**9
_CLOCK_SET_NS: Final = 60 * 10**9
"""A clock that is further back than this was set: times of before are not waited for."""

NO_DATA: Final = "no data"
Notice = Literal["firing", "resolved"]


@dataclass(frozen=True, slots=True)
class Observation:
    """What one evaluation found of one group."""

    value: float | None
    """None where there is no data."""
    threshold: float | None
    breach: bool = False
    reason: str = ""
    """Why there is no data."""
    unknown: bool = False
    """There is no data because the store could not be asked, which is never taken for an answer."""
    unit: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    began: Callable[[], int | None] = lambda: None
    """Looks up when the condition began; called once, when a breach begins."""


@dataclass(frozen=True, slots=True)
class Memory:
    """What is kept of a group between evaluations."""

    state: GroupStateName = "ok"
    since_unix_nano: int = 0
    evaluated_unix_nano: int = 0
    value: float | None = None
    threshold: float | None = None
    reason: str = ""
    alert: Alert | None = None
    """The open one."""
    ok_since_unix_nano: int | None = None
    """Since when the value of a firing alert is back."""
    breach_since_unix_nano: int | None = None
    """When the breach was noticed from which a pending alert counts."""
    last_breach: float | None = None
    last_end_unix_nano: int = 0
    crossings_unix_nano: tuple[int, ...] = ()
    """The newest, of the open alert."""
    fired: tuple[tuple[str, int], ...] = ()
    """(alert, when it fired) within the window of flapping, oldest first."""


@dataclass(frozen=True, slots=True)
class Step:
    """The memory after an evaluation, and what is to be kept of it."""

    memory: Memory
    changed: Alert | None = None
    """The alert as it is now, to be kept."""
    forgotten: str = ""
    """A pending alert that never fired."""
    transitions: Sequence[Transition] = ()
    """Of `changed`."""
    notices: Sequence[Notice] = ()
    join: tuple[str, ...] = ()
    """Fired too often: the first of these alerts is to be opened again, for the others and `changed` too."""


def step(
    rule: Rule,
    memory: Memory,
    seen: Observation,
    group: Mapping[str, str],
    now_unix_nano: int,
    new_id: Callable[[], str],
    *,
    after_gap: bool = False,
) -> Step:
    """The next step of a group. After a gap of the evaluator, the time before it does not count as ok."""
    memory = _by_the_clock(memory, now_unix_nano)
    now = max(now_unix_nano, memory.evaluated_unix_nano)
    known = replace(
        memory,
        evaluated_unix_nano=now,
        value=seen.value,
        threshold=seen.threshold if seen.threshold is not None else memory.threshold,
        reason="",
        ok_since_unix_nano=None if after_gap else memory.ok_since_unix_nano,
        fired=tuple(each for each in memory.fired if now - each[1] <= FLAPPING_WINDOW_NS),
    )
    if seen.value is None and (seen.unknown or rule.condition.no_data == "keep"):
        return _without_data(known, seen, now)
    if seen.breach:
        return _in_breach(rule, known, seen, group, now, new_id)
    return _back(rule, known, seen, now)


def ended(memory: Memory, reason: str, now_unix_nano: int) -> Step:
    """The end of a group whose rule is gone or groups otherwise."""
    now = max(now_unix_nano, memory.evaluated_unix_nano)
    if memory.alert is None or memory.alert.state == "pending":
        forgotten = memory.alert.alert_id if memory.alert else ""
        return Step(replace(_in_state(memory, "ok", now), alert=None), forgotten=forgotten)
    return _resolve(memory, memory.alert, reason, now, now)


def joined(first: Alert, others: Sequence[Alert], newest: Alert) -> Alert:
    """The first of several alerts, open again in place of them all."""
    every = [first, *others, newest]
    beyond = max if newest.comparison == "above" else min
    peaks = [each.peak for each in every if each.peak is not None]
    return replace(
        newest,
        alert_id=first.alert_id,
        started_unix_nano=first.started_unix_nano,
        fired_unix_nano=first.fired_unix_nano,
        peak=beyond(peaks) if peaks else None,
        evaluations=sum(each.evaluations for each in every),
        crossings=sum(each.crossings for each in every),
        flapping=True,
    )


def _by_the_clock(memory: Memory, now: int) -> Memory:
    """The memory without times ahead of a clock that was set back."""
    if memory.evaluated_unix_nano - now <= _CLOCK_SET_NS:
        return memory
    return replace(
        memory,
        evaluated_unix_nano=now,
        since_unix_nano=min(memory.since_unix_nano, now),
        ok_since_unix_nano=None,
        breach_since_unix_nano=None if memory.breach_since_unix_nano is None else now,
        crossings_unix_nano=(),
        fired=(),
    )


def _without_data(memory: Memory, seen: Observation, now: int) -> Step:
    alert = memory.alert
    known = replace(memory, reason=seen.reason, ok_since_unix_nano=None)
    if alert is None:
        return Step(_in_state(known, "no_data", now))
    since = alert.no_data_since_unix_nano
    first = since is None
    since = now if since is None else since
    quiet_ns = now - since
    if alert.state == "pending":
        if quiet_ns > _PENDING_GRACE_NS and not seen.unknown:
            quiet = replace(_in_state(known, "no_data", now), alert=None, breach_since_unix_nano=None)
            return Step(quiet, forgotten=alert.alert_id)
        changed = replace(alert, no_data_since_unix_nano=since, no_data_reason=seen.reason)
        return Step(replace(_in_state(known, "no_data", now), alert=changed), changed)
    if quiet_ns > NO_DATA_ENDS_NS and not seen.unknown:
        minutes = NO_DATA_ENDS_NS // (60 * 10**9)
        step_ = _resolve(known, alert, f"No data for {minutes} minutes. {seen.reason}".strip(), now, now)
        return replace(step_, memory=_in_state(step_.memory, "no_data", now))
    changed = replace(alert, no_data_since_unix_nano=since, no_data_reason=seen.reason)
    changes = (Transition(now, NO_DATA, None, seen.reason),) if first else ()
    return Step(replace(known, alert=changed), changed, transitions=changes)


def _in_breach(
    rule: Rule,
    memory: Memory,
    seen: Observation,
    group: Mapping[str, str],
    now: int,
    new_id: Callable[[], str],
) -> Step:
    changes: list[Transition] = []
    alert = memory.alert
    crossed = alert is None or memory.ok_since_unix_nano is not None
    crossings = memory.crossings_unix_nano if alert else ()
    if alert is None:
        alert = _begin(rule, memory, seen, group, now, new_id())
        changes.append(Transition(now, "pending", seen.value))
    elif memory.ok_since_unix_nano is not None:
        changes.append(Transition(now, "in breach again", seen.value))
    if alert.no_data_since_unix_nano is not None:
        changes.append(Transition(now, "data again", seen.value))
    if crossed:
        crossings = (*crossings, now)[-FLAPPING_CROSSINGS:]
    often = len(crossings) == FLAPPING_CROSSINGS and now - crossings[0] <= FLAPPING_WINDOW_NS
    if often and not alert.flapping:
        changes.append(Transition(now, "flapping", seen.value))
    alert = replace(
        _described(alert, rule, seen),
        value=seen.value,
        threshold=seen.threshold,
        peak=_further(alert, seen.value),
        evaluations=alert.evaluations + 1,
        crossings=alert.crossings + crossed,
        flapping=alert.flapping or often,
        no_data_since_unix_nano=None,
        no_data_reason="",
    )
    since = now if memory.breach_since_unix_nano is None else memory.breach_since_unix_nano
    known = replace(
        memory,
        ok_since_unix_nano=None,
        breach_since_unix_nano=since,
        crossings_unix_nano=crossings,
        last_breach=seen.value,
        alert=alert,
    )
    if alert.state == "firing":
        return Step(_in_state(known, "firing", now), alert, transitions=changes)
    if now - since < rule.condition.for_ns:
        return Step(_in_state(known, "pending", now), alert, transitions=changes)
    return _fire(known, alert, changes, now)


def _fire(memory: Memory, alert: Alert, changes: Sequence[Transition], now: int) -> Step:
    alert = replace(alert, state="firing", fired_unix_nano=max(now, alert.started_unix_nano))
    changes = (*changes, Transition(now, "firing", alert.value))
    join: tuple[str, ...] = ()
    owner = alert.alert_id
    if len(memory.fired) >= FLAPPING_CROSSINGS - 1:
        join = tuple(dict.fromkeys(alert_id for alert_id, _ in memory.fired))
        owner = join[0]
    fired = (*memory.fired, (owner, now))
    known = replace(_in_state(memory, "firing", now), alert=alert, fired=fired)
    return Step(known, alert, transitions=changes, notices=("firing",), join=join)


def _back(rule: Rule, memory: Memory, seen: Observation, now: int) -> Step:
    alert = memory.alert
    if alert is None or alert.state == "pending":
        quiet = replace(
            _in_state(memory, "ok", now), alert=None, breach_since_unix_nano=None, crossings_unix_nano=()
        )
        return Step(quiet, forgotten=alert.alert_id if alert else "")
    changes: list[Transition] = []
    if alert.no_data_since_unix_nano is not None and seen.value is not None:
        changes.append(Transition(now, "data again", seen.value))
    since = memory.ok_since_unix_nano
    if since is None:
        since = now
        changes.append(Transition(now, "crossed back", seen.value))
    alert = replace(
        alert,
        value=seen.value,
        threshold=memory.threshold,
        no_data_since_unix_nano=None,
        no_data_reason="",
    )
    known = replace(memory, ok_since_unix_nano=since, alert=alert)
    if now - since < rule.condition.resolve_after_ns:
        return Step(known, alert, transitions=changes)
    done = _resolve(known, alert, "ok", since, now)
    return replace(done, transitions=(*changes, *done.transitions))


def _resolve(memory: Memory, alert: Alert, reason: str, ended_unix_nano: int, now: int) -> Step:
    end = max(ended_unix_nano, alert.fired_unix_nano or 0, alert.started_unix_nano)
    alert = replace(
        alert,
        state="resolved",
        ended_unix_nano=end,
        end_reason=reason,
        value=memory.last_breach if memory.last_breach is not None else alert.value,
        no_data_since_unix_nano=None,
        no_data_reason="",
    )
    known = replace(
        _in_state(memory, "ok", now),
        alert=None,
        ok_since_unix_nano=None,
        breach_since_unix_nano=None,
        last_end_unix_nano=end,
        crossings_unix_nano=(),
        last_breach=None,
    )
    note = "" if reason == "ok" else reason
    return Step(known, alert, transitions=(Transition(now, "resolved", None, note),), notices=("resolved",))


def _begin(
    rule: Rule, memory: Memory, seen: Observation, group: Mapping[str, str], now: int, alert_id: str
) -> Alert:
    began = seen.began()
    started = max(now if began is None else min(now, began), memory.last_end_unix_nano)
    return Alert(
        alert_id=alert_id,
        detector=rule.name,
        title=rule.title,
        description=rule.description,
        severity=rule.severity,
        runbook=rule.runbook,
        links=rule.links,
        labels=seen.labels,
        group=dict(group),
        state="pending",
        started_unix_nano=started,
        fired_unix_nano=None,
        ended_unix_nano=None,
        end_reason="",
        value=seen.value,
        threshold=seen.threshold,
        peak=seen.value,
        comparison=rule.condition.comparison,
        unit=seen.unit,
        evaluations=0,
        crossings=0,
        flapping=False,
        no_data_since_unix_nano=None,
        no_data_reason="",
        acknowledged=None,
    )


def _described(alert: Alert, rule: Rule, seen: Observation) -> Alert:
    """The alert in the words of its rule, which may have been changed since it began."""
    return replace(
        alert,
        title=rule.title,
        description=rule.description,
        severity=rule.severity,
        runbook=rule.runbook,
        links=rule.links,
        labels=seen.labels,
        comparison=rule.condition.comparison,
        unit=seen.unit or alert.unit,
    )


def _further(alert: Alert, value: float | None) -> float | None:
    if value is None or alert.peak is None:
        return alert.peak if value is None else value
    return max(alert.peak, value) if alert.comparison == "above" else min(alert.peak, value)


def _in_state(memory: Memory, state: GroupStateName, now: int) -> Memory:
    since = memory.since_unix_nano if memory.state == state and memory.since_unix_nano else now
    return replace(memory, state=state, since_unix_nano=since)
