"""Which samples of a RUM metric carry given tags: conditions on the table `samples m`."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from signals.attributes import text_of
from signals.model import Span
from store.api import BadQuery
from store.queries import Window
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.row_mapping import SPAN_COLUMNS, SPAN_TABLES, span_of
from store.sqlite.table_layout import METRICS, TAG_COLUMNS, metric_number

MAX_DECODED = 2_000
"""The newest browser spans that are decoded for a tag that samples do not have."""
MAX_SAMPLES = 10_000
"""The newest samples of a window that a breakdown counts, or whose sessions are looked up."""


def conditions(
    db: ReadSession, metric: str, window: Window, where: Mapping[str, str] | None
) -> tuple[str, list[object]] | None:
    """SQL on `samples m` for the RUM tags of `where`, and its values; None if a value was never seen."""
    number = known_number(metric)
    sql = "m.metric = ? AND m.start >= ? AND m.start < ?"
    values: list[object] = [number, window.from_unix_nano, window.to_unix_nano]
    columns = tag_columns(db, where or {})
    if columns is None:
        return None
    for name, pair in columns:
        sql += f" AND m.{name} = ?"
        values.append(pair)
    return sql, values


def known_number(metric: str) -> int:
    """The number of a metric. Raises BadQuery for what is none."""
    if metric not in METRICS:
        raise BadQuery(f"metric is {metric!r}: give one of {', '.join(METRICS)}.")
    return metric_number(metric)


def tag_columns(db: ReadSession, where: Mapping[str, str]) -> list[tuple[str, int]] | None:
    """(column of `samples`, id of the value's pair) of each tag of `where`; None if one was never seen."""
    found = []
    for tag, value in where.items():
        if tag not in TAG_COLUMNS:
            continue
        pair = 0
        if value:
            row = db.one("SELECT id FROM pairs WHERE tag = ? AND value = ?", (tag, value))
            if row is None:
                return None
            pair = row[0]
        found.append((TAG_COLUMNS[tag], pair))
    return found


def narrowed(
    db: ReadSession, metric: str, window: Window, where: Mapping[str, str] | None
) -> tuple[str, list[object]] | None:
    """`conditions`, and one for the tags that must be compared in the spans themselves."""
    found = conditions(db, metric, window, where)
    other = {tag: value for tag, value in (where or {}).items() if tag not in TAG_COLUMNS}
    if found is None or not other:
        return found
    condition, values = found
    seqs = [span_seq for span_seq, span in with_seq(db, condition, values, MAX_DECODED) if has(span, other)]
    among = f"{condition} AND m.seq IN (SELECT value FROM json_each(?))"
    return among, [*values, orjson.dumps(seqs).decode()]


def with_seq(db: ReadSession, condition: str, values: Sequence[object], limit: int) -> list[tuple[int, Span]]:
    """(number, span) of the newest samples that match, decoded."""
    tables = SPAN_TABLES.replace("spans s", "spans s ON s.seq = m.seq", 1)
    rows = db.each(
        f"SELECT m.seq, {SPAN_COLUMNS} FROM samples m JOIN {tables} "
        f"WHERE {condition} ORDER BY m.start DESC LIMIT ?",
        (*values, limit),
    )
    return [(row[0], span_of(row[1:])) for row in rows]


def has(span: Span, expected: Mapping[str, str]) -> bool:
    """Whether a span, or its resource, carries all of these attributes."""
    return all(
        text_of(span.attributes.get(name, span.resource.get(name))) == value
        for name, value in expected.items()
    )
