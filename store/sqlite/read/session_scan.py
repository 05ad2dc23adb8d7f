"""Which sessions carry an attribute that none is indexed by: searched in their spans, kept until more come.

A stored span never changes, so that what was found of a session holds until a span of it arrives. Spans go by
retention alone: after it, all is searched again.
"""

# ruff: noqa: S608 - what is put into SQL text are conditions made of names of our own and question marks

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from store.sqlite.read import attribute_scan
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.shared import BoundedCache

_KEPT_BYTES: Final = 1024**2
_MOST_KEPT: Final = 2_000
"""Sessions of which an answer is kept for one question: those of the newest searches."""
_MOST_NEW: Final = 20_000
"""Numbers of spans and logs since the last search, of which the sessions are looked up."""


Session = tuple[int, str]
"""The number of a session's row, and its id."""


class Sought(NamedTuple):
    """What the spans of a session must carry, or must not."""

    name: str
    value: str
    part: bool
    """Whether the value is a part of the attribute's text."""
    carried: bool
    """Whether a span of the session must carry it, or none may."""


def first_sessions(
    db: ReadSession, condition: str, values: Sequence[object]
) -> tuple[list[Session], int | None]:
    """The newest sessions `e` that match, and the start of the last of them if they are not all."""
    sql = f"SELECT e.start, e.id, e.session_id FROM sessions e WHERE {condition}"
    rows = db.all(f"{sql} ORDER BY e.start DESC LIMIT ?", (*values, attribute_scan.MAX_SESSIONS))
    bound: int | None = None
    if len(rows) >= attribute_scan.MAX_SESSIONS:
        bound = rows[-1][0]
        # Those that began at the same time are of the same page.
        rows += db.all(f"{sql} AND e.start = ?", (*values, bound))
    return list(dict.fromkeys((number, name) for _, number, name in rows)), bound


def carrying(db: ReadSession, sessions: Sequence[Session], sought: Sequence[Sought]) -> list[int]:
    """The numbers of those sessions that carry all that they must, and nothing that they must not."""
    left = list(sessions)
    for one in sought:
        found = _carrying(db, one, left)
        left = [session for session in left if found[session[1]] == one.carried]
    return [number for number, _ in left]


class _Known(NamedTuple):
    """What was found of sessions, as of a number of the sequence and of what retention had deleted then."""

    upto: int
    pruned: tuple[int | None, int | None]
    carries: Mapping[str, bool]


class _Kept(BoundedCache[tuple[str, str, bool], _Known]):
    """By name, value, and whether that is a part."""

    def __init__(self) -> None:
        super().__init__(_KEPT_BYTES, lambda known: 500 + 200 * len(known.carries))


def _carrying(db: ReadSession, sought: Sought, sessions: Sequence[Session]) -> Mapping[str, bool]:
    """Whether each session of these carries an attribute."""
    row = db.one("SELECT max(seq) FROM spans")
    upto = (row[0] if row else None) or 0
    pruned = db.counter("pruned_seq"), db.counter("pruned_spans")
    kept = db.shared.of(_Kept)
    known = kept.get(sought[:3])
    carries: Mapping[str, bool] = {}
    if known is not None and known.pruned == pruned and known.upto <= upto <= known.upto + _MOST_NEW:
        new = _sessions_after(db, known.upto) if known.upto < upto else frozenset()
        carries = known.carries
        if not new.isdisjoint(carries):
            carries = {name: found for name, found in carries.items() if name not in new}
    missing = [session for session in sessions if session[1] not in carries]
    if missing:
        found = _search(db, sought, missing)
        if len(carries) + len(missing) > _MOST_KEPT:
            carries = {name: carries[name] for _, name in sessions if name in carries}
        carries = {**carries, **{name: number in found for number, name in missing}}
    if known is None or carries is not known.carries or upto > known.upto:
        kept.update({sought[:3]: _Known(upto, pruned, carries)})
    return carries


def _sessions_after(db: ReadSession, seq: int) -> frozenset[str]:
    """The sessions that have spans with higher numbers."""
    # By their numbers: an index by session would be read as a whole.
    rows = db.each("SELECT session_id FROM spans NOT INDEXED WHERE seq > ?", (seq,))
    return frozenset([name for (name,) in rows if name is not None])


def _search(db: ReadSession, sought: Sought, sessions: Sequence[Session]) -> frozenset[int]:
    """The numbers of those of these sessions that carry the attribute."""
    find = attribute_scan.condition_holding if sought.part else attribute_scan.condition_for
    carried = find(db, {sought.name: sought.value}, "span", "s")
    rows = db.each(
        "SELECT e.id FROM json_each(?) j CROSS JOIN sessions e ON e.id = j.value WHERE EXISTS "
        f"(SELECT 1 FROM spans s WHERE s.session_id = e.session_id AND ({carried.sql}))",
        (orjson.dumps([number for number, _ in sessions]).decode(), *carried.values),
    )
    return frozenset([number for (number,) in rows])
