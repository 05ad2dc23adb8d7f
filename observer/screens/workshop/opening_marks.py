"""Notes when a seat opens the page that a step of its lesson leads to.

Runs after every page of the screens and costs nothing but for readers with a seat whose lesson runs, and then
little: most pages are those of no step, and of a step that is marked already nothing is asked any more.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from flask import Response, request

from classroom import ClassError, Mark, MarkKind
from incidents.model import Step
from observer.request import context
from observer.request.errors import Problem
from observer.request.reader_seat import reader_seat
from observer.screens.workshop.evaluation import evaluate, evaluations
from observer.screens.workshop.opened_pages import Capture, fits, leads_to
from observer.screens.workshop.seat_lesson import SeatLesson, running_lesson
from signals.attributes import SEAT
from signals.model import SessionId, TraceId
from store.api import StoreError

_NOT_LOOKED_AT = ("/static/", "/api/", "/-/", "/workshop", "/healthz")
_LONGEST_ID = 2_000
Candidate = tuple[Step, tuple[Capture, ...]]
_log = logging.getLogger(__name__)


def note_opened(response: Response) -> Response:
    """Mark the steps whose page this is; the response itself is passed on unchanged."""
    if (
        request.method == "GET"
        and response.status_code == 200
        and response.mimetype == "text/html"
        and not request.path.startswith(_NOT_LOOKED_AT)
        and "prefetch" not in request.headers.get("Sec-Purpose", "")
    ):
        try:
            _note()
        except (ClassError, Problem, StoreError) as error:
            _log.warning("what a seat opened could not be noted: %s", error)
    return response


def _note() -> None:
    seat = reader_seat().slug
    lesson = running_lesson(seat) if seat else None
    if lesson is None:
        return
    candidates = _candidates(lesson)
    if not candidates:
        return
    known = evaluations().ids(lesson)
    names = {capture.name for _, captures in candidates for capture in captures} - {"seat"}
    evaluated = not names <= known.keys()
    if evaluated:
        evaluate(lesson)
        known = evaluations().ids(lesson)
    owner = _SeatsOwn(lesson, known)
    opened = [step.name for step, captures in candidates if fits(captures, lesson.seat, known, owner)]
    _mark(lesson, opened)
    # The desk shows how far a seat is, although its page of the lesson may not be looked at.
    if opened and not evaluated:
        evaluate(lesson)


def _candidates(lesson: SeatLesson) -> list[Candidate]:
    """The steps that may lead to this page and are not marked yet, each with the ids in the address.

    A step behind a repair shows what the repair did: opening its page before counts for other steps only.
    """
    arguments = list(request.args.items(multi=True))
    found = []
    for step in lesson.incident.steps:
        if step.repair and step.repair not in lesson.repaired:
            break
        if (step.name, MarkKind.OPENED) not in lesson.marks:
            captures = leads_to(step, request.path, arguments)
            if captures is not None:
                found.append((step, captures))
    return found


def _mark(lesson: SeatLesson, steps: Sequence[str]) -> None:
    store = context.class_file()
    for step in steps if store else ():
        assert store is not None
        store.mark(Mark(lesson.seat, lesson.incident.name, step, MarkKind.OPENED, context.now_unix_nano()))


class _SeatsOwn:
    """Whose a session or trace is, by what the store knows of it."""

    def __init__(self, lesson: SeatLesson, known: Mapping[str, Sequence[str]]) -> None:
        self._seat = lesson.seat
        self._began = lesson.began_unix_nano
        self._known = {value for values in known.values() for value in values}

    def has_session(self, session_id: str) -> bool:
        """Whether it is a session of the seat since the incident began."""
        if len(session_id) > _LONGEST_ID:
            return False
        found = context.reader().session(SessionId(session_id))
        return (
            found is not None
            and found.attributes.get(SEAT) == self._seat
            and found.last_seen_unix_nano >= self._began
        )

    def has_trace(self, trace_id: str) -> bool:
        """Whether it is a trace of the seat since then, of the same request as one that the lesson named."""
        opened = trace_id.lower()
        known = {TraceId(value) for value in self._known if len(value) == len(opened) == 32}
        found = context.reader().trace_summaries([TraceId(opened), *known])
        own = found.get(TraceId(opened))
        if own is None or own.tags.get(SEAT) != self._seat or own.start_unix_nano < self._began:
            return False
        return (own.service, own.operation) in {
            (each.service, each.operation) for trace, each in found.items() if trace in known
        }
