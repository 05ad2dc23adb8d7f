"""Which error events of browsers say again what another one says: the two count once.

An uncaught error that the page also logged to the console arrives as two events, in one beacon or in two.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

import orjson

from signals.browser_events import ERROR_NAMES, REPEATED_WITHIN_NS, ErrorReport, error_report, rum_repeats
from store.decode import sampled_detail

_ERROR_NAMES: Final = orjson.dumps(sorted(ERROR_NAMES)).decode()
_MOST_COMPARED: Final = 100
"""Error events of one session that others of it are compared with: a storm of errors is not slow."""


class SessionError(NamedTuple):
    """An error event of a session."""

    seq: int
    session_id: str
    report: ErrorReport


def repeated_errors(connection: sqlite3.Connection, errors: Sequence[SessionError]) -> set[int]:
    """The numbers of those of a round's errors that are not counted.

    That is the console's line if the thrown error is stored, in this round or before. A
    thrown error whose line was counted in an earlier round is left out in its place.
    """
    by_session: dict[str, list[SessionError]] = {}
    for error in errors:
        if error.session_id:
            by_session.setdefault(error.session_id, []).append(error)
    found: set[int] = set()
    for own in by_session.values():
        found.update(_repeated(own, _earlier(connection, own)))
    return found


def _earlier(connection: sqlite3.Connection, own: Sequence[SessionError]) -> list[ErrorReport]:
    """The session's error events of earlier rounds that are near those of this one."""
    starts = [error.report.start_unix_nano for error in own]
    rows = connection.execute(
        "SELECT name, raw, start FROM spans WHERE session_id = ? AND start >= ? AND start <= ? "
        "AND seq < ? AND lower(name) IN (SELECT value FROM json_each(?)) ORDER BY start LIMIT ?",
        (
            own[0].session_id,
            min(starts) - REPEATED_WITHIN_NS,
            max(starts) + REPEATED_WITHIN_NS,
            min(error.seq for error in own),
            _ERROR_NAMES,
            _MOST_COMPARED,
        ),
    ).fetchall()
    return [error_report(name, sampled_detail(raw)[0], start) for name, raw, start in rows]


def _repeated(own: Sequence[SessionError], earlier: Sequence[ErrorReport]) -> Iterator[int]:
    reports = [error.report for error in own[:_MOST_COMPARED]]
    thrown = [report for report in (*earlier, *reports) if not report.console]
    for seq, _, report in own:
        if report.console:
            if any(rum_repeats(report, other) for other in thrown):
                yield seq
        elif earlier:
            lines = sum(rum_repeats(other, report) for other in earlier)
            alike = sum(not other.console and other[2:] == report[2:] for other in earlier)
            if lines > alike:
                yield seq
