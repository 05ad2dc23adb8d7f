"""How the evaluating process says in the file that it works, and how others read it there."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Final

from alerting.database import rows
from alerting.model import EvaluatorState, EvaluatorStateName

INTERVAL: Final = "interval_ns"
LAST_PASS: Final = "last_pass"  # noqa: S105 - a pass over the rules
STOPPED: Final = "stopped"
TROUBLE: Final = "trouble"
_LATE_AFTER: Final = 3
"""Intervals without the end of a pass."""
_SLACK_NS: Final = 2 * 10**9
_AWAY_NS: Final = 20 * 10**9
_SHOWN: Final = 20
_RULE_COUNTS: Final = "SELECT total(problem = ''), total(problem <> '') FROM rules WHERE NOT gone"


def gap_after_ns(interval_ns: int) -> int:
    """Without the end of a pass for longer than this, what happened meanwhile is not known."""
    return _LATE_AFTER * interval_ns + _SLACK_NS


def facts(connection: sqlite3.Connection) -> dict[str, str]:
    """All facts of the file."""
    return dict(rows(connection, "SELECT name, value FROM facts"))


def keep(connection: sqlite3.Connection, values: Mapping[str, object]) -> None:
    """Put facts into the file."""
    connection.executemany(
        "INSERT OR REPLACE INTO facts VALUES (?, ?)", [(name, str(value)) for name, value in values.items()]
    )


def evaluator_state(connection: sqlite3.Connection, now_unix_nano: int) -> EvaluatorState:
    """What the file says of the evaluating process now."""
    known = facts(connection)
    interval_ns = int(known.get(INTERVAL, 0))
    last = int(known[LAST_PASS]) if LAST_PASS in known else None
    state, message = _judged(known, interval_ns, last, now_unix_nano)
    good, bad = rows(connection, _RULE_COUNTS)[0]
    gaps = rows(connection, "SELECT started, ended FROM gaps ORDER BY started DESC LIMIT ?", (_SHOWN,))
    notes = rows(connection, "SELECT at, text FROM notes ORDER BY id DESC LIMIT ?", (_SHOWN,))
    return EvaluatorState(
        state,
        interval_ns,
        last,
        int(good),
        int(bad),
        message,
        [(begin, end) for begin, end in gaps],
        [(at, text) for at, text in notes],
    )


def _judged(
    known: Mapping[str, str], interval_ns: int, last: int | None, now_unix_nano: int
) -> tuple[EvaluatorStateName, str]:
    if last is None:
        return "never", "Rules have not been evaluated yet."
    if known.get(STOPPED):
        return "away", "The process that evaluates rules was stopped: alerts are as it left them."
    quiet_ns = now_unix_nano - last
    seconds = max(0, quiet_ns // 10**9)
    if quiet_ns > max(_AWAY_NS, gap_after_ns(interval_ns)):
        return "away", f"Rules have not been evaluated for {seconds} s: alerts are as they were then."
    if quiet_ns > gap_after_ns(interval_ns):
        return "late", f"Rules were evaluated {seconds} s ago, later than planned."
    if known.get(TROUBLE):
        return "late", known[TROUBLE]
    return "running", ""
