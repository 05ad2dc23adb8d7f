"""Whether anything that is kept has an attribute of a name: else a search for it reads no row."""

from __future__ import annotations

from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.record_fields import FIELD_NAMES


class _Known(dict[str, bool]):
    """By name, in one snapshot."""


def is_never_seen(db: ReadSession, name: str) -> bool:
    """True if no span, event, link, log, scope or resource has an attribute of this name."""
    known = db.noted.of(_Known)
    if name not in known:
        known[name] = name not in FIELD_NAMES and _is_in_no_slot(db, name) and not _is_in_origins(db, name)
    return known[name]


def _is_in_no_slot(db: ReadSession, name: str) -> bool:
    """Whether every row that is kept is of a slot that lacks the name."""
    if db.one("SELECT 1 FROM sqlite_master WHERE name = 'slot_names'") is None:
        return False
    last, unsure = db.one("SELECT max(upto), min(whole) FROM name_slots WHERE upto > ?", _pruned(db)) or (
        0,
        1,
    )
    if unsure == 0 or (db.counter("seq") or 0) > max(last or 0, *_pruned(db)):
        return False
    stored = name.encode("utf-8", "replace").decode()
    return db.one("SELECT 1 FROM slot_names WHERE name = ? LIMIT 1", (stored,)) is None


def _pruned(db: ReadSession) -> tuple[int]:
    """The number up to which nothing is left."""
    return (db.counter("pruned_seq") or 0,)


def _is_in_origins(db: ReadSession, name: str) -> bool:
    """Whether a resource or a scope may have it: both hold names unchanged."""
    sought = name.encode("utf-8", "replace")
    return db.one("SELECT 1 FROM origins WHERE instr(body, ?) LIMIT 1", (sought,)) is not None
