"""The alerts that are open now: the badge of every page's header, and the block of the home page."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

from alerting import Alert, AlertCounts, AlertError, AlertQuery, EvaluatorState
from observer.components.alert_bands import alert_path
from observer.components.alert_words import (
    SEVERITY_CSS,
    STATES,
    StateWords,
    alert_words,
    labels_text,
    marks_of,
)
from observer.components.number_format import plural
from observer.request import context
from observer.request.links import scoped

SHOWN: Final = 5
_NOT_EVALUATED: Final = frozenset({"late", "away"})


@dataclass(frozen=True, slots=True)
class AlertBadge:
    """What the header says of alerts."""

    number: str
    """How many fire; empty for none."""
    words: str
    """`1 alert firing`; empty for none."""
    css: str
    trouble: str
    """`rules are late`; empty while they are evaluated."""
    title: str
    """More, for a tooltip."""

    @property
    def mark(self) -> str:
        """Changes when something else is to be shown."""
        return f"{zlib.crc32(repr(self).encode()):08x}"


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """One alert of the block."""

    title: str
    words: str
    state: StateWords
    severity: str
    severity_css: str
    labels: str
    marks: tuple[str, ...]
    since_unix_nano: int
    href: str


@dataclass(frozen=True, slots=True)
class OpenAlerts:
    """The block of the home page."""

    alerts: tuple[OpenAlert, ...]
    counted: str
    """`2 alerts firing` where they are counted only; else empty."""
    more: str
    """`3 more`; empty where all are shown."""
    none: str
    """What to say where no alert is open."""
    trouble: str
    """Why alerts may not be as they are shown; empty where nothing is wrong."""


NO_BADGE: Final = AlertBadge("", "", "", "", "")


def alert_badge() -> AlertBadge:
    """What the header says now; empty where no rules are evaluated at all."""
    file = context.alert_file()
    if file is None:
        return NO_BADGE
    now = context.now_unix_nano()
    try:
        return badge_of(file.counts(now), file.evaluator(now))
    except AlertError as error:
        return AlertBadge("", "", "warn", "alerts cannot be read", f"{error} {error.remedy}")


def badge_of(counts: AlertCounts, evaluator: EvaluatorState) -> AlertBadge:
    """The badge of so many alerts. Those that somebody acknowledged, or silenced, call no longer."""
    trouble = "rules not evaluated" if evaluator.state in _NOT_EVALUATED else ""
    quiet = max(counts.acknowledged, counts.silenced) >= counts.firing
    css = ("note" if quiet else "bad") if counts.firing else "warn" if trouble else ""
    parts = [
        plural(counts.pending, "alert pending", "alerts pending") if counts.pending else "",
        f"{counts.acknowledged} acknowledged" if counts.acknowledged else "",
        f"{counts.silenced} silenced" if counts.silenced else "",
        evaluator.message if trouble else "",
    ]
    return AlertBadge(
        number=str(counts.firing) if counts.firing else "",
        words=plural(counts.firing, "alert firing", "alerts firing") if counts.firing else "",
        css=css,
        trouble=trouble,
        title=". ".join(part for part in parts if part),
    )


def open_alerts(*, named: bool) -> OpenAlerts | None:
    """The open alerts, firing ones first; None where no rules are evaluated at all.

    Without `named` they are counted only: their titles may name the cause, which a lesson asks for.
    """
    file = context.alert_file()
    if file is None:
        return None
    now = context.now_unix_nano()
    try:
        found, _ = file.alerts(AlertQuery(states=frozenset(("firing", "pending"))), now)
        detectors, evaluator = file.detectors(now), file.evaluator(now)
    except AlertError as error:
        return OpenAlerts((), "", "", "", f"{error} {error.remedy}")
    signals = {each.name: each.rule.signal for each in detectors if each.rule}
    shown = [_open_alert(each, alert_words(each, signals.get(each.detector))) for each in found]
    firing = sum(each.state == "firing" for each in found)
    rules = plural(sum(each.rule is not None for each in detectors), "rule")
    every = f" every {evaluator.interval_ns // 10**9} s" if evaluator.interval_ns else ""
    return OpenAlerts(
        alerts=tuple(shown[:SHOWN]) if named else (),
        counted="" if named or not found else _counted(firing, len(found) - firing),
        more=f"{len(shown) - SHOWN} more" if named and len(shown) > SHOWN else "",
        none="" if found else f"No alert. {rules} {'is' if rules == '1 rule' else 'are'} evaluated{every}.",
        trouble=evaluator.message,
    )


def _counted(firing: int, pending: int) -> str:
    parts = [
        plural(firing, "alert firing", "alerts firing") if firing else "",
        plural(pending, "alert pending", "alerts pending") if pending else "",
    ]
    return ", ".join(part for part in parts if part)


def _open_alert(alert: Alert, words: str) -> OpenAlert:
    return OpenAlert(
        title=alert.title,
        words=words,
        state=STATES[alert.state],
        severity=alert.severity,
        severity_css=SEVERITY_CSS[alert.severity],
        labels=labels_text(alert.labels),
        marks=marks_of(alert),
        since_unix_nano=alert.started_unix_nano,
        href=scoped(alert_path(alert.alert_id)),
    )
