"""Rows of the file of alerts from and into the values of `alerting.model`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from alerting.database import rows
from alerting.model import Acknowledgement, Alert, GroupState, Silence, Transition

ALERT_SQL: Final = (
    "SELECT a.alert_id, a.detector, a.state, a.severity, a.started, a.fired, a.ended, a.no_data_since, "
    "a.document, k.by, k.at, k.note FROM alerts a LEFT JOIN acknowledgements k ON k.alert_id = a.alert_id "
)


def key_of(group: Mapping[str, str]) -> str:
    """The key of a group's row: its attributes in order."""
    return json.dumps(sorted(group.items()), ensure_ascii=False) if group else ""


def group_of(key: str) -> dict[str, str]:
    """The group of a key."""
    return dict(json.loads(key)) if key else {}


def alert_of(row: Sequence[Any], silences: Iterable[Silence] = ()) -> Alert:
    """An alert of a row of `ALERT_SQL`; `silences` are those in force."""
    alert_id, detector, state, severity, started, fired, ended, no_data_since, text, by, at, note = row
    kept = json.loads(text)
    labels = kept["labels"]
    until = [each.until_unix_nano for each in silences if is_silenced_by(detector, labels, each)]
    return Alert(
        alert_id=alert_id,
        detector=detector,
        title=kept["title"],
        description=kept["description"],
        severity=severity,
        runbook=kept["runbook"],
        links=kept["links"],
        labels=labels,
        group=kept["group"],
        state=state,
        started_unix_nano=started,
        fired_unix_nano=fired,
        ended_unix_nano=ended,
        end_reason=kept["end_reason"],
        value=kept["value"],
        threshold=kept["threshold"],
        peak=kept["peak"],
        comparison=kept["comparison"],
        unit=kept["unit"],
        evaluations=kept["evaluations"],
        crossings=kept["crossings"],
        flapping=kept["flapping"],
        no_data_since_unix_nano=no_data_since,
        no_data_reason=kept["no_data_reason"],
        acknowledged=Acknowledgement(by, at, note) if at is not None else None,
        silenced_until_unix_nano=max(until) if until and state != "resolved" else None,
    )


_IN_DOCUMENT: Final = (
    *("title", "description", "runbook", "links", "labels", "group", "end_reason", "value", "threshold"),
    *("peak", "comparison", "unit", "evaluations", "crossings", "flapping", "no_data_reason"),
)


def put_alert(connection: sqlite3.Connection, alert: Alert) -> None:
    """Insert or change an alert; its acknowledgement and what was sent of it stay."""
    plain = {name: getattr(alert, name) for name in _IN_DOCUMENT}
    for name in ("links", "labels", "group"):
        plain[name] = dict(plain[name])
    connection.execute(
        "INSERT INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, 0, ?) ON CONFLICT (alert_id) DO UPDATE "
        "SET state = excluded.state, severity = excluded.severity, started = excluded.started, "
        "fired = excluded.fired, ended = excluded.ended, no_data_since = excluded.no_data_since, "
        "document = excluded.document",
        (
            alert.alert_id,
            alert.detector,
            key_of(alert.group),
            alert.state,
            alert.severity,
            alert.started_unix_nano,
            alert.fired_unix_nano,
            alert.ended_unix_nano,
            alert.no_data_since_unix_nano,
            json.dumps(plain, ensure_ascii=False),
        ),
    )


def is_silenced_by(detector: str, labels: Mapping[str, str], silence: Silence) -> bool:
    """Whether a silence matches an alert of this rule with these labels."""
    return silence.detector == detector and all(
        labels.get(name) == value for name, value in silence.labels.items()
    )


def silences_at(
    connection: sqlite3.Connection, now_unix_nano: int, detector: str = ""
) -> tuple[Silence, ...]:
    """The silences in force, by rule and end; of one rule if it is named."""
    found = rows(
        connection,
        "SELECT id, detector, labels, until, by, note, created FROM silences "
        "WHERE until > ? AND (? = '' OR detector = ?) ORDER BY detector, until, id",
        (now_unix_nano, detector, detector),
    )
    return tuple(
        Silence(number, name, json.loads(labels), until, by, note, created)
        for number, name, labels, until, by, note, created in found
    )


def group_states(connection: sqlite3.Connection, detector: str = "") -> list[GroupState]:
    """The states of all groups, or of one rule's, by rule and key."""
    found = rows(
        connection,
        "SELECT detector, key, state, since, value, threshold, evaluated, reason, alert_id FROM groups "
        "WHERE ? = '' OR detector = ? ORDER BY detector, key",
        (detector, detector),
    )
    return [GroupState(name, group_of(key), *rest) for name, key, *rest in found]


def transitions(connection: sqlite3.Connection, alert_id: str, limit: int) -> list[Transition]:
    """The newest changes of an alert, oldest first."""
    found = rows(
        connection,
        "SELECT at, what, value, note FROM history WHERE alert_id = ? ORDER BY id DESC LIMIT ?",
        (alert_id, limit),
    )
    return [Transition(*row) for row in reversed(found)]


def add_transition(connection: sqlite3.Connection, alert_id: str, change: Transition) -> None:
    """Append to the history of an alert."""
    connection.execute(
        "INSERT INTO history (alert_id, at, what, value, note) VALUES (?, ?, ?, ?, ?)",
        (alert_id, change.at_unix_nano, change.what, change.value, change.note),
    )
