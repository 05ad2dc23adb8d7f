"""Detectors and alerts: rules as data, evaluated from the store every few seconds, and what came of it.

Owns the rules' format, one SQLite file beside the telemetry, and a process that evaluates and notifies. Knows
neither the screens nor the shop: rules name services and metrics, code does not.
"""

from __future__ import annotations

from alerting.alert_file import AlertFile
from alerting.errors import AlertError, RuleError
from alerting.model import (
    ALERT_STATES,
    SEVERITIES,
    Acknowledgement,
    Alert,
    AlertCounts,
    AlertQuery,
    AlertStateName,
    Condition,
    Detector,
    EvaluatorState,
    GroupState,
    GroupStateName,
    Rule,
    RuleProblem,
    Severity,
    Signal,
    Silence,
    Transition,
)
from alerting.over_http import DistantAlertFile
from alerting.protocols import AlertReader, AlertWriter
from alerting.readings import values_over_time

__all__ = [
    "ALERT_STATES",
    "SEVERITIES",
    "Acknowledgement",
    "Alert",
    "AlertCounts",
    "AlertError",
    "AlertFile",
    "AlertQuery",
    "AlertReader",
    "AlertStateName",
    "AlertWriter",
    "Condition",
    "Detector",
    "DistantAlertFile",
    "EvaluatorState",
    "GroupState",
    "GroupStateName",
    "Rule",
    "RuleError",
    "RuleProblem",
    "Severity",
    "Signal",
    "Silence",
    "Transition",
    "values_over_time",
]
