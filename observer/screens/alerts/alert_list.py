"""The page of alerts: the open ones, those that ended in the time range, and the rules. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from alerting import Alert, Detector, EvaluatorState, GroupState, Rule, Signal, Silence
from observer.components.alert_words import (
    SEVERITY_CSS,
    STATES,
    StateWords,
    condition_text,
    ended_text,
    labels_text,
    marks_of,
    measured,
    threshold_text,
    unit_of_rule,
    value_text,
)
from observer.components.number_format import NOTHING, plural

_GROUPS: Final = 10
"""Groups of a rule that are listed; those in the worst state come first."""
_ORDER: Final = ("firing", "pending", "no_data", "ok")


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One alert of the list."""

    id: str
    title: str
    href: str
    state: StateWords
    severity: str
    severity_css: str
    labels: str
    value: str
    """The newest while it is open, then the one furthest beyond the threshold."""
    threshold: str
    started_unix_nano: int
    ended: str
    """How long it lasted, and why it ended; empty while it is open."""
    marks: tuple[str, ...]
    detector: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group of a rule."""

    labels: str
    """Empty for a rule without groups."""
    state: StateWords
    value: str
    threshold: str
    since_unix_nano: int
    reason: str
    """Why there is no data."""
    href: str
    """Its open alert; empty without one."""


@dataclass(frozen=True, slots=True)
class SilenceRow:
    """A silence in force."""

    silence_id: int
    labels: str
    """Empty for one of the whole rule."""
    until_unix_nano: int
    by: str
    note: str


@dataclass(frozen=True, slots=True)
class DetectorRow:
    """One rule."""

    name: str
    title: str
    severity: str
    severity_css: str
    state: StateWords
    measured: str
    condition: str
    problem: str
    groups: tuple[GroupRow, ...]
    left_out: str
    silenced: str
    """`silenced`; empty without a silence."""
    silences: tuple[SilenceRow, ...]


@dataclass(frozen=True, slots=True)
class AlertList:
    """The page."""

    open: tuple[AlertRow, ...]
    ended: tuple[AlertRow, ...]
    more: bool
    """Whether there are alerts that are not listed."""
    detectors: tuple[DetectorRow, ...]
    names: tuple[tuple[str, str], ...]
    """(name, title) of every rule."""
    problems: tuple[str, ...]
    """Files of rules that cannot be used, a sentence each."""
    summary: str
    """`1 firing, 2 pending`, or that there is none and how many rules are evaluated."""
    trouble: str
    """Why the alerts may not be as they are shown; empty while rules are evaluated."""
    trouble_css: str
    evaluated_unix_nano: int | None
    gaps: tuple[tuple[int, int], ...]
    notes: tuple[tuple[int, str], ...]

    @property
    def mark(self) -> str:
        """Changes when something else is to be shown."""
        shown = (self.open, self.ended, self.detectors, self.problems, self.trouble, self.summary)
        return f"{zlib.crc32(repr(shown).encode()):08x}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What the file of alerts said."""

    open: Sequence[Alert]
    ended: Sequence[Alert]
    more: bool
    detectors: Sequence[Detector]
    """Those that the filters leave."""
    every: Sequence[Detector]
    evaluator: EvaluatorState


def alert_list(loaded: Loaded, href: Callable[[str], str]) -> AlertList:
    """The page; `href` is the address of an alert by its id."""
    signals = signals_of(loaded.every)
    evaluator = loaded.evaluator
    units = {alert.detector: alert.unit for alert in (*loaded.ended, *loaded.open)}
    detectors = sorted(loaded.detectors, key=lambda each: (_ORDER.index(each.state), each.name))
    return AlertList(
        open=tuple(alert_row(each, signals.get(each.detector), href) for each in loaded.open),
        ended=tuple(alert_row(each, signals.get(each.detector), href) for each in loaded.ended),
        more=loaded.more,
        detectors=tuple(detector_row(each, units.get(each.name, ""), href) for each in detectors),
        names=tuple((each.name, each.rule.title if each.rule else each.name) for each in loaded.every),
        problems=tuple(each.problem for each in loaded.every if each.problem),
        summary=_summary(loaded),
        trouble=evaluator.message,
        trouble_css="bad" if evaluator.state == "away" else "warn",
        evaluated_unix_nano=evaluator.last_pass_unix_nano,
        gaps=tuple(evaluator.gaps[:3]),
        notes=tuple(evaluator.notes[:3]),
    )


