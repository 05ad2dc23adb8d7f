"""The rows of the roster inside a transaction: reading, enrolling, freeing, exchanging all of it."""

# ruff: noqa: S608 - what is put into SQL text are column names of our own

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from classroom import codes, incident_memory
from classroom.model import Seat
from classroom.roster import MOST_SEATS, RosterError, alike, is_numbered, late_name, slugs_of

SELECT = (
    "SELECT s.slug, s.name, s.code, s.position, s.taken_at, coalesce(g.generation, 0)"
    " FROM seats s LEFT JOIN generations g ON g.seat = s.slug"
)
_IN_ORDER = f"{SELECT} ORDER BY s.position"
_KEPT_OF_A_SEAT = ("marks", "answers", "repairs")
"""Tables in which a seat that was used has rows."""


@dataclass(frozen=True, slots=True)
class RosterChange:
    """What another roster would change: the seats that stay, the names that come, the seats that leave."""

    stay: tuple[Seat, ...]
    come: tuple[str, ...]
    leave: tuple[Seat, ...]


def as_seats(rows: Iterable[Any]) -> tuple[Seat, ...]:
    """The seats of rows of SELECT."""
    return tuple(Seat(*row) for row in rows)


def all_seats(connection: sqlite3.Connection) -> tuple[Seat, ...]:
    """The roster, in its order."""
    return as_seats(connection.execute(_IN_ORDER).fetchall())


def change_to(present: Sequence[Seat], names: Sequence[str]) -> RosterChange:
    """What a roster of these names would change.

    A name counts as often as it is given: two people of one name have two seats, whose slugs differ.
    """
    remaining = list(present)
    stay, come = [], []
    for name in names:
        known = next((seat for seat in remaining if seat.name == name), None)
        if known:
            remaining.remove(known)
            stay.append(known)
        else:
            come.append(name)
    return RosterChange(tuple(stay), tuple(come), tuple(remaining))


def enrol(connection: sqlite3.Connection, names: Sequence[str]) -> None:
    """Add seats for these names at the end, as many as there is room for."""
    present = all_seats(connection)
    slugs = slugs_of(names, [seat.slug for seat in present])
    free = max(0, MOST_SEATS - len(present))
    for offset, (slug, name) in enumerate(list(zip(slugs, names, strict=True))[:free], 1):
        connection.execute(
            "INSERT INTO seats (slug, name, code, position, taken_at) VALUES (?, ?, ?, ?, NULL)",
            (slug, name, free_code(connection), len(present) + offset),
        )


def exchange(connection: sqlite3.Connection, names: Sequence[str]) -> RosterChange:
    """Make these names the roster, in their order. What seats did stays kept, also of those that leave."""
    change = change_to(all_seats(connection), names)
    for seat in change.leave:
        connection.execute("DELETE FROM seats WHERE slug = ?", (seat.slug,))
        begin_generation(connection, seat.slug)
    if not change.stay:
        incident_memory.forget(connection)
    enrol(connection, change.come)
    waiting = list(all_seats(connection))
    for position, name in enumerate(names, 1):
        placed = next((each for each in waiting if each.name == name), None)
        if placed:
            waiting.remove(placed)
            connection.execute("UPDATE seats SET position = ? WHERE slug = ?", (position, placed.slug))
    return change


def used(connection: sqlite3.Connection, seats: Iterable[Seat]) -> tuple[Seat, ...]:
    """Those of these seats that somebody took, or that did something."""
    active = {
        slug
        for table in _KEPT_OF_A_SEAT
        for (slug,) in connection.execute(f"SELECT DISTINCT seat FROM {table}").fetchall()
    }
    return tuple(seat for seat in seats if seat.taken_unix_nano is not None or seat.slug in active)


def take_free(connection: sqlite3.Connection, at_unix_nano: int, other_than: str) -> Seat | None:
    """Give away the first free seat with a number; None where there is no other one.

    A seat with a person's name is that person's: its own link and code alone give it.
    """
    rows = connection.execute(
        f"{SELECT} WHERE s.taken_at IS NULL AND s.slug != ? ORDER BY s.position", (other_than,)
    )
    found = next((seat for seat in as_seats(rows.fetchall()) if is_numbered(seat.name)), None)
    return _taken(connection, found, at_unix_nano) if found else None


def take_late(connection: sqlite3.Connection, typed: str, at_unix_nano: int) -> Seat:
    """Add a seat for a late-comer, who takes it. Raises RosterError for a name that cannot be one's own."""
    name, present = late_name(typed), all_seats(connection)
    if any(alike(name) & alike(seat.name) for seat in present):
        raise RosterError(
            "This name is on the roster already.", "Use the code on your strip, or ask your instructor."
        )
    if len(present) >= MOST_SEATS:
        raise RosterError(f"The class has its {MOST_SEATS} seats.", "Ask your instructor to free one.")
    enrol(connection, (name,))
    return _taken(connection, all_seats(connection)[-1], at_unix_nano)


def withdraw(connection: sqlite3.Connection, slug: str) -> None:
    """Undo that a seat was taken: one with a number is free again, a late-comer's leaves the roster."""
    found = as_seats(connection.execute(f"{SELECT} WHERE s.slug = ?", (slug,)).fetchall())
    if found and is_numbered(found[0].name):
        connection.execute("UPDATE seats SET taken_at = NULL WHERE slug = ?", (slug,))
    else:
        connection.execute("DELETE FROM seats WHERE slug = ?", (slug,))


def _taken(connection: sqlite3.Connection, seat: Seat, at_unix_nano: int) -> Seat:
    connection.execute("UPDATE seats SET taken_at = ? WHERE slug = ?", (at_unix_nano, seat.slug))
    return replace(seat, taken_unix_nano=at_unix_nano)


def free(connection: sqlite3.Connection, slug: str) -> None:
    """Make a seat free again, with a new code and a new generation."""
    changed = connection.execute(
        "UPDATE seats SET taken_at = NULL, code = ? WHERE slug = ?", (free_code(connection), slug)
    )
    if changed.rowcount:
        begin_generation(connection, slug)


def begin_generation(connection: sqlite3.Connection, slug: str) -> None:
    """Void every link and cookie of a seat that was given out so far."""
    connection.execute(
        "INSERT INTO generations VALUES (?, 1) ON CONFLICT DO UPDATE SET generation = generation + 1", (slug,)
    )


def free_code(connection: sqlite3.Connection) -> str:
    """A code that no seat has."""
    while True:
        code = codes.new_code(codes.SEAT_LENGTH)
        if not connection.execute("SELECT 1 FROM seats WHERE code = ?", (code,)).fetchone():
            return code
