"""When groups of JavaScript errors were first and last seen among all that the store keeps."""

# ruff: noqa: S608 - what is put into SQL text are words of our own

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from store.change_results import Seen
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.rum_errors import describe_errors
from store.sqlite.table_layout import metric_number

MAX_ERRORS: Final = 1_000
"""The oldest errors that are read, and the newest: about 12 ms each."""
_GROUP: Final = 3
"""The place of the group in what `describe_errors` returns."""


def error_sightings(db: ReadSession, error_ids: Sequence[str]) -> dict[str, Seen]:
    """First and last sighting by group; not exact where the first may lie between the two ends."""
    asked = frozenset(error_ids)
    oldest = _errors(db, "ASC", MAX_ERRORS + 1)
    whole = len(oldest) <= MAX_ERRORS
    newest = [] if whole else _errors(db, "DESC", MAX_ERRORS)
    found: dict[str, Seen] = {}
    for at, group in oldest[:MAX_ERRORS]:
        if group in asked:
            first = found[group].first_unix_nano if group in found else at
            found[group] = Seen(first, at)
    for at, group in reversed(newest):
        if group in asked:
            known = found.get(group, Seen(at, at, exact=False))
            found[group] = Seen(known.first_unix_nano, max(known.last_unix_nano, at), known.exact)
    return found


def _errors(db: ReadSession, order: str, limit: int) -> list[tuple[int, str]]:
    """(start, group) of the first errors in this order of time."""
    rows = db.all(
        f"SELECT start, seq FROM samples WHERE metric = ? ORDER BY start {order}, seq {order} LIMIT ?",
        (metric_number("js_errors"), limit),
    )
    described = describe_errors(db, [seq for _, seq in rows])
    return [(at, described[seq][_GROUP]) for at, seq in rows if seq in described]
