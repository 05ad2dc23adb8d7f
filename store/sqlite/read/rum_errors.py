"""JavaScript errors in groups: what was thrown, where, how often, in how many sessions."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from signals.attributes import SEAT, text_of
from store.decode import resource_attributes, some_attributes
from store.results import ErrorGroup
from store.rum_errors import TEXT_NAMES, FoundError, describe_error, grouped
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.shared import BoundedCache
from store.sqlite.table_layout import SYNTHETIC_TAG, TAG_COLUMNS

MAX_ERRORS = 1_000
"""The newest errors that are read: about 12 ms."""
_CACHE_BYTES = 4 * 1024**2
_DESCRIBED_BYTES = 400
_MOST_TEXTS = 5_000


def error_groups(
    db: ReadSession, condition: str, values: Sequence[object], attributes: Mapping[str, str], limit: int
) -> tuple[list[ErrorGroup], bool]:
    """Groups of the newest samples `m` that match, most frequent first; True if some were not read.

    `attributes` are those that must be compared in the spans themselves.
    """
    found, cut = _newest(db, condition, values, attributes)
    return grouped(found, limit), cut


def error_sessions(
    db: ReadSession, condition: str, values: Sequence[object], attributes: Mapping[str, str], error_id: str
) -> tuple[list[str], bool]:
    """The sessions that `error_groups` counts for one group; True if some errors were not read."""
    found, cut = _newest(db, condition, values, attributes)
    own = (error.session_id for error in found if error.error_id == error_id and error.session_id)
    return list(dict.fromkeys(own)), cut


def _newest(
    db: ReadSession, condition: str, values: Sequence[object], attributes: Mapping[str, str]
) -> tuple[list[FoundError], bool]:
    """The newest errors that match, newest first; True if there are older ones."""
    rows = db.all(
        f"SELECT m.seq, m.{TAG_COLUMNS[SEAT]}, m.{TAG_COLUMNS[SYNTHETIC_TAG]} FROM samples m "
        f"WHERE {condition} ORDER BY m.start DESC LIMIT ?",
        (*values, MAX_ERRORS + 1),
    )
    kept = rows[:MAX_ERRORS]
    described = describe_errors(db, [row[0] for row in kept])
    fitting = _carrying(db, [row[0] for row in kept], attributes) if attributes else None
    found = [
        FoundError(*described[seq], person, bool(synthetic))
        for seq, person, synthetic in kept
        if seq in described and (fitting is None or seq in fitting)
    ]
    return found, len(rows) > MAX_ERRORS


class _Described(BoundedCache[int, tuple[int, str, bytes, str, str, str]]):
    """(start, session, span's id, group, type, message) of errors by the number of their span."""

    def __init__(self) -> None:
        super().__init__(_CACHE_BYTES, lambda _: _DESCRIBED_BYTES)
        self._texts: dict[str, str] = {}

    def read(
        self, start: int, session: str | None, span_id: bytes, name: str, raw: bytes
    ) -> tuple[int, str, bytes, str, str, str]:
        """What is kept of an error, with one copy of each text."""
        texts = self._texts
        if len(texts) > _MOST_TEXTS:
            texts = self._texts = {}
        parts = (session or "", *describe_error(name, some_attributes(raw, TEXT_NAMES)))
        session_id, error_id, kind, message = (texts.setdefault(text, text) for text in parts)
        return start, session_id, span_id, error_id, kind, message


def describe_errors(db: ReadSession, seqs: Sequence[int]) -> dict[int, tuple[int, str, bytes, str, str, str]]:
    """(start, session, span's id, group, type, message) by the number of the span.

    A stored span never changes: it is decoded once for all questions.
    """
    cache = db.shared.of(_Described)
    found = {seq: known for seq in seqs if (known := cache.get(seq)) is not None}
    missing = [seq for seq in seqs if seq not in found]
    if missing:
        rows = db.each(
            "SELECT s.seq, s.start, s.session_id, s.span_id, s.name, s.raw "
            "FROM json_each(?) j CROSS JOIN spans s ON s.seq = j.value",
            (orjson.dumps(missing).decode(),),
        )
        new = {seq: cache.read(*row) for seq, *row in rows}
        cache.update(new)
        found.update(new)
    return found


def _carrying(db: ReadSession, seqs: Sequence[int], attributes: Mapping[str, str]) -> set[int]:
    """Those of these spans that carry all of the attributes, themselves or by their resource."""
    rows = db.each(
        "SELECT s.seq, s.raw, r.body FROM json_each(?) j CROSS JOIN spans s ON s.seq = j.value "
        "LEFT JOIN origins r ON r.id = s.resource",
        (orjson.dumps(seqs).decode(),),
    )
    names = frozenset(attributes)
    found = set()
    for seq, raw, resource in rows:
        own, shared = some_attributes(raw, names), resource_attributes(resource or b"")
        if all(text_of(own.get(key, shared.get(key))) == value for key, value in attributes.items()):
            found.add(seq)
    return found
