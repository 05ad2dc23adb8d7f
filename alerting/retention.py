"""Forgets old alerts, deleted rules and gaps, so that the file stays small."""

from __future__ import annotations

import sqlite3
from typing import Final

from alerting.database import rows
from alerting.group_rows import forget_alerts

KEPT_NS: Final = 30 * 86_400 * 10**9
MOST_ALERTS: Final = 5_000
_MOST_HISTORY: Final = 1_000
_MOST_GAPS: Final = 200


def forget_old(connection: sqlite3.Connection, now_unix_nano: int) -> None:
    """Delete ended alerts older than `KEPT_NS` or beyond `MOST_ALERTS`, and what belongs to nothing."""
    old = rows(
        connection,
        "SELECT alert_id FROM alerts WHERE state = 'resolved' AND (ended < ? OR alert_id IN ("
        "SELECT alert_id FROM alerts WHERE state = 'resolved' ORDER BY started DESC LIMIT -1 OFFSET ?))",
        (now_unix_nano - KEPT_NS, MOST_ALERTS),
    )
    forget_alerts(connection, [alert_id for (alert_id,) in old])
    connection.execute("DELETE FROM silences WHERE until <= ?", (now_unix_nano,))
    connection.execute("DELETE FROM rules WHERE gone AND name NOT IN (SELECT detector FROM alerts)")
    connection.execute(
        "DELETE FROM gaps WHERE started NOT IN (SELECT started FROM gaps ORDER BY started DESC LIMIT ?)",
        (_MOST_GAPS,),
    )
    connection.execute(
        "DELETE FROM history WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER ("
        "PARTITION BY alert_id ORDER BY id DESC) AS place FROM history) WHERE place > ?)",
        (_MOST_HISTORY,),
    )
