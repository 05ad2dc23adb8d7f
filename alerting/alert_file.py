"""Answers and changes of people over the file of alerts: `AlertReader` and `AlertWriter` in one class."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from alerting import rules
from alerting.alert_rows import (
    ALERT_SQL,
    add_transition,
    alert_of,
    group_states,
    silences_at,
    transitions,
)
from alerting.database import Database, rows
from alerting.errors import RuleError
from alerting.evaluator_state import evaluator_state
from alerting.model import (
    Alert,
    AlertCounts,
    AlertQuery,
    Detector,
    EvaluatorState,
    GroupState,
    Rule,
    Silence,
    Transition,
)

_LONGEST_TEXT: Final = 300
_MOST_LABELS: Final = 20
_ORDER: Final = (
    "CASE a.state WHEN 'firing' THEN 0 WHEN 'pending' THEN 1 ELSE 2 END, a.started DESC, a.alert_id"
)


class AlertFile:
    """The file of alerts at a path, created where it is missing. Safe for several threads and processes.

    Make it after any fork. Every method raises AlertError when the file fails, and works again once it does.
    """

    def __init__(self, path: Path) -> None:
        self._database = Database(path)

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._database.close()

    # -- questions: the docstrings are those of `AlertReader` ---------------------------------

    def alerts(self, query: AlertQuery, now_unix_nano: int) -> tuple[Sequence[Alert], bool]:
        conditions, values = _conditions(query)
        with self._database.snapshot() as connection:
            silences = silences_at(connection, now_unix_nano)
            found = rows(
                connection,
                f"{ALERT_SQL} WHERE {' AND '.join(conditions)} ORDER BY {_ORDER} LIMIT ?",
                (*values, query.limit + 1),
            )
        return [alert_of(row, silences) for row in found[: query.limit]], len(found) > query.limit

    def alert(self, alert_id: str, now_unix_nano: int) -> Alert | None:
        with self._database.snapshot() as connection:
            return _alert(connection, alert_id, now_unix_nano)

    def history(self, alert_id: str, limit: int = 200) -> Sequence[Transition]:
        with self._database.snapshot() as connection:
            return transitions(connection, _joined(connection, alert_id), limit)

    def counts(self, now_unix_nano: int) -> AlertCounts:
        with self._database.snapshot() as connection:
            silences = silences_at(connection, now_unix_nano)
            found = [
                alert_of(row, silences)
                for row in rows(connection, f"{ALERT_SQL} WHERE a.state = 'firing' AND a.joined_to IS NULL")
            ]
            pending = rows(connection, "SELECT count(*) FROM alerts WHERE state = 'pending'")[0][0]
        return AlertCounts(
            firing=len(found),
            pending=pending,
            acknowledged=sum(alert.acknowledged is not None for alert in found),
            silenced=sum(alert.silenced_until_unix_nano is not None for alert in found),
        )

    def detectors(self, now_unix_nano: int) -> Sequence[Detector]:
        with self._database.snapshot() as connection:
            return _detectors(connection, now_unix_nano, "")

    def detector(self, name: str, now_unix_nano: int) -> Detector | None:
        with self._database.snapshot() as connection:
            return next(iter(_detectors(connection, now_unix_nano, name)), None)

    def silences(self, now_unix_nano: int) -> Sequence[Silence]:
        with self._database.snapshot() as connection:
            return silences_at(connection, now_unix_nano)

    def evaluator(self, now_unix_nano: int) -> EvaluatorState:
        with self._database.snapshot() as connection:
            return evaluator_state(connection, now_unix_nano)

    # -- changes by people: the docstrings are those of `AlertWriter` -------------------------

    def acknowledge(self, alert_id: str, by: str, note: str, at_unix_nano: int) -> Alert | None:
        with self._database.transaction() as connection:
            found = _alert(connection, alert_id, at_unix_nano)
            if found is None or not found.is_open:
                return found
            by, note = _shortened(by), _shortened(note)
            connection.execute(
                "INSERT OR REPLACE INTO acknowledgements VALUES (?, ?, ?, ?)",
                (found.alert_id, by, at_unix_nano, note),
            )
            words = f"by {by}: {note}" if note else f"by {by}"
            add_transition(
                connection, found.alert_id, Transition(at_unix_nano, "acknowledged", found.value, words)
            )
            return _alert(connection, found.alert_id, at_unix_nano)

    def silence(
        self,
        detector: str,
        until_unix_nano: int,
        by: str,
        note: str,
        at_unix_nano: int,
        labels: Mapping[str, str] | None = None,
    ) -> Silence:
        chosen = {
            _shortened(name): _shortened(value) for name, value in list((labels or {}).items())[:_MOST_LABELS]
        }
        made = Silence(0, detector, chosen, until_unix_nano, _shortened(by), _shortened(note), at_unix_nano)
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM silences WHERE until <= ?", (at_unix_nano,))
            cursor = connection.execute(
                "INSERT INTO silences (detector, labels, until, by, note, created) VALUES (?, ?, ?, ?, ?, ?)",
                (
                    detector,
                    json.dumps(chosen, ensure_ascii=False),
                    until_unix_nano,
                    made.by,
                    made.note,
                    at_unix_nano,
                ),
            )
            return replace(made, silence_id=cursor.lastrowid or 0)

    def end_silence(self, silence_id: int, at_unix_nano: int) -> bool:
        with self._database.transaction() as connection:
            ended = connection.execute(
                "DELETE FROM silences WHERE id = ? AND until > ?", (silence_id, at_unix_nano)
            )
            return ended.rowcount > 0


def _conditions(query: AlertQuery) -> tuple[list[str], list[object]]:
    conditions, values = ["a.joined_to IS NULL"], list[object]()
    states = [f"a.state IN ({_marks(query.states)})"] if query.states else []
    if query.no_data:
        states.append("a.no_data_since IS NOT NULL AND a.ended IS NULL")
    if states:
        conditions.append(f"({' OR '.join(states)})")
        values += sorted(query.states)
    if query.severities:
        conditions.append(f"a.severity IN ({_marks(query.severities)})")
        values += sorted(query.severities)
    if query.from_unix_nano is not None:
        conditions.append("(a.ended IS NULL OR a.ended >= ?)")
        values.append(query.from_unix_nano)
    if query.to_unix_nano is not None:
        conditions.append("a.started < ?")
        values.append(query.to_unix_nano)
    if query.detector:
        conditions.append("a.detector = ?")
        values.append(query.detector)
    return conditions, values


def _marks(words: frozenset[Any]) -> str:
    return ", ".join("?" * len(words))


def _joined(connection: sqlite3.Connection, alert_id: str) -> str:
    found = rows(connection, "SELECT joined_to FROM alerts WHERE alert_id = ?", (alert_id,))
    return str(found[0][0]) if found and found[0][0] else alert_id


def _alert(connection: sqlite3.Connection, alert_id: str, now_unix_nano: int) -> Alert | None:
    found = rows(connection, f"{ALERT_SQL} WHERE a.alert_id = ?", (_joined(connection, alert_id),))
    return alert_of(found[0], silences_at(connection, now_unix_nano)) if found else None


def _detectors(connection: sqlite3.Connection, now_unix_nano: int, name: str) -> list[Detector]:
    groups: dict[str, list[GroupState]] = {}
    for group in group_states(connection, name):
        groups.setdefault(group.detector, []).append(group)
    silences = silences_at(connection, now_unix_nano, name)
    found = rows(
        connection,
        "SELECT name, file, text, problem, left_out FROM rules "
        "WHERE CASE WHEN ? = '' THEN NOT gone ELSE name = ? END ORDER BY name",
        (name, name),
    )
    return [
        Detector(
            name=own,
            rule=_rule(own, file, text) if text is not None else None,
            problem=problem,
            groups=groups.get(own, []),
            silences=[each for each in silences if each.detector == own],
            left_out=left_out,
        )
        for own, file, text, problem, left_out in found
    ]


@lru_cache(maxsize=256)
def _rule(name: str, file: str, text: str) -> Rule | None:
    try:
        return rules.parse(name, file, text)
    except RuleError:
        # Kept by another version of the lab.
        return None


def _shortened(text: str) -> str:
    """One line of bounded length without characters that hide or move others."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text[: 4 * _LONGEST_TEXT])
    return " ".join(plain.split())[:_LONGEST_TEXT]
