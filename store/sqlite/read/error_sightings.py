"""When groups of JavaScript errors were first and last seen among all that the store keeps."""

# ruff: noqa: S608 - what is put into SQL text are words of our own

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from store.change_results import Seen
from store.queries import Window
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.rum_errors import describe_errors, errors_of_slot
from store.sqlite.read.sample_slots import MOST_SLOTS, sample_slots
from store.sqlite.table_layout import metric_number

MAX_ERRORS: Final = 1_000
"""The oldest errors that are read, and the newest: about 12 ms each."""
_GROUP: Final = 2
"""The place of the group in what `describe_errors` returns."""


def error_sightings(db: ReadSession, error_ids: Sequence[str]) -> dict[str, Seen]:
    """First and last sighting by group; not exact where the first may lie between the two ends."""
    asked = frozenset(error_ids)
    oldest, whole = _ends(db, MAX_ERRORS, oldest=True)
    newest = [] if whole else _ends(db, MAX_ERRORS, oldest=False)[0]
    found: dict[str, Seen] = {}
    for group, first, last in oldest:
        if group in asked:
            known = found.get(group, Seen(first, last))
            found[group] = Seen(min(known.first_unix_nano, first), max(known.last_unix_nano, last))
    for group, first, last in reversed(newest):
        if group in asked:
            known = found.get(group, Seen(first, last, exact=False))
            at = known.first_unix_nano if known.exact else min(known.first_unix_nano, first)
            found[group] = Seen(at, max(known.last_unix_nano, last), known.exact)
    return found


_Sighting = tuple[str, int, int]
"""A group, its first and its last start in a stretch of time."""


def _ends(db: ReadSession, most: int, *, oldest: bool) -> tuple[list[_Sighting], bool]:
    """The sightings among the first errors in this order of time, in this order; True if these are all."""
    slots = sample_slots(db, metric_number("js_errors"), Window.ALL, MOST_SLOTS + 1, oldest=oldest)
    found: list[_Sighting] = []
    left = most
    for key in slots[:MOST_SLOTS]:
        errors = errors_of_slot(db, key)
        if not errors.found:
            break
        if len(errors.found) > left:
            single = list(zip(errors.found, errors.starts, strict=True))
            single = single[: -left - 1 : -1] if oldest else single[:left]
            found += [(error.error_id, start, start) for error, start in single if error is not None]
            return found, False
        left -= len(errors.found)
        found += [(group, *times) for group, times in errors.seen.items()]
    else:
        if len(slots) <= MOST_SLOTS:
            return found, True
        if not left:
            return found, False
    return _read(db, most, oldest=oldest)


def _read(db: ReadSession, most: int, *, oldest: bool) -> tuple[list[_Sighting], bool]:
    """The same by a statement, where errors are too far apart for slots, or a slot is too full."""
    order = "ASC" if oldest else "DESC"
    rows = db.all(
        f"SELECT start, seq FROM samples WHERE metric = ? ORDER BY start {order}, seq {order} LIMIT ?",
        (metric_number("js_errors"), most + 1),
    )
    described = describe_errors(db, [seq for _, seq in rows[:most]])
    found = [(described[seq][_GROUP], at, at) for at, seq in rows[:most] if seq in described]
    return found, len(rows) <= most
