"""Alerts and rules in words: values with their units, thresholds, states, labels. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from alerting import Alert, Condition, Rule, Signal
from observer.components.metric_units import unit_of
from observer.components.number_format import NOTHING, count, duration, percent
from observer.components.safe_text import plain

FIRING: Final = "firing"
_PART: Final = 60
_MEASURES: Final[Mapping[str, str]] = {
    "rate": "per second",
    "count": "number",
    "errors": "failed",
    "error_share": "share that failed",
    "origin_share": "share in which an error began",
    "failed_share": "share that failed",
}


@dataclass(frozen=True, slots=True)
class StateWords:
    """A state as a badge."""

    text: str
    css: str


STATES: Final[Mapping[str, StateWords]] = {
    "firing": StateWords("firing", "bad"),
    "pending": StateWords("pending", "warn"),
    "no_data": StateWords("no data", "note"),
    "resolved": StateWords("ended", ""),
    "ok": StateWords("ok", "good"),
}
"""By the names of alerts' and groups' states."""
SEVERITY_CSS: Final[Mapping[str, str]] = {"critical": "bad", "warning": "warn", "info": "note"}


def is_share(signal: Signal | None) -> bool:
    """Whether a signal's values are shares from 0 to 1."""
    return signal is not None and signal.kind != "metric" and signal.measure.endswith("_share")


def value_text(value: float | None, unit: str, signal: Signal | None) -> str:
    """`38.2 %`, `412 ms`, `3.1/s`; a dash for None. `signal` is that of the rule, if it is known."""
    if is_share(signal):
        return percent(value)
    return unit_of(unit).text(value)


def threshold_text(comparison: str, threshold: float | None, unit: str, signal: Signal | None) -> str:
    """`above 5.0 %`; empty where none was computed."""
    return f"{comparison} {value_text(threshold, unit, signal)}" if threshold is not None else ""


def labels_text(labels: Mapping[str, str]) -> str:
    """`service.name checkoutservice, version v350.10`."""
    return ", ".join(f"{plain(name, _PART)} {plain(value, _PART)}" for name, value in labels.items())


def measured(signal: Signal) -> str:
    """`POST /cart/checkout of frontend: share that failed`."""
    words = _MEASURES.get(signal.measure, signal.measure.upper())
    if signal.kind == "metric":
        of = plain(signal.name, 2 * _PART)
        words = signal.measure if signal.measure not in _MEASURES else words
    elif signal.kind == "rum":
        of = f"{signal.name.replace('_', ' ')} in browsers"
    else:
        of = plain(signal.operation, _PART) or "requests"
    parts = [of, f"of {plain(signal.service, _PART)}" if signal.service else ""]
    grouped = f", by {', '.join(plain(name, _PART) for name in signal.by)}" if signal.by else ""
    narrowed = f", {labels_text(signal.where)} only" if signal.where else ""
    return f"{' '.join(part for part in parts if part)}: {words}{grouped}{narrowed}"


def condition_text(rule: Rule, unit: str) -> str:
    """`above 5.0 % for 2 s, over the last 20 s`. `unit` is used where the rule names none."""
    condition, signal = rule.condition, rule.signal
    lasting = f" for {duration(condition.for_ns)}" if condition.for_ns else ""
    least = f"; of at least {count(condition.minimum)}" if condition.minimum > 1 else ""
    bound = _bound(condition, signal, unit_of_rule(signal) or unit)
    return f"{bound}{lasting}, over the last {duration(condition.window_ns)}{least}"


def _bound(condition: Condition, signal: Signal, unit: str) -> str:
    if condition.ratio is None:
        return threshold_text(condition.comparison, condition.threshold, unit, signal)
    least = ""
    if condition.at_least:
        least = f", at least {value_text(condition.at_least, unit, signal)}"
    return f"{condition.comparison} {condition.ratio:g} times the hour before{least}"


def unit_of_rule(signal: Signal) -> str:
    """The unit of a rule's values; empty where its metric's sender names it."""
    if signal.kind == "metric" and signal.measure == "rate" and signal.unit:
        return f"{signal.unit}/s"
    return signal.unit


def alert_words(alert: Alert, signal: Signal | None) -> str:
    """`Orders are failing: 38.2 %, above 5.0 %`."""
    value = value_text(alert.peak if alert.peak is not None else alert.value, alert.unit, signal)
    bound = threshold_text(alert.comparison, alert.threshold, alert.unit, signal)
    return ", ".join(part for part in (f"{plain(alert.title, 2 * _PART)}: {value}", bound) if part)


def marks_of(alert: Alert) -> tuple[str, ...]:
    """What is special about an alert beside its state: `acknowledged by anna`, `silenced`, `flapping`."""
    found = []
    if alert.acknowledged:
        found.append(f"acknowledged by {plain(alert.acknowledged.by, _PART)}")
    if alert.silenced_until_unix_nano is not None:
        found.append("silenced")
    if alert.flapping:
        found.append(f"flapping, {count(alert.crossings)} times")
    if alert.no_data_since_unix_nano is not None and alert.is_open:
        found.append("no data now")
    return tuple(found)


def ended_text(alert: Alert) -> str:
    """How long it lasted, and why it ended where that is not that all is well."""
    if alert.ended_unix_nano is None:
        return NOTHING
    lasted = duration(max(0, alert.ended_unix_nano - alert.started_unix_nano))
    return lasted if alert.end_reason in ("", "ok") else f"{lasted}; {plain(alert.end_reason, 2 * _PART)}"
