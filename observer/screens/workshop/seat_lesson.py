"""The lesson of one seat: its incident, since when it counts, and what the seat did of it.

Where a file of the class is, that file knows all of it, over restarts of the lab. Without one the incident is
what the shop's processes run, its beginning is the age of the flag file, and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from flask import request

import incidents
from classroom import Answer, ClassStore, MarkKind, exam, schedule
from incidents.model import Incident
from observer.lookup.lab_status import lab_of
from observer.lookup.running_lab import running_lab, usable_incidents
from observer.request import context
from observer.request.errors import Unknown
from observer.screens.workshop.incident_start import began_unix_nano


class Hider(Enum):
    """What hides a lesson from its seat."""

    EXAM = "exam"
    GAME_DAY = "game day"
    """A schedule that runs without a word to the class."""


Marks = Mapping[tuple[str, MarkKind], int]
"""When a seat first did this at a step, in nanoseconds since the Unix epoch."""


@dataclass(frozen=True, slots=True)
class SeatLesson:
    """A lesson, and what one seat did of it; without a seat `seat` is empty and nothing was done."""

    seat: str
    incident: Incident
    running: str | None
    """The incident that the shop runs for this seat; None where that is not known."""
    began_unix_nano: int
    """Since when orders, marks and answers count."""
    repaired: Mapping[str, int]
    """The repairs in force for the seat, and since when."""
    marks: Marks
    answers: tuple[Answer, ...]
    """The seat's answers to this incident, oldest first."""
    locked: bool
    """Whether the instructor keeps explanations closed."""
    kept: bool
    """Whether marks and answers can be kept."""
    hidden_by: Hider | None = None
    """Why name and lesson of the incident are hidden from the seat; None where they are not."""

    @property
    def is_running(self) -> bool:
        """Whether the shop runs this lesson's incident for the seat."""
        return self.running == self.incident.name


def lesson_of(seat: str, named: str = "") -> SeatLesson:
    """The lesson of a seat, or of the incident `named`. Raises Unknown, ClassError."""
    store = context.class_file()
    return _kept_lesson(store, seat, named) if store else _lesson(_running(), named, seat)


def running_lesson(seat: str) -> SeatLesson | None:
    """The lesson that runs for a seat, if something is kept of it. Cheap: asks the class's file alone.

    Raises ClassError.
    """
    store = context.class_file()
    if not store or not seat:
        return None
    found = _kept_lesson(store, seat, "")
    return found if found.is_running else None


def _kept_lesson(store: ClassStore, seat: str, named: str) -> SeatLesson:
    fault = store.fault(seat)
    running = fault.incident or _running()
    hidden_by = _hider(store, seat)
    incident = _incident("" if hidden_by else named, running)
    own = running == incident.name
    began = fault.began_unix_nano or _began()
    return SeatLesson(
        seat=seat,
        incident=incident,
        running=running,
        began_unix_nano=began,
        repaired=fault.repaired if own else {},
        marks={
            (mark.step, mark.kind): mark.at_unix_nano
            for mark in (store.marks(seat) if seat else ())
            if mark.incident == incident.name and mark.at_unix_nano >= began
        },
        answers=tuple(
            answer
            for answer in (store.answers(seat) if seat else ())
            if answer.incident == incident.name and answer.at_unix_nano >= began
        ),
        locked=store.facts().locked,
        kept=bool(seat),
        hidden_by=hidden_by,
    )


def _hider(store: ClassStore, seat: str) -> Hider | None:
    last_exam, plan = exam(store), schedule(store)
    if last_exam is not None and last_exam.is_sat_by(seat):
        return Hider.EXAM
    return Hider.GAME_DAY if plan is not None and plan.secret and not plan.is_over else None


def _lesson(running: str | None, named: str, seat: str) -> SeatLesson:
    incident = _incident(named, running)
    return SeatLesson(seat, incident, running, _began(), {}, {}, (), locked=False, kept=False)


def _running() -> str | None:
    return running_lab(lab_of(context.settings(), request.headers.get("Host", "")))[0].incident


def _began() -> int:
    return began_unix_nano(context.settings(), context.now_unix_nano())


def _incident(named: str, running: str | None) -> Incident:
    """The named, the running or the default incident, or the first that can be used."""
    usable, malformed = usable_incidents()
    if named in usable:
        return usable[named]
    if named or not usable:
        why = next((problem for problem in malformed if problem.startswith(f"{named}.toml:")), "")
        known = ", ".join(usable)
        raise Unknown(why or f"There is no lesson named {named[:60]}.", f"Choose one of: {known}.")
    return (
        usable.get(running or incidents.DEFAULT)
        or usable.get(incidents.DEFAULT)
        or next(iter(usable.values()))
    )
