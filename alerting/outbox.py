"""What is still to be sent, kept in the file so that neither a restart nor a silent receiver loses it.

Two ways out: `webhook` (people are notified: not while a silence matches, and once for a flapping alert) and
`otlp` (a log event of each begin and end: a record, silenced or not).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from alerting.alert_rows import ALERT_SQL, alert_of, silences_at
from alerting.database import Database, note, rows
from alerting.model import Alert
from alerting.state_machine import Notice

WEBHOOK: Final = "webhook"
OTLP: Final = "otlp"
FLAPPING_QUIET_NS: Final = 2 * 60 * 10**9
"""A flapping alert must have ended for so long before its end is sent."""
GIVE_UP_NS: Final = 24 * 3600 * 10**9
_MOST_WAITING: Final = 5_000
_GIVEN_UP: Final = (
    "messages about alerts were given up: nobody took them for a day, or more than "
    f"{_MOST_WAITING:,} waited. See to their receiver."
)
_NOTIFIED: Final = 1


@dataclass(frozen=True, slots=True)
class Letter:
    """One message that waits."""

    number: int
    alert_id: str
    what: Notice
    at_unix_nano: int
    document: dict[str, Any]
    """The alert as it was then."""


def queue_event(
    connection: sqlite3.Connection, ways: Sequence[str], alert: Alert, what: Notice, now: int
) -> None:
    """Queue the log event of a begin or an end."""
    if OTLP in ways:
        silences = silences_at(connection, now, alert.detector)
        found = rows(connection, f"{ALERT_SQL} WHERE a.alert_id = ?", (alert.alert_id,))
        whole = alert_of(found[0], silences) if found else alert
        _queue(connection, OTLP, replace(whole, state=alert.state), what, now)


def queue_notices(connection: sqlite3.Connection, ways: Sequence[str], now: int) -> bool:
    """Queue what people are to be notified of; returns whether anything waits on any way."""
    if WEBHOOK in ways:
        silences = silences_at(connection, now)
        for row in rows(
            connection,
            f"{ALERT_SQL} WHERE a.joined_to IS NULL AND ("
            "a.state = 'firing' AND a.notified = 0 OR a.state = 'resolved' AND a.notified = 1)",
        ):
            alert = alert_of(row, silences)
            if alert.state == "firing" and alert.silenced_until_unix_nano is None:
                _queue(connection, WEBHOOK, alert, "firing", now)
                _mark(connection, alert, _NOTIFIED)
            elif alert.state == "resolved" and _is_over(alert, now):
                _queue(connection, WEBHOOK, alert, "resolved", now)
                _mark(connection, alert, 0)
    _give_up_old(connection, now)
    return bool(rows(connection, "SELECT 1 FROM outbox LIMIT 1"))


def _give_up_old(connection: sqlite3.Connection, now: int) -> None:
    """Delete what nobody took for a day, and the oldest of too many; say how many in one note."""
    gone = connection.execute(
        "DELETE FROM outbox WHERE at < ? OR id <= (SELECT max(id) FROM outbox) - ?",
        (now - GIVE_UP_NS, _MOST_WAITING),
    ).rowcount
    if not gone:
        return
    newest = rows(connection, "SELECT id, text FROM notes ORDER BY id DESC LIMIT 1")
    if newest and newest[0][1].endswith(_GIVEN_UP):
        # Of many one after the other, a note each would push out all others.
        gone += int(newest[0][1].partition(" ")[0].replace(",", ""))
        connection.execute("DELETE FROM notes WHERE id = ?", (newest[0][0],))
    note(connection, f"{gone:,} {_GIVEN_UP}", now)


def next_letters(database: Database, way: str, limit: int) -> list[Letter]:
    """What waits longest on a way. Raises AlertError."""
    with database.snapshot() as connection:
        found = rows(
            connection,
            "SELECT id, alert_id, what, at, document FROM outbox WHERE way = ? ORDER BY id LIMIT ?",
            (way, limit),
        )
    return [
        Letter(number, alert_id, what, at, json.loads(text)) for number, alert_id, what, at, text in found
    ]


def sent(database: Database, letters: Sequence[Letter]) -> None:
    """Forget what was sent, or is given up. Raises AlertError."""
    with database.transaction() as connection:
        connection.executemany("DELETE FROM outbox WHERE id = ?", [(letter.number,) for letter in letters])


def _is_over(alert: Alert, now: int) -> bool:
    return not alert.flapping or now - (alert.ended_unix_nano or 0) >= FLAPPING_QUIET_NS


def _mark(connection: sqlite3.Connection, alert: Alert, notified: int) -> None:
    connection.execute("UPDATE alerts SET notified = ? WHERE alert_id = ?", (notified, alert.alert_id))


def _queue(connection: sqlite3.Connection, way: str, alert: Alert, what: Notice, now: int) -> None:
    document = {
        "alert_id": alert.alert_id,
        "detector": alert.detector,
        "title": alert.title,
        "description": alert.description,
        "severity": alert.severity,
        "runbook": alert.runbook,
        "labels": dict(alert.labels),
        "started_unix_nano": alert.started_unix_nano,
        "fired_unix_nano": alert.fired_unix_nano,
        "ended_unix_nano": alert.ended_unix_nano,
        "end_reason": alert.end_reason,
        "value": alert.value,
        "threshold": alert.threshold,
        "comparison": alert.comparison,
        "unit": alert.unit,
        "flapping": alert.flapping,
        "silenced": alert.silenced_until_unix_nano is not None,
    }
    connection.execute(
        "INSERT INTO outbox (way, alert_id, what, at, document) VALUES (?, ?, ?, ?, ?)",
        (way, alert.alert_id, what, now, json.dumps(document, ensure_ascii=False)),
    )
