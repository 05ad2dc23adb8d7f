"""Reads and writes the class. Every method is one transaction and raises ClassError when the file fails."""

# ruff: noqa: S608 - what is put into SQL text are table and column names of our own

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from classroom import codes, incident_memory, seat_table
from classroom.database import ClassError, Database
from classroom.model import (
    ALL_SEATS,
    Action,
    Answer,
    ClassFacts,
    Mark,
    MarkKind,
    Message,
    Seat,
    SeatFault,
)
from classroom.seat_table import RosterChange

__all__ = ["ClassError", "ClassStore"]

_JOIN, _PASSCODE, _LOCKED, _CLOSED = "join_code", "passcode", "locked", "joining_closed"
_INCIDENT, _SINCE = "incident", "incident_since"
_MOST_MESSAGES = 1_000
_MOST_ACTIONS = 10_000
_MOST_ANSWERS_A_SEAT = 200
_LONGEST_TEXT = 300


class ClassStore:
    """The class's file. Make it after any fork; safe for several threads and processes."""

    def __init__(self, path: Path) -> None:
        """Open the file. Raises ClassError."""
        self._database = Database(path)

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # -- the class as a whole -----------------------------------------------------------------

    def facts(self) -> ClassFacts:
        """The class as a whole; its codes are made at the first call."""
        with self._database.transaction() as connection:
            known = _settings(connection)
            for name, length in ((_JOIN, codes.JOIN_LENGTH), (_PASSCODE, codes.PASSCODE_LENGTH)):
                if name not in known:
                    known[name] = codes.new_code(length)
                    _set(connection, name, known[name])
        return ClassFacts(
            join_code=known[_JOIN],
            passcode=known[_PASSCODE],
            incident=known.get(_INCIDENT, ""),
            incident_since_unix_nano=int(known.get(_SINCE, "0")),
            locked=known.get(_LOCKED, "") == "yes",
            joining_open=known.get(_CLOSED, "") != "yes",
        )

    def setting(self, name: str) -> str:
        """A named text that another room keeps here; empty where there is none."""
        rows = self._database.rows("SELECT value FROM settings WHERE name = ?", name)
        return str(rows[0][0]) if rows else ""

    def keep_setting(self, name: str, value: str) -> None:
        """Keep a named text; an empty one is forgotten."""
        with self._database.transaction() as connection:
            if value:
                _set(connection, name, value)
            else:
                connection.execute("DELETE FROM settings WHERE name = ?", (name,))

    def set_locked(self, locked: bool) -> None:
        """Close or open the explanations for everybody."""
        self.keep_setting(_LOCKED, "yes" if locked else "")

    def set_joining(self, is_open: bool) -> None:
        """Let the code of the class give free seats, or not."""
        self.keep_setting(_CLOSED, "" if is_open else "yes")

    # -- the roster ---------------------------------------------------------------------------

    def enrol(self, names: Sequence[str]) -> tuple[Seat, ...]:
        """Add the people who are not on the roster yet; returns the whole roster.

        A name counts as often as it is given: two people of one name get two seats, whose slugs differ.
        """
        with self._database.transaction() as connection:
            change = seat_table.change_to(seat_table.all_seats(connection), names)
            seat_table.enrol(connection, change.come)
            return seat_table.all_seats(connection)

    def change_to(self, names: Sequence[str]) -> tuple[RosterChange, tuple[Seat, ...]]:
        """What a roster of exactly these names would change, and those seats of it that leave in use."""
        with self._database.transaction() as connection:
            change = seat_table.change_to(seat_table.all_seats(connection), names)
            return change, seat_table.used(connection, change.leave)

    def exchange_roster(self, names: Sequence[str]) -> RosterChange:
        """Make exactly these names the roster, in their order; returns what that changed.

        Seats that stay keep their links, codes and progress. Links and cookies of those that leave are void;
        what they did stays kept, and is theirs again when their name comes back.
        """
        with self._database.transaction() as connection:
            return seat_table.exchange(connection, names)

    def seats(self) -> tuple[Seat, ...]:
        """The roster, in its order."""
        return seat_table.as_seats(self._database.rows(f"{seat_table.SELECT} ORDER BY s.position"))

    def seat(self, slug: str) -> Seat | None:
        """The seat of this slug."""
        found = seat_table.as_seats(self._database.rows(f"{seat_table.SELECT} WHERE s.slug = ?", slug))
        return found[0] if found else None

    def seat_of_code(self, code: str) -> Seat | None:
        """The seat with this code of its own."""
        found = seat_table.as_seats(self._database.rows(f"{seat_table.SELECT} WHERE s.code = ?", code))
        return found[0] if found else None

    def take(self, slug: str, at_unix_nano: int) -> None:
        """Note that the seat's link was opened; the first time counts."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE seats SET taken_at = ? WHERE slug = ? AND taken_at IS NULL", (at_unix_nano, slug)
            )

    def take_free(self, at_unix_nano: int, other_than: str = "") -> Seat | None:
        """Give away the first free seat with a number; None where there is none but `other_than`."""
        with self._database.transaction() as connection:
            return seat_table.take_free(connection, at_unix_nano, other_than)

    def take_late(self, typed_name: str, at_unix_nano: int) -> Seat:
        """Add a seat for a late-comer, who takes it. Raises RosterError for a name that is not free."""
        with self._database.transaction() as connection:
            return seat_table.take_late(connection, typed_name, at_unix_nano)

    def give_back(self, slug: str) -> None:
        """Undo `take_free` or `take_late`, before anybody got the seat's link or cookie."""
        with self._database.transaction() as connection:
            seat_table.withdraw(connection, slug)

    def free(self, slug: str) -> None:
        """Make a seat free again, with a new code: whoever held it must join anew, its links are void."""
        with self._database.transaction() as connection:
            seat_table.free(connection, slug)

    def generations(self) -> dict[str, int]:
        """How often seats were freed or left the roster; without those that never were."""
        rows: list[Any] = self._database.rows("SELECT seat, generation FROM generations")
        return dict(rows)

    def generation(self, slug: str) -> int:
        """How often this seat was freed or left the roster."""
        rows: list[Any] = self._database.rows("SELECT generation FROM generations WHERE seat = ?", slug)
        return int(rows[0][0]) if rows else 0

    # -- faults and repairs -------------------------------------------------------------------

    def begin_incident(self, name: str, at_unix_nano: int, *, known: bool = True) -> None:
        """Begin an incident for all: every seat loses an incident of its own, and all repairs.

        `known` is whether the class learns which one it is: an exam draws what it does not know.
        """
        with self._database.transaction() as connection:
            _set(connection, _INCIDENT, name)
            _set(connection, _SINCE, str(at_unix_nano))
            if known:
                incident_memory.note(connection, name)
            for table in ("faults", "repairs"):
                connection.execute(f"DELETE FROM {table}")

    def give_incident(
        self, seats: Iterable[str], name: str, at_unix_nano: int, *, known: bool = True
    ) -> None:
        """Begin an incident for these seats alone."""
        with self._database.transaction() as connection:
            if known:
                incident_memory.note(connection, name)
            for seat in seats:
                connection.execute(
                    "INSERT OR REPLACE INTO faults VALUES (?, ?, ?)", (seat, name, at_unix_nano)
                )
                connection.execute("DELETE FROM repairs WHERE seat = ?", (seat,))

    def reset(self, seats: Iterable[str], at_unix_nano: int) -> None:
        """Begin anew for these seats: the incident of all, nothing mended, no marks, no answers."""
        with self._database.transaction() as connection:
            for seat in seats:
                for table in ("repairs", "marks", "answers"):
                    connection.execute(f"DELETE FROM {table} WHERE seat = ?", (seat,))
                connection.execute("INSERT OR REPLACE INTO faults VALUES (?, NULL, ?)", (seat, at_unix_nano))

    def repair(self, seats: Iterable[str], names: Iterable[str], at_unix_nano: int) -> None:
        """Put repairs of each seat's present incident into force; the first time counts."""
        chosen = tuple(names)
        with self._database.transaction() as connection:
            for seat in seats:
                incident = _fault(connection, seat).incident
                connection.executemany(
                    "INSERT OR IGNORE INTO repairs VALUES (?, ?, ?, ?)",
                    [(seat, incident, name, at_unix_nano) for name in chosen],
                )

    def break_again(self, seats: Iterable[str], names: Iterable[str] | None = None) -> None:
        """Take repairs back; all of them without names."""
        chosen = None if names is None else tuple(names)
        with self._database.transaction() as connection:
            for seat in seats:
                if chosen is None:
                    connection.execute("DELETE FROM repairs WHERE seat = ?", (seat,))
                for name in chosen or ():
                    connection.execute("DELETE FROM repairs WHERE seat = ? AND name = ?", (seat, name))

    def note_had(self, incident: str) -> None:
        """Note that the class knows this incident."""
        with self._database.transaction() as connection:
            incident_memory.note(connection, incident)

    def incidents_had(self) -> frozenset[str]:
        """The incidents that the class or a seat of it had so far, and knows."""
        with self._database.transaction() as connection:
            return incident_memory.had(connection)

    def fault(self, seat: str) -> SeatFault:
        """The incident of one seat, since when, and what of it is mended."""
        with self._database.transaction() as connection:
            return _fault(connection, seat)

    def faults(self) -> tuple[SeatFault, ...]:
        """The seats with an incident or a repair of their own, or that were reset; sorted by seat."""
        with self._database.transaction() as connection:
            found = connection.execute("SELECT seat FROM faults UNION SELECT seat FROM repairs ORDER BY 1")
            return tuple(_fault(connection, str(seat)) for (seat,) in found.fetchall())

    # -- progress -----------------------------------------------------------------------------

    def mark(self, mark: Mark) -> bool:
        """Note what a seat did; the first time since its incident began counts.

        Returns whether this was the first. A mark from when the incident ran before is replaced.
        """
        with self._database.transaction() as connection:
            fault = _fault(connection, mark.seat)
            since = fault.began_unix_nano if fault.incident == mark.incident else 0
            changed = connection.execute(
                "INSERT INTO marks VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT DO UPDATE SET at = excluded.at WHERE at < ?",
                (mark.seat, mark.incident, mark.step, mark.kind.value, mark.at_unix_nano, since),
            )
            return changed.rowcount > 0

    def mark_again(self, mark: Mark) -> None:
        """Note what was done to a seat; the last time counts."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?, ?)",
                (mark.seat, mark.incident, mark.step, mark.kind.value, mark.at_unix_nano),
            )

    def marks(self, seat: str | None = None) -> tuple[Mark, ...]:
        """What was done, oldest first; of one seat, or of all."""
        where, values = ("WHERE seat = ?", (seat,)) if seat is not None else ("", ())
        rows: list[Any] = self._database.rows(
            f"SELECT seat, incident, step, kind, at FROM marks {where} ORDER BY at", *values
        )
        return tuple(Mark(who, incident, step, MarkKind(kind), at) for who, incident, step, kind, at in rows)

    def answer(self, answer: Answer) -> None:
        """Keep an answer. A seat keeps its first answers and the newest ones, in all _MOST_ANSWERS_A_SEAT."""
        with self._database.transaction() as connection:
            (kept,) = connection.execute(
                "SELECT count(*) FROM answers WHERE seat = ?", (answer.seat,)
            ).fetchone()
            if kept >= _MOST_ANSWERS_A_SEAT:
                connection.execute(
                    "DELETE FROM answers WHERE id = (SELECT max(id) FROM answers WHERE seat = ?)",
                    (answer.seat,),
                )
            connection.execute(
                "INSERT INTO answers"
                " (seat, incident, at, service, tag, kind, evidence, parts_right, complete)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    answer.seat,
                    answer.incident,
                    answer.at_unix_nano,
                    answer.service[:_LONGEST_TEXT],
                    answer.tag[:_LONGEST_TEXT],
                    answer.kind[:_LONGEST_TEXT],
                    answer.evidence[:_LONGEST_TEXT],
                    " ".join(sorted(answer.right)),
                    int(answer.complete),
                ),
            )

    def answers(self, seat: str | None = None) -> tuple[Answer, ...]:
        """Answers, oldest first; of one seat, or of all."""
        where, values = ("WHERE seat = ?", (seat,)) if seat is not None else ("", ())
        rows: list[Any] = self._database.rows(
            "SELECT seat, incident, at, service, tag, kind, evidence, parts_right, complete"
            f" FROM answers {where} ORDER BY id",
            *values,
        )
        return tuple(_as_answer(row) for row in rows)

    # -- messages and the log of actions ------------------------------------------------------

    def send(self, seats: Iterable[str], text: str, at_unix_nano: int) -> None:
        """Send a line to these seats; `(ALL_SEATS,)` for all. The oldest messages are dropped."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO messages (seat, text, at) VALUES (?, ?, ?)",
                [(seat, text[:_LONGEST_TEXT], at_unix_nano) for seat in seats],
            )
            connection.execute(
                "DELETE FROM messages WHERE id <= (SELECT max(id) FROM messages) - ?", (_MOST_MESSAGES,)
            )

    def newest_message(self, seat: str) -> Message | None:
        """The newest line to this seat or to all; None where there is none."""
        rows: list[Any] = self._database.rows(
            "SELECT id, seat, text, at FROM messages WHERE seat IN (?, ?) ORDER BY id DESC LIMIT 1",
            seat,
            ALL_SEATS,
        )
        return Message(*rows[0]) if rows else None

    def log(self, action: str, detail: str, *, actor: str, seats: Iterable[str], at_unix_nano: int) -> None:
        """Keep what was done to the class; the oldest entries are dropped."""
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO actions (at, actor, action, seats, detail) VALUES (?, ?, ?, ?, ?)",
                (at_unix_nano, actor, action, ",".join(seats), detail[:_LONGEST_TEXT]),
            )
            connection.execute(
                "DELETE FROM actions WHERE id <= (SELECT max(id) FROM actions) - ?", (_MOST_ACTIONS,)
            )

    def actions(self, limit: int = 50) -> tuple[Action, ...]:
        """What was done to the class, newest first."""
        rows: list[Any] = self._database.rows(
            "SELECT id, at, actor, action, seats, detail FROM actions ORDER BY id DESC LIMIT ?", limit
        )
        return tuple(Action(*row) for row in rows)


def _as_answer(row: Any) -> Answer:
    seat, incident, at, service, tag, kind, evidence, right, complete = row
    parts = frozenset(right.split())
    return Answer(seat, incident, at, service, tag, kind, evidence, parts, bool(complete))


def _settings(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(connection.execute("SELECT name, value FROM settings").fetchall())


def _set(connection: sqlite3.Connection, name: str, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO settings VALUES (?, ?)", (name, value))


def _fault(connection: sqlite3.Connection, seat: str) -> SeatFault:
    known: Mapping[str, str] = _settings(connection)
    incident, began = known.get(_INCIDENT, ""), int(known.get(_SINCE, "0"))
    row = connection.execute("SELECT incident, began_at FROM faults WHERE seat = ?", (seat,)).fetchone()
    if row:
        incident, began = row[0] or incident, max(began, row[1])
    repairs = connection.execute(
        "SELECT name, at FROM repairs WHERE seat = ? AND incident = ?", (seat, incident)
    ).fetchall()
    return SeatFault(seat, incident, began, dict(repairs))
