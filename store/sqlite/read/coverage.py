"""In which part of a window there are requests, and what is known of the parts without.

The rollup cells say when requests began, by the senders' clocks; `writer_runs` and
`arrivals` say when there was a writer and when anything came, by the store's.
"""

# ruff: noqa: S608 - what is put into SQL text is SQL of our own

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from store.coverage_slots import holes_of, merged, slot_of
from store.queries import CoverageOf, Window
from store.results import Coverage, Gap
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.table_layout import SAMPLE_SERIES, SECOND_NS, SERVICE_SERIES

_MAX_SLOTS: Final = 2_000
_DELAY_NS: Final = 10 * SECOND_NS
"""What happened at the edge of a gap may arrive so much later."""

_NEXT: Final = """(SELECT min((
        SELECT c.slot FROM cells c WHERE c.series = w.id AND c.width = :width
        AND c.slot >= {first} AND c.n > 0 ORDER BY c.slot LIMIT 1)) FROM wanted w)"""
_OCCUPIED: Final = f"""
WITH RECURSIVE wanted(id) AS (SELECT id FROM series WHERE kind = :kind),
occupied(slot) AS (
    SELECT {_NEXT.format(first=":first")}
    UNION ALL
    SELECT CASE
        WHEN EXISTS (SELECT 1 FROM wanted w CROSS JOIN cells c ON c.series = w.id AND c.width = :width
                     AND c.slot = occupied.slot + 1 AND c.n > 0)
        THEN occupied.slot + 1 ELSE {_NEXT.format(first="occupied.slot + 2")} END
    FROM occupied WHERE occupied.slot < :behind - 1 LIMIT :most
)
SELECT slot FROM occupied WHERE slot < :behind
"""
"""The slots with requests in order: from one to the next, or over a gap at once. `slot` may end with null."""


class _Run(NamedTuple):
    """When the file had a writer."""

    began: int
    ended: int | None


def coverage_of(db: ReadSession, window: Window, of: CoverageOf = "requests") -> Coverage:
    """The coverage of a window."""
    parts = _parts(db, window, SAMPLE_SERIES if of == "browsers" else SERVICE_SERIES)
    if not parts:
        return Coverage(0, (_explained(db, window, _runs(db)),))
    holes = holes_of(parts, window)
    runs = _runs(db) if holes else ()
    empty_ns = sum(hole.duration_ns for hole in holes)
    return Coverage(window.duration_ns - empty_ns, tuple(_explained(db, hole, runs) for hole in holes))


def _parts(db: ReadSession, window: Window, kind: int) -> list[tuple[int, int]]:
    """(from, to) of neighbouring slots with requests or reports of browsers, cut to the window."""
    slot_ns = slot_of(window)
    rows = db.all(
        _OCCUPIED,
        {
            "kind": kind,
            "width": slot_ns // SECOND_NS,
            "first": window.from_unix_nano // slot_ns,
            "behind": -(-window.to_unix_nano // slot_ns),
            "most": _MAX_SLOTS,
        },
    )
    parts = merged((slot for (slot,) in rows), slot_ns, window)
    if len(rows) >= _MAX_SLOTS:
        parts[-1] = (parts[-1][0], window.to_unix_nano)
    return parts


def _runs(db: ReadSession) -> Sequence[_Run]:
    """Every run of a writer, by its beginning; none in a file of an earlier version."""
    if not db.one("SELECT 1 FROM sqlite_master WHERE name = 'writer_runs'"):
        return ()
    return [_Run._make(row) for row in db.all("SELECT began, ended FROM writer_runs ORDER BY began")]


def _explained(db: ReadSession, hole: Window, runs: Sequence[_Run]) -> Gap:
    begin, end = hole.from_unix_nano, hole.to_unix_nano
    state, down_since, up_again = _collector(db, hole, runs)
    arrived = db.one(
        "SELECT 1 FROM arrivals WHERE unix_nano > ? AND unix_nano < ?", (begin + _DELAY_NS, end - _DELAY_NS)
    )
    return Gap(begin, end, state, down_since, up_again, arrived is not None)


def _collector(
    db: ReadSession, hole: Window, runs: Sequence[_Run]
) -> tuple[Literal["ran", "down", "unknown"], int | None, int | None]:
    """(whether a writer ran all through a hole, when one ended, when the next began)."""
    begin, end = hole.from_unix_nano, hole.to_unix_nano
    if not runs:
        return "unknown", None, None
    at = bisect_right(runs, begin, key=lambda run: run.began)
    before = runs[at - 1] if at else None
    after = runs[at] if at < len(runs) and runs[at].began <= end + _DELAY_NS else None
    if before is None:
        # Before the first run that is known there may have been others, in a file of an earlier version.
        since = db.one("SELECT 1 FROM arrivals WHERE unix_nano < ?", (runs[0].began - _DELAY_NS,))
        return ("unknown" if since else "down"), None, after.began if after else None
    ended = before.ended
    if ended is None and after is not None:
        heard = db.one("SELECT max(unix_nano) FROM arrivals WHERE unix_nano < ?", (after.began,))
        ended = max(before.began, heard[0] or 0) if heard else before.began
    if ended is None or (ended >= end and after is None):
        return "ran", None, None
    return "down", ended, after.began if after else None
