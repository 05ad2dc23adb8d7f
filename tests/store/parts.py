"""Parts of traces and logs as tests look at them: all that a file holds, and one with rows of before."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from store.sqlite.log_parts import KeptLog, Packed, unpack
from store.sqlite.stored_spans import StoredSpan, StoredSpans


def spans_in(connection: sqlite3.Connection) -> list[StoredSpan]:
    """Every stored span, by number."""
    stored = StoredSpans(connection.execute)
    found = [span for trace_id in stored.traces_from(-1, 1 << 62) for span in stored.of_trace(trace_id)]
    return sorted(found, key=lambda span: span.seq)


def contents(path: Path) -> set[tuple[object, ...]]:
    """What each stored span of a file says, without its number."""
    with closing(sqlite3.connect(path)) as connection:
        stored = StoredSpans(connection.execute)
        return {
            (*span[1:12], stored.body_of(span.resource), stored.body_of(span.scope), span.raw)
            for span in spans_in(connection)
        }


def count(path: Path) -> int:
    """How many spans a file holds."""
    with closing(sqlite3.connect(path)) as connection:
        return len(spans_in(connection))


def make_rows(path: Path) -> None:
    """Let a closed file hold a row for each span, as programs before wrote it."""
    with closing(sqlite3.connect(path)) as connection, connection:
        spans = [span for span in spans_in(connection) if not span.session]
        connection.execute("DELETE FROM trace_parts")
        connection.execute("DELETE FROM part_ids")
        connection.executemany(
            "INSERT INTO spans (seq, trace_id, span_id, parent_span_id, service, name, kind, start, "
            "duration, flags, peer, session_id, resource, scope, raw) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(*span[:3], span.parent or None, *span[4:11], None, *span[12:]) for span in spans],
        )


def logs_in(connection: sqlite3.Connection) -> list[KeptLog]:
    """Every stored log, by number."""
    found = [
        KeptLog._make(row)
        for row in connection.execute(
            "SELECT seq, time, severity, service, coalesce(trace_id, x''), coalesce(span_id, x''), "
            "coalesce(session_id, ''), body, resource, scope, raw FROM logs"
        )
    ]
    for part, *columns in connection.execute("SELECT id, columns, traces, spans, texts, raws FROM log_parts"):
        found += unpack(part, Packed(*columns))
    return sorted(found)


def log_contents(path: Path) -> set[tuple[object, ...]]:
    """What each stored log of a file says, without its number."""
    with closing(sqlite3.connect(path)) as connection:
        bodies = dict(connection.execute("SELECT id, body FROM origins"))
        return {
            (*log[1:8], bodies.get(log.resource), bodies.get(log.scope), log.raw)
            for log in logs_in(connection)
        }
