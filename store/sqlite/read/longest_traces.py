"""In which parts of a window a trace lasts at least so long, by the longest one of each minute.

A search by duration reads the index of all traces of its window; where few last as long, most minutes have
none. What is known of a minute is kept until its slot changes.
"""

from __future__ import annotations

from typing import Final

from store.queries import Window
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.request_slots import slots_within
from store.sqlite.read.shared import BoundedCache
from store.sqlite.table_layout import REQUEST_SLOT_NS

_KEPT_BYTES: Final = 512 * 1024
_MOST_PARTS: Final = 60
"""More are not worth a question each."""


class _Longest(BoundedCache[int, tuple[int, int]]):
    """(version, duration of the longest trace in ns) by slot."""

    def __init__(self) -> None:
        super().__init__(_KEPT_BYTES, lambda _: 200)


def may_last(db: ReadSession, window: Window, least_ns: int) -> list[Window] | None:
    """The parts, newest first; None if that is not known, or if they are too many to be asked one by one."""
    slots = slots_within(db, window)
    if slots is None:
        return None
    known = db.shared.of(_Longest)
    parts: list[Window] = []
    for slot, version in slots:
        kept = known.get(slot)
        if kept is None or kept[0] != version:
            kept = version, _longest(db, slot)
            known.update({slot: kept})
        if kept[1] >= least_ns:
            begin, end = slot * REQUEST_SLOT_NS, (slot + 1) * REQUEST_SLOT_NS
            if parts and parts[-1].from_unix_nano == end:
                end = parts.pop().to_unix_nano
            parts.append(Window(begin, end))
            if len(parts) > _MOST_PARTS:
                return None
    begin, end = window.from_unix_nano, window.to_unix_nano
    return [Window(max(begin, part.from_unix_nano), min(end, part.to_unix_nano)) for part in parts]


def _longest(db: ReadSession, slot: int) -> int:
    row = db.one(
        "SELECT max(duration) FROM traces WHERE start >= ? AND start < ?",
        (slot * REQUEST_SLOT_NS, (slot + 1) * REQUEST_SLOT_NS),
    )
    return row[0] if row and row[0] is not None else 0
