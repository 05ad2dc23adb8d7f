"""JavaScript errors in groups: what was thrown, where, how often, in how many sessions."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import orjson

from signals.attributes import SEAT, text_of
from store.decode import resource_attributes, some_attributes
from store.queries import Window
from store.results import ErrorGroup
from store.rum_errors import TEXT_NAMES, FoundError, describe_error, grouped
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.sample_conditions import conditions
from store.sqlite.read.sample_slots import MOST_ROWS, SEQ, SlotKey, newest_samples
from store.sqlite.read.shared import BoundedCache
from store.sqlite.table_layout import SAMPLE_SLOT_NS, SYNTHETIC_TAG, TAG_COLUMNS, metric_number

MAX_ERRORS = 1_000
"""The newest errors that are read: about 12 ms."""
_CACHE_BYTES = 4 * 1024**2
_DESCRIBED_BYTES = 400
_MOST_TEXTS = 5_000


_SLOTS_BYTES = 1024**2
_FOUND_BYTES = 250


def error_groups(
    db: ReadSession, window: Window, where: Mapping[str, str] | None, limit: int
) -> tuple[list[ErrorGroup], bool]:
    """Groups of the newest errors that match, most frequent first; True if some were not read."""
    found, cut = _newest(db, window, where)
    return grouped(found, limit), cut


def error_sessions(
    db: ReadSession, window: Window, where: Mapping[str, str] | None, error_id: str
) -> tuple[list[str], bool]:
    """The sessions that `error_groups` counts for one group; True if some errors were not read."""
    found, cut = _newest(db, window, where)
    own = (error.session_id for error in found if error.error_id == error_id and error.session_id)
    return list(dict.fromkeys(own)), cut


def _newest(
    db: ReadSession, window: Window, where: Mapping[str, str] | None
) -> tuple[list[FoundError], bool]:
    """The newest errors that match, newest first; True if there are older ones."""
    kept = newest_samples(db, "js_errors", window, where, MAX_ERRORS + 1, SEQ)
    if kept is None:
        return _read_newest(db, window, where)
    found = kept.each(lambda key: errors_of_slot(db, key).found, MAX_ERRORS)
    return [error for error in found if error is not None], kept.total > MAX_ERRORS


def _read_newest(
    db: ReadSession, window: Window, where: Mapping[str, str] | None
) -> tuple[list[FoundError], bool]:
    """The same by a statement."""
    selected = conditions(db, "js_errors", window, where)
    if selected is None:
        return [], False
    rows = db.all(
        f"SELECT m.seq, m.start, m.{TAG_COLUMNS[SEAT]}, m.{TAG_COLUMNS[SYNTHETIC_TAG]} FROM samples m "
        f"WHERE {selected[0]} ORDER BY m.start DESC LIMIT ?",
        (*selected[1], MAX_ERRORS + 1),
    )
    kept = rows[:MAX_ERRORS]
    described = describe_errors(db, [row[0] for row in kept])
    # These must be compared in the spans themselves.
    attributes = {tag: value for tag, value in (where or {}).items() if tag not in TAG_COLUMNS}
    fitting = _carrying(db, [row[0] for row in kept], attributes) if attributes else None
    found = [
        FoundError(start, *described[seq], person, bool(synthetic))
        for seq, start, person, synthetic in kept
        if seq in described and (fitting is None or seq in fitting)
    ]
    return found, len(rows) > MAX_ERRORS


class SlotErrors(NamedTuple):
    """The errors that start in one slot."""

    version: int
    found: Sequence[FoundError | None]
    """Newest first, as the samples of the slot; None of one whose span is gone."""
    starts: Sequence[int]
    """When each starts by its sample."""
    seen: Mapping[str, tuple[int, int]]
    """First and last start by group."""


class _Slots(BoundedCache[int, SlotErrors]):
    """By slot."""

    def __init__(self) -> None:
        super().__init__(_SLOTS_BYTES, lambda known: 800 + _FOUND_BYTES * len(known.found))


def errors_of_slot(db: ReadSession, key: SlotKey) -> SlotErrors:
    """The errors of a slot; none of one that is too full to be kept."""
    slot, version = key
    kept = db.shared.of(_Slots)
    known = kept.get(slot)
    if known is not None and known.version == version:
        return known
    rows = db.all(
        f"SELECT m.seq, m.start, m.{TAG_COLUMNS[SEAT]}, m.{TAG_COLUMNS[SYNTHETIC_TAG]} FROM samples m "
        "WHERE m.metric = ? AND m.start >= ? AND m.start < ? ORDER BY m.start DESC, m.seq DESC LIMIT ?",
        (metric_number("js_errors"), slot * SAMPLE_SLOT_NS, (slot + 1) * SAMPLE_SLOT_NS, MOST_ROWS + 1),
    )
    if len(rows) > MOST_ROWS:
        rows = []
    starts = [row[1] for row in rows]
    described = describe_errors(db, [row[0] for row in rows])
    found = [
        FoundError(start, *described[seq], person, bool(kind)) if seq in described else None
        for seq, start, person, kind in rows
    ]
    seen: dict[str, tuple[int, int]] = {}
    for error, start in zip(found, starts, strict=True):
        if error is not None:
            seen[error.error_id] = start, seen.get(error.error_id, (start, start))[1]
    errors = SlotErrors(version, found, starts, seen)
    kept.update({slot: errors})
    return errors


_Description = tuple[str, bytes, str, str, str]
"""Session, span's id, group, type and message of an error. Not its start, which may be moved."""


class _Described(BoundedCache[int, _Description]):
    """By the number of the span."""

    def __init__(self) -> None:
        super().__init__(_CACHE_BYTES, lambda _: _DESCRIBED_BYTES)
        self._texts: dict[str, str] = {}

    def read(self, session: str | None, span_id: bytes, name: str, raw: bytes) -> _Description:
        """What is kept of an error, with one copy of each text."""
        texts = self._texts
        if len(texts) > _MOST_TEXTS:
            texts = self._texts = {}
        parts = (session or "", *describe_error(name, some_attributes(raw, TEXT_NAMES)))
        session_id, error_id, kind, message = (texts.setdefault(text, text) for text in parts)
        return session_id, span_id, error_id, kind, message


def describe_errors(db: ReadSession, seqs: Sequence[int]) -> dict[int, _Description]:
    """Errors by the number of the span.

    What a stored span says never changes: it is decoded once for all questions.
    """
    cache = db.shared.of(_Described)
    found = {seq: known for seq in seqs if (known := cache.get(seq)) is not None}
    missing = [seq for seq in seqs if seq not in found]
    if missing:
        rows = db.each(
            "SELECT s.seq, s.session_id, s.span_id, s.name, s.raw "
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
