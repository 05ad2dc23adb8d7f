"""The workshop: the lesson of an incident as a guide for one seat, beside its telemetry that has arrived.

Knows incidents as data only. What telemetry cannot show, what a student read or
understood, is never claimed.
"""

from __future__ import annotations

from flask import Flask

from observer.screens.workshop import answering, evaluation
from observer.screens.workshop.opening_marks import note_opened
from observer.screens.workshop.routes import blueprint
from observer.screens.workshop.seat_lesson import running_lesson

__all__ = ["blueprint", "follow", "install"]


def install(app: Flask) -> None:
    """Attach to an application what the workshop keeps in memory, and what notes opened pages."""
    evaluation.install(app)
    answering.install(app)
    app.after_request(note_opened)


def follow(seat: str) -> None:
    """Mark the steps of a seat's running lesson whose telemetry is there. Raises ClassError, StoreError."""
    lesson = running_lesson(seat)
    if lesson:
        evaluation.evaluate(lesson)
