"""Begins and ends of alerts as OTLP log events, over OTLP/HTTP in JSON.

An event has a name (`alert.firing`, `alert.resolved`), the time at which the condition began or ended, and
its facts as attributes under `alert.`, as the conventions have none for alerts; `url.full` is theirs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from alerting.outbox import Letter

EVENTS: Final = {"firing": "alert.firing", "resolved": "alert.resolved"}
SERVICE: Final = "alerting"
_SEVERITIES: Final = {"critical": (17, "ERROR"), "warning": (13, "WARN"), "info": (9, "INFO")}
_RESOLVED: Final = (9, "INFO")


def request(letters: Sequence[Letter], environment: str, observer_url: str) -> bytes:
    """The body of an export of these letters."""
    document = {
        "resourceLogs": [
            {
                "resource": {
                    "attributes": _attributes(
                        {"service.name": SERVICE, "deployment.environment.name": environment}
                    )
                },
                "scopeLogs": [
                    {
                        "scope": {"name": SERVICE},
                        "logRecords": [_record(letter, observer_url) for letter in letters],
                    }
                ],
            }
        ]
    }
    return json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")


def _record(letter: Letter, observer_url: str) -> dict[str, Any]:
    kept = letter.document
    resolved = letter.what == "resolved"
    number, word = _RESOLVED if resolved else _SEVERITIES[kept["severity"]]
    moment = kept["ended_unix_nano"] if resolved else kept["started_unix_nano"]
    facts: dict[str, object] = {
        "alert.id": letter.alert_id,
        "alert.name": kept["detector"],
        "alert.state": letter.what,
        "alert.severity": kept["severity"],
        "alert.value": kept["value"],
        "alert.threshold": kept["threshold"],
        "alert.unit": kept["unit"],
        "alert.flapping": kept["flapping"],
        "alert.silenced": kept["silenced"],
        "alert.end_reason": kept["end_reason"] if resolved else "",
        "url.full": f"{observer_url}/alerts/{quote(letter.alert_id)}" if observer_url else "",
        **{f"alert.label.{name}": value for name, value in kept["labels"].items()},
    }
    return {
        "timeUnixNano": str(moment or letter.at_unix_nano),
        "observedTimeUnixNano": str(letter.at_unix_nano),
        "severityNumber": number,
        "severityText": word,
        "eventName": EVENTS[letter.what],
        "body": {"stringValue": f"{kept['title']}: {letter.what}"},
        "attributes": _attributes(facts),
    }


def _attributes(values: Mapping[str, object]) -> list[dict[str, Any]]:
    return [
        {"key": name, "value": _value(value)}
        for name, value in values.items()
        if value is not None and value != ""
    ]


def _value(value: object) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int | float):
        return {"doubleValue": value}
    return {"stringValue": str(value)}
