"""The checksum of each row of spans, logs and metric points: SQLite has none, a flipped bit goes unseen.

It covers every column and the resource and scope that the row names, so that a row saved from a damaged
file is right as a whole or not taken. Rows of before have none (NULL).
"""

from __future__ import annotations

import sqlite3
from typing import Final
from zlib import crc32

_PRIME: Final = 4_294_967_291
"""The largest below 2**32: a change of any one bit of a time changes the sum."""
_HALF: Final = 1 << 31
"""Subtracted, so that SQLite stores four bytes."""
MOVED: Final = f"((checksum + {_HALF} + ?) % {_PRIME} + {_PRIME}) % {_PRIME} - {_HALF}"
"""SQL for the checksum of a span whose start was moved by the parameter."""
CHECKED: Final = (
    "spans", "logs", "metric_series", "metric_recent", "metric_chunks", "metric_blocks", "metric_exemplars",
)  # fmt: skip


def add_columns(connection: sqlite3.Connection) -> None:
    """Give the tables of an older file their column; in the open transaction."""
    for table in CHECKED:
        names = {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
        if "checksum" not in names:
            connection.execute(f"ALTER TABLE {table} ADD COLUMN checksum INTEGER")


def span_check(
    seq: int,
    ids: bytes,
    texts: tuple[str, str, str, str],
    numbers: tuple[int, int, int],
    start: int,
    origins: tuple[int, int],
    raw: bytes,
) -> int:
    """The checksum of a span.

    `ids` are its trace's, its own and its parent's; `texts` are service, name, peer and session; `numbers`
    kind, duration and flags; `origins` the CRC-32 of its resource and its scope.
    """
    # Written out: a tuple's own text takes twice as long.
    head = (
        f"{seq} {numbers[0]} {numbers[1]} {numbers[2]} {origins[0]} {origins[1]} "
        f"{texts[0]}\0{texts[1]}\0{texts[2]}\0{texts[3]}"
    )
    try:
        begin = head.encode()
    except UnicodeEncodeError:
        begin = head.encode("utf-8", "replace")
    found = crc32(raw, crc32(ids, crc32(begin)))
    return (found + start) % _PRIME - _HALF


def log_check(
    seq: int,
    time: int,
    severity: int,
    texts: tuple[str, str, str],
    ids: bytes,
    origins: tuple[int, int],
    raw: bytes,
) -> int:
    """The checksum of a log; `texts` are service, session and body, `ids` its trace's and its span's."""
    head = f"{seq} {time} {severity} {origins[0]} {origins[1]} {texts[0]}\0{texts[1]}\0{texts[2]}"
    return crc32(raw, crc32(ids, crc32(head.encode("utf-8", "replace")))) - _HALF


def plain_check(*values: str | int | bytes) -> int:
    """The checksum of a row of the tables of metrics, from its parts that never change."""
    found = 0
    for value in values:
        body = value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")
        found = crc32(b"%d:" % len(body) + body, found)
    return found - _HALF


def series_check(
    number: int, digest: bytes, texts: tuple[str, str, str], resource: bytes, metric: tuple[object, ...]
) -> int:
    """The checksum of a series: `texts` are service, scope and attributes, `metric` is what identifies its
    metric: name, unit, kind, temporality, monotonicity.
    """
    return plain_check(number, digest, *texts, resource, *(_text(part) for part in metric))


def exemplar_check(
    digest: bytes, time: int, value: float | None, ids: tuple[bytes, bytes], attributes: str
) -> int:
    """The checksum of an exemplar of the series with this digest; `ids` are its trace's and its span's."""
    # SQLite keeps whole doubles as integers, and -0.0 as 0.
    of_value = "" if value is None else repr(float(value) + 0.0)
    return plain_check(digest, time, of_value, *ids, attributes)


def _text(part: object) -> str:
    return str(int(part)) if isinstance(part, int) else str(part)


def counts_check(spans: int, logs: int) -> int:
    """The checksum of the counters of spans and logs: kept beside them under COUNTS_CHECK."""
    return crc32(f"{spans} {logs}".encode())


COUNTS_CHECK: Final = "counts_check"
