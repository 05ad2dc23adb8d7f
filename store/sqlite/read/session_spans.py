"""The spans of a session, decoded once for the pages that its reader opens one after another.

The page of a session, each event that is opened on it, and the dialog of its backend ask for all of them:
decoding was nine tenths of the answer.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from signals.model import SessionId, Span
from store.row_model import span_of
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.row_mapping import SPAN_COLUMNS
from store.sqlite.read.shared import BoundedCache

_KEPT_BYTES: Final = 3 * 1024**2
"""One session of eight hundred events, or several short ones."""
_MOST_KEPT: Final = 800
"""Spans of a longer session would replace one another."""
_RAW: Final = 11
"""The place of the message among SPAN_COLUMNS."""
_ORIGINS: Final = "LEFT JOIN origins r ON r.id = s.resource LEFT JOIN origins c ON c.id = s.scope"


class _Known(NamedTuple):
    """A span as it was decoded."""

    start: int
    """As stored then: the writer moves the spans of a slow clock."""
    span: Span
    bytes: int
    """What it takes, estimated."""


class _Kept(BoundedCache[int, _Known]):
    """By the number of the span, which is never given twice."""

    def __init__(self) -> None:
        super().__init__(_KEPT_BYTES, lambda known: known.bytes)


def spans_of_session(db: ReadSession, session_id: SessionId, limit: int) -> list[Span]:
    """The earliest spans of a session, at most so many, in order of time."""
    # By the index alone.
    listed: list[tuple[int, int]] = db.all(
        "SELECT s.seq, s.start FROM spans s WHERE s.session_id = ? ORDER BY s.start, s.seq LIMIT ?",
        (session_id, limit),
    )
    kept = db.shared.of(_Kept)
    found: dict[int, Span] = {}
    for seq, start in listed:
        known = kept.get(seq)
        if known is not None and known.start == start:
            found[seq] = known.span
    missing = [each for each in listed if each[0] not in found]
    if missing:
        found.update(_decoded(db, missing, kept if len(listed) <= _MOST_KEPT else None))
    return [found[seq] for seq, _ in listed]


def _decoded(db: ReadSession, listed: Sequence[tuple[int, int]], kept: _Kept | None) -> dict[int, Span]:
    """Spans by number, to be kept if there is a place for them."""
    seqs = [seq for seq, _ in listed]
    rows = db.each(
        f"SELECT s.seq, {SPAN_COLUMNS} FROM json_each(?) j CROSS JOIN spans s ON s.seq = j.value {_ORIGINS}",
        (orjson.dumps(seqs).decode(),),
    )
    found: dict[int, Span] = {}
    sizes: dict[int, int] = {}
    for seq, *row in rows:
        span = found[seq] = span_of(row)
        sizes[seq] = 800 + 2 * len(row[_RAW]) + 170 * len(span.attributes)
        sizes[seq] += 700 * (len(span.events) + len(span.links))
    if kept is not None:
        kept.update({seq: _Known(start, found[seq], sizes[seq]) for seq, start in listed})
    return found
