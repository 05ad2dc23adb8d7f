"""Schemas of alerts, rules and the evaluator."""

from __future__ import annotations

from typing import Final

from alerting import ALERT_STATES, SEVERITIES
from observer.api.schemas import (
    DURATION,
    TEXT_ATTRIBUTES,
    TIME,
    TIME_OR_NULL,
    Schema,
    boolean,
    list_of,
    record,
    text,
    whole,
)
from observer.lookup.alerting_state import STATES

_NUMBER_OR_NULL: Final[Schema] = {"type": ["number", "null"]}
_GROUP_STATES: Final = ("ok", "pending", "firing", "no_data")
_COMPARISON: Final = text("which side of the threshold is a breach", words=("above", "below"))
_LINKS: Final = ("page", "map", "traces", "logs", "metric", "trace", "session")

ALERT: Final = record(
    {
        "alert_id": text(),
        "detector": text("the rule's name"),
        "title": text(),
        "description": text(),
        "severity": text(words=SEVERITIES),
        "state": text(words=ALERT_STATES),
        "started_unix_nano": whole("when the condition began, as far as the telemetry shows it"),
        "fired_unix_nano": TIME_OR_NULL,
        "ended_unix_nano": TIME_OR_NULL,
        "end_reason": text("`ok`, or a sentence; empty while it is open"),
        "value": {"description": "the newest while it is open, then the last in breach", **_NUMBER_OR_NULL},
        "threshold": _NUMBER_OR_NULL,
        "peak": {"description": "the value furthest beyond the threshold", **_NUMBER_OR_NULL},
        "comparison": _COMPARISON,
        "unit": text("of value and threshold, UCUM by convention: `1` for shares, `ms` for durations"),
        "labels": TEXT_ATTRIBUTES,
        "evaluations": whole("in breach"),
        "flapping": boolean("it crosses the threshold often: one alert in place of many"),
        "crossings": whole("how often the value crossed into breach"),
        "no_data_since_unix_nano": TIME_OR_NULL,
        "no_data_reason": text(),
        "acknowledged": record({"by": text(), "at_unix_nano": TIME, "note": text()}, null=True),
        "silenced": boolean("it is shown and not sent"),
        "silenced_until_unix_nano": TIME_OR_NULL,
        "runbook": text(),
        "links": record(
            {
                **{name: text("a page, or null", null=True) for name in _LINKS},
                "more": TEXT_ATTRIBUTES,
            }
        ),
    }
)
TRANSITION: Final = record({"at_unix_nano": TIME, "what": text(), "value": _NUMBER_OR_NULL, "note": text()})
SILENCE: Final = record(
    {
        "silence_id": whole(),
        "detector": text(),
        "labels": TEXT_ATTRIBUTES,
        "until_unix_nano": TIME,
        "by": text(),
        "note": text(),
        "created_unix_nano": TIME,
    }
)
EVALUATOR: Final = record(
    {
        "state": text("whether rules are evaluated", words=STATES),
        "interval_ns": DURATION,
        "last_pass_unix_nano": TIME_OR_NULL,
        "message": text("for people; empty while it runs"),
        "gaps": list_of(
            record({"from_unix_nano": TIME, "to_unix_nano": TIME}),
            "when nothing was evaluated, newest first",
        ),
        "notes": list_of(record({"at_unix_nano": TIME, "text": text()}), "newest first"),
    }
)
_SIGNAL: Final = record(
    {
        "kind": text(words=("requests", "metric", "rum")),
        "measure": text(),
        "metric": text(),
        "service": text(),
        "operation": text(),
        "environment": text(),
        "where": TEXT_ATTRIBUTES,
        "by": list_of(text()),
        "unit": text(),
    },
    null=True,
)
_CONDITION: Final = record(
    {
        "comparison": _COMPARISON,
        "threshold": {"description": "null where it follows the hour before", **_NUMBER_OR_NULL},
        "ratio": {"description": "times the hour before, or null", **_NUMBER_OR_NULL},
        "minimum": whole("requests, points or samples that are needed"),
        "window_ns": DURATION,
        "for_ns": DURATION,
        "resolve_after_ns": DURATION,
        "no_data": text(words=("keep", "ok")),
    },
    null=True,
)
DETECTOR: Final = record(
    {
        "name": text(),
        "title": text(),
        "description": text(),
        "severity": text(words=SEVERITIES, null=True),
        "runbook": text(),
        "problem": text("why its file cannot be used now; empty where it can"),
        "state": text("the worst of its groups", words=_GROUP_STATES),
        "signal": _SIGNAL,
        "condition": _CONDITION,
        "groups": list_of(
            record(
                {
                    "labels": TEXT_ATTRIBUTES,
                    "state": text(words=_GROUP_STATES),
                    "since_unix_nano": TIME,
                    "value": _NUMBER_OR_NULL,
                    "threshold": _NUMBER_OR_NULL,
                    "evaluated_unix_nano": TIME,
                    "reason": text("why there is no data"),
                    "alert_id": text(null=True),
                }
            )
        ),
        "groups_left_out": whole("beyond the bound of the rule"),
        "silences": list_of(SILENCE, "in force"),
    }
)
