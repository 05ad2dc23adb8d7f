"""One alert: what, since when, its value over time, where it leads, what was done. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from alerting import Alert, Detector, EvaluatorState, Silence, Transition
from observer.components.alert_words import condition_text, measured, value_text
from observer.components.number_format import duration
from observer.screens.alerts.alert_chart import AlertChart
from observer.screens.alerts.alert_list import AlertRow, SilenceRow, alert_row, silence_row

_WHAT: Final[Mapping[str, str]] = {
    "pending": "Condition met",
    "firing": "Fires",
    "resolved": "Ended",
    "acknowledged": "Acknowledged",
}


@dataclass(frozen=True, slots=True)
class Lead:
    """One way from the alert to the telemetry of the moment it began."""

    label: str
    href: str
    note: str
    key: str
    """The `data-key` of its link; empty for none."""


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One change of the alert."""

    at_unix_nano: int
    what: str
    value: str
    note: str


@dataclass(frozen=True, slots=True)
class AlertPage:
    """The page of one alert."""

    row: AlertRow
    alert: Alert
    description: str
    newest: str
    peak: str
    lasted: str
    """How long the condition has been met, or was."""
    waited: str
    """How long it was met before the alert fired; empty where it did not fire."""
    measured: str
    condition: str
    """The rule as it is now; empty where it is gone."""
    rule_problem: str
    """Why the rule's file cannot be used now."""
    chart: AlertChart | None
    no_chart: str
    """Why there is none."""
    leads: tuple[Lead, ...]
    history: tuple[HistoryRow, ...]
    silences: tuple[SilenceRow, ...]
    trouble: str
    links: tuple[tuple[str, str], ...]
    """(title, address) that the rule names."""

    @property
    def mark(self) -> str:
        """Changes when something else is to be shown."""
        last = self.chart.rows[0] if self.chart and self.chart.rows else None
        shown = (
            self.row,
            self.newest,
            self.peak,
            last,
            self.history,
            self.silences,
            self.trouble,
            self.leads,
        )
        return f"{zlib.crc32(repr(shown).encode()):08x}"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read of an alert."""

    alert: Alert
    detector: Detector | None
    history: Sequence[Transition]
    evaluator: EvaluatorState
    chart: AlertChart | None
    no_chart: str
    leads: Sequence[Lead]
    now_unix_nano: int


def alert_page(loaded: Loaded, href: str) -> AlertPage:
    """The page; `href` is its own address."""
    alert, detector = loaded.alert, loaded.detector
    rule = detector.rule if detector else None
    signal = rule.signal if rule else None
    end = alert.ended_unix_nano if alert.ended_unix_nano is not None else loaded.now_unix_nano
    fired = alert.fired_unix_nano
    return AlertPage(
        row=alert_row(alert, signal, lambda _: href),
        alert=alert,
        description=alert.description,
        newest=value_text(alert.value, alert.unit, signal),
        peak=value_text(alert.peak, alert.unit, signal),
        lasted=duration(max(0, end - alert.started_unix_nano) // 10**9 * 10**9),
        waited=duration(max(0, fired - alert.started_unix_nano)) if fired is not None else "",
        measured=measured(signal) if signal else "",
        condition=condition_text(rule, alert.unit) if rule else "",
        rule_problem=detector.problem if detector else "Its rule is gone.",
        chart=loaded.chart,
        no_chart=loaded.no_chart,
        leads=tuple(loaded.leads),
        history=tuple(
            HistoryRow(
                each.at_unix_nano,
                _WHAT.get(each.what, each.what.capitalize()),
                value_text(each.value, alert.unit, signal),
                each.note,
            )
            for each in reversed(loaded.history)
        ),
        silences=tuple(
            silence_row(each) for each in (detector.silences if detector else ()) if _holds(each, alert)
        ),
        trouble=loaded.evaluator.message if alert.is_open else "",
        links=tuple(alert.links.items()),
    )


def _holds(silence: Silence, alert: Alert) -> bool:
    return all(alert.labels.get(name) == value for name, value in silence.labels.items())
