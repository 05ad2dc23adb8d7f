"""What was said to an answer, and when the explanation of a lesson is shown.

The explanation is shown to a seat that answered completely, or for which the instructor opened it, or that
the instructor led to the last step, or, where no class has been started, to whoever asks for it: that person
is the instructor. While the instructor keeps explanations locked nobody sees it.
"""

from __future__ import annotations

import threading

from cachetools import TTLCache
from flask import Flask, current_app

from classroom import EXPLANATION, Answer, MarkKind
from observer.lookup.answer_judgement import Judged
from observer.screens.workshop.seat_lesson import SeatLesson

_KEPT_S = 600
_EXTENSION = "answer-problems"


class AnswerProblems:
    """What was said to the newest answer of each seat, for ten minutes. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: TTLCache[tuple[str, str], Judged] = TTLCache(400, _KEPT_S)

    def keep(self, judged: Judged) -> None:
        """Keep what was said to an answer, which its file does not hold."""
        with self._lock:
            self._kept[judged.answer.seat, judged.answer.incident] = judged

    def of(self, answer: Answer) -> tuple[str, ...]:
        """What was said to this answer; nothing where that is forgotten."""
        with self._lock:
            found = self._kept.get((answer.seat, answer.incident))
        return found.problems if found and found.answer.at_unix_nano == answer.at_unix_nano else ()


def install(app: Flask) -> None:
    """Attach what was said to answers to an application."""
    app.extensions[_EXTENSION] = AnswerProblems()


def answer_problems() -> AnswerProblems:
    """That of the application that handles the current request."""
    found: AnswerProblems = current_app.extensions[_EXTENSION]
    return found


def is_answered(lesson: SeatLesson) -> bool:
    """Whether the seat gave a complete answer."""
    return any(answer.complete for answer in lesson.answers)


def explanation_is_open(lesson: SeatLesson) -> bool:
    """Whether the seat may read the explanation."""
    if lesson.locked:
        return False
    led = (lesson.incident.steps[-1].name, MarkKind.JUMPED) in lesson.marks
    opened = any((EXPLANATION, kind) in lesson.marks for kind in (MarkKind.MEANING, MarkKind.SHOWN))
    return is_answered(lesson) or led or opened