def signals_of(detectors: Sequence[Detector]) -> Mapping[str, Signal]:
    """The signals of rules by their names."""
    return {each.name: each.rule.signal for each in detectors if each.rule}


def _summary(loaded: Loaded) -> str:
    counted = [
        f"{number} {state}"
        for state in ("firing", "pending")
        if (number := sum(alert.state == state for alert in loaded.open))
    ]
    if counted:
        return ", ".join(counted)
    return f"No alert. {evaluated_words(loaded.every, loaded.evaluator)}"


def evaluated_words(detectors: Sequence[Detector], evaluator: EvaluatorState) -> str:
    """`3 rules are evaluated every 5 s`, or how many there would be."""
    usable = sum(each.rule is not None for each in detectors)
    rules = plural(usable, "rule")
    if evaluator.state not in ("running", "late") or not evaluator.interval_ns:
        return f"{rules} known." if usable else ""
    verb = "is" if usable == 1 else "are"
    return f"{rules} {verb} evaluated every {evaluator.interval_ns / 1e9:g} s."


def alert_row(alert: Alert, signal: Signal | None, href: Callable[[str], str]) -> AlertRow:
    """One alert as a row."""
    shown = alert.value if alert.is_open else alert.peak
    return AlertRow(
        id=f"a-{zlib.crc32(alert.alert_id.encode()):08x}",
        title=alert.title,
        href=href(alert.alert_id),
        state=STATES[alert.state],
        severity=alert.severity,
        severity_css=SEVERITY_CSS[alert.severity],
        labels=labels_text(alert.labels),
        value=value_text(shown, alert.unit, signal),
        threshold=threshold_text(alert.comparison, alert.threshold, alert.unit, signal),
        started_unix_nano=alert.started_unix_nano,
        ended="" if alert.is_open else ended_text(alert),
        marks=marks_of(alert),
        detector=alert.detector,
    )


def detector_row(of: Detector, unit: str, href: Callable[[str], str]) -> DetectorRow:
    """One rule with the state of its groups. `unit` is that of an alert of it, where the rule names none."""
    rule = of.rule
    groups = sorted(of.groups, key=lambda group: (_ORDER.index(group.state), -(group.value or 0.0)))
    more = len(groups) - _GROUPS + of.left_out
    return DetectorRow(
        name=of.name,
        title=rule.title if rule else of.name,
        severity=rule.severity if rule else "",
        severity_css=SEVERITY_CSS[rule.severity] if rule else "",
        state=STATES[of.state],
        measured=measured(rule.signal) if rule else "",
        condition=condition_text(rule, unit) if rule else "",
        problem=of.problem,
        groups=tuple(_group_row(group, rule, unit, href) for group in groups[:_GROUPS]),
        left_out=plural(more, "more group") if more > 0 else "",
        silenced=silenced_text(of.silences),
        silences=tuple(silence_row(each) for each in of.silences),
    )


def silenced_text(silences: Sequence[Silence]) -> str:
    """`silenced`, or that some of its alerts are; empty without a silence."""
    if not silences:
        return ""
    return "silenced" if any(not each.labels for each in silences) else "silenced in part"


def silence_row(of: Silence) -> SilenceRow:
    """One silence as a row."""
    return SilenceRow(of.silence_id, labels_text(of.labels), of.until_unix_nano, of.by, of.note)


def _group_row(group: GroupState, rule: Rule | None, unit: str, href: Callable[[str], str]) -> GroupRow:
    signal = rule.signal if rule else None
    unit = (unit_of_rule(signal) if signal else "") or unit
    comparison = rule.condition.comparison if rule else ""
    return GroupRow(
        labels=labels_text(group.group),
        state=STATES[group.state],
        value=value_text(group.value, unit, signal),
        threshold=threshold_text(comparison, group.threshold, unit, signal) or NOTHING,
        since_unix_nano=group.since_unix_nano,
        reason=group.reason,
        href=href(group.alert_id) if group.alert_id else "",
    )
