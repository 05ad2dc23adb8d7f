"""What is kept of groups between two passes, and the changes of alerts that a pass makes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from alerting.alert_rows import ALERT_SQL, add_transition, alert_of, put_alert
from alerting.database import rows
from alerting.model import Alert
from alerting.state_machine import Memory, Step, joined

_KEPT: Final = (
    "ok_since_unix_nano",
    "breach_since_unix_nano",
    "last_breach",
    "last_end_unix_nano",
    "crossings_unix_nano",
    "fired",
)


def memories(connection: sqlite3.Connection) -> dict[str, dict[str, Memory]]:
    """What is kept of every group: rule -> key of the group -> memory."""
    open_ones = {
        row[0]: alert_of(row)
        for row in rows(connection, f"{ALERT_SQL} WHERE a.state <> 'resolved' AND a.joined_to IS NULL")
    }
    found: dict[str, dict[str, Memory]] = {}
    for detector, key, state, since, value, threshold, evaluated, reason, alert_id, memory in rows(
        connection,
        "SELECT detector, key, state, since, value, threshold, evaluated, reason, alert_id, memory "
        "FROM groups",
    ):
        kept = json.loads(memory)
        found.setdefault(detector, {})[key] = Memory(
            state=state,
            since_unix_nano=since,
            evaluated_unix_nano=evaluated,
            value=value,
            threshold=threshold,
            reason=reason,
            alert=open_ones.get(alert_id),
            ok_since_unix_nano=kept["ok_since_unix_nano"],
            breach_since_unix_nano=kept["breach_since_unix_nano"],
            last_breach=kept["last_breach"],
            last_end_unix_nano=kept["last_end_unix_nano"],
            crossings_unix_nano=tuple(kept["crossings_unix_nano"]),
            fired=tuple((alert_id, at) for alert_id, at in kept["fired"]),
        )
    return found


def put_memory(connection: sqlite3.Connection, detector: str, key: str, memory: Memory) -> None:
    """Keep what is known of a group."""
    connection.execute(
        "INSERT OR REPLACE INTO groups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            detector,
            key,
            memory.state,
            memory.since_unix_nano,
            memory.value,
            memory.threshold,
            memory.evaluated_unix_nano,
            memory.reason,
            memory.alert.alert_id if memory.alert else "",
            json.dumps({name: getattr(memory, name) for name in _KEPT}),
        ),
    )


def forget_group(connection: sqlite3.Connection, detector: str, key: str) -> None:
    """Forget a group."""
    connection.execute("DELETE FROM groups WHERE detector = ? AND key = ?", (detector, key))


def forget_alerts(connection: sqlite3.Connection, ids: Sequence[str]) -> None:
    """Delete alerts, their history and acknowledgements."""
    for statement in (
        "DELETE FROM alerts WHERE alert_id = ?",
        "DELETE FROM history WHERE alert_id = ?",
        "DELETE FROM acknowledgements WHERE alert_id = ?",
    ):
        connection.executemany(statement, [(alert_id,) for alert_id in ids])


def keep_step(connection: sqlite3.Connection, step: Step) -> tuple[Memory, Alert | None]:
    """Keep what a step changed of alerts; the memory to be kept, and the alert that notices are about."""
    if step.forgotten:
        forget_alerts(connection, [step.forgotten])
    alert = step.changed
    if alert is None:
        return step.memory, None
    put_alert(connection, alert)
    for change in step.transitions:
        add_transition(connection, alert.alert_id, change)
    if not step.join:
        return step.memory, alert
    whole = _join(connection, step.join, alert)
    return replace(step.memory, alert=whole), whole


def _join(connection: sqlite3.Connection, ids: Sequence[str], newest: Alert) -> Alert:
    """Open the first of these alerts again in place of the others and the newest."""
    kept: Mapping[str, Alert] = {
        row[0]: alert_of(row)
        for row in rows(
            connection, f"{ALERT_SQL} WHERE a.alert_id IN ({', '.join('?' * len(ids))})", tuple(ids)
        )
    }
    found = [kept[alert_id] for alert_id in ids if alert_id in kept]
    if not found:
        return newest
    first, others = found[0], found[1:]
    whole = joined(first, others, newest)
    for each in (*others, newest):
        connection.execute(
            "UPDATE alerts SET joined_to = ?, state = 'resolved' WHERE alert_id = ? OR joined_to = ?",
            (first.alert_id, each.alert_id, each.alert_id),
        )
        connection.execute(
            "UPDATE history SET alert_id = ? WHERE alert_id = ?", (first.alert_id, each.alert_id)
        )
    put_alert(connection, whole)
    return whole
