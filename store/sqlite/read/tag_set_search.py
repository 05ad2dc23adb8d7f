"""Tag sets by number, and the numbers of those that carry something."""

# ruff: noqa: S608 - what is put into SQL text are numbers and question marks of our own

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import orjson

from signals.folding import fold, is_simple
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.tag_sets import TagSet, environment_in, service_in, values_in

_CACHED: Final = 30_000
"""Tag sets that a connection remembers.

A dictionary that is cleared when full: a breakdown looks up thousands of sets, and an LRUCache
raised its time by half (2.2 to 3.5 ms).
"""
_AT_ONCE: Final = 5_000
"""Numbers in one SQL text: SQLite's limit is a million characters."""


def read_sets(db: ReadSession, ids: Iterable[int]) -> dict[int, TagSet]:
    """The sets of these ids. Shared: not to be changed."""
    known = db.tag_sets
    found: dict[int, TagSet] = {}
    missing = []
    for number in ids:
        tags = known.get(number)
        if tags is None:
            missing.append(number)
        else:
            found[number] = tags
    for begin in range(0, len(missing), _AT_ONCE):
        part = ", ".join(map(str, missing[begin : begin + _AT_ONCE]))
        for number, body in db.each(f"SELECT id, body FROM tagsets WHERE id IN ({part})"):
            found[number] = orjson.loads(body)
    if missing:
        if len(known) + len(missing) > _CACHED:
            known.clear()
        known.update(found)
    return found


def sets_with(db: ReadSession, tag: str, value: str, service: str | None = None) -> frozenset[int]:
    """The ids of the sets that carry this value of a tag, those of one service if it is given."""
    return frozenset(
        number
        for number, tags in _sets_naming(db, value).items()
        if value in values_in(tags, tag) and (service is None or service_in(tags) == service)
    )


def sets_containing(db: ReadSession, tag: str, text: str, service: str | None = None) -> frozenset[int]:
    """The ids of the sets in which a value of a tag contains a text, whatever its case and form."""
    folded = fold(text)
    return frozenset(
        number
        for number, tags in _sets_that_may_hold(db, folded).items()
        if (service is None or service_in(tags) == service)
        and any(folded in fold(value) for value in values_in(tags, tag))
    )


def values_containing(db: ReadSession, tag: str, text: str) -> set[str]:
    """The values of a tag that contain a text, whatever its case and Unicode form."""
    folded = fold(text)
    return {
        value
        for tags in _sets_that_may_hold(db, folded).values()
        for value in values_in(tags, tag)
        if folded in fold(value)
    }


def _sets_that_may_hold(db: ReadSession, folded: str) -> dict[int, TagSet]:
    """The sets in whose texts this folded one may occur.

    SQLite's lower() changes ASCII only, and JSON escapes some characters: sets with any other text
    are compared in Python, and all of them where the text sought has one.
    """
    simple = is_simple(folded) and orjson.dumps(folded)[1:-1] == folded.encode()
    odd = "length(body) <> length(CAST(body AS BLOB)) OR instr(body, '\\u')"
    rows = db.each(
        f"SELECT id FROM tagsets WHERE instr(lower(body), ?) OR {odd}", (folded if simple else "",)
    )
    return read_sets(db, [number for (number,) in rows])


def sets_of_environment(db: ReadSession, environment: str) -> frozenset[int]:
    """The ids of the sets of one deployment environment, in whichever spelling it was sent."""
    found = _sets_naming(db, environment)
    return frozenset(number for number, tags in found.items() if environment_in(tags) == environment)


def _sets_naming(db: ReadSession, value: str) -> dict[int, TagSet]:
    """The sets in which this text occurs as a whole value (of any tag)."""
    needle = orjson.dumps(value).decode()
    ids = [number for (number,) in db.each("SELECT id FROM tagsets WHERE instr(body, ?)", (needle,))]
    return read_sets(db, ids)
