"""The results of a class and the scores of an exam as CSV. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields

from classroom import Score
from observer.components.time_format import iso
from observer.lookup.class_seats import ClassSeat

HEADER = (
    "seat", "name", "incident", "state", "step", "steps_reached", "steps", "step_since", "last_seen",
    "orders", "orders_failed", "hints", "answers", "first_wrong_turn", "repaired", "reason",
    "answers_earlier",
)  # fmt: skip
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def csv_of(seats: Sequence[ClassSeat]) -> str:
    """One line for each seat, by seat, times in UTC; what a spreadsheet would compute becomes text."""
    return _table(HEADER, (_cells(seat) for seat in sorted(seats, key=lambda each: each.seat)))


def scores_csv_of(scores: Sequence[Score]) -> str:
    """One line for each seat that sits the exam, the best first: the fields of Score; likewise text."""
    return _table([field.name for field in fields(Score)], (asdict(score).values() for score in scores))


def _table(header: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    for row in rows:
        writer.writerow([neutral(cell) if isinstance(cell, str) else cell for cell in row])
    return text.getvalue()


def neutral(cell: str) -> str:
    """A text that a spreadsheet shows as it is: an apostrophe stands before what it would compute."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA_STARTS) else cell


def _cells(seat: ClassSeat) -> tuple[str | int, ...]:
    return (
        seat.seat,
        seat.name,
        seat.incident,
        seat.state,
        seat.step.name if seat.step else "",
        seat.step_number,
        seat.steps,
        _time(seat.step_since_unix_nano),
        _time(seat.last_seen_unix_nano),
        seat.orders,
        seat.orders_failed,
        seat.hints,
        seat.answers,
        seat.wrong_turn,
        " ".join(seat.repaired),
        seat.reason,
        seat.answers_earlier,
    )


def _time(unix_nano: int | None) -> str:
    return "" if unix_nano is None else iso(unix_nano)
