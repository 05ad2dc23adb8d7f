"""The browser session of each of some traces, kept until something of their slot changes."""

# ruff: noqa: S608 - what is put into SQL text are question marks of our own

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.request_slots import SlotKey
from store.sqlite.read.shared import BoundedCache

_AT_ONCE: Final = 500
_KNOWN_BYTES: Final = 2 * 1024**2


class _Noted(dict[Any, str]):
    """The sessions of traces that were looked up in one snapshot; empty for a trace without."""


class _Known(BoundedCache[int, tuple[int, Mapping[int, str]]]):
    """(version, session by trace) by slot."""

    def __init__(self) -> None:
        super().__init__(_KNOWN_BYTES, lambda known: 300 + 150 * len(known[1]))


def sessions_of(
    db: ReadSession, asked: Sequence[tuple[SlotKey | None, Collection[int]]]
) -> Mapping[int, str]:
    """The session of each of these traces (by their row's number), and of some others.

    `asked` are traces with the slot in which they begin, None where it is not known.
    """
    found = db.noted.of(_Noted)
    known = db.shared.of(_Known)
    kept: dict[int, Mapping[int, str]] = {}
    for key, _ in asked:
        slot = known.get(key[0]) if key else None
        if key and slot and slot[0] == key[1]:
            kept[key[0]] = slot[1]
            found.update(slot[1])
    missing = [(key, [trace for trace in traces if trace not in found]) for key, traces in asked]
    found.update(_read(db, [trace for _, traces in missing for trace in traces]))
    known.update(
        {
            key[0]: (key[1], {**kept.get(key[0], {}), **{trace: found[trace] for trace in traces}})
            for key, traces in missing
            if key and traces
        }
    )
    return found


def _read(db: ReadSession, traces: Iterable[int]) -> dict[Any, str]:
    found: dict[Any, str] = {}
    for marks, part in by_parts(traces):
        found.update(dict.fromkeys(part, ""))
        found.update(
            db.all(
                "SELECT t.id, coalesce(t.session_id, "
                "(SELECT k.session_id FROM links k WHERE k.trace_id = t.trace_id LIMIT 1), '') "
                f"FROM traces t WHERE t.id IN ({marks})",
                part,
            )
        )
    return found


def by_parts(values: Iterable[object]) -> Iterator[tuple[str, list[object]]]:
    """(question marks, values) of so many at once as one statement takes."""
    remaining = iter(values)
    while part := list(islice(remaining, _AT_ONCE)):
        yield ", ".join("?" * len(part)), part
