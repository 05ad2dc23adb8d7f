"""Judges an answer to the question of a lesson, and decides when its explanation is shown.

The explanation is shown to a seat that answered completely, or that the instructor led to the last step, or,
where no class has been started, to whoever asks for it: that person is the instructor. While the instructor
keeps explanations locked nobody sees it.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from cachetools import TTLCache
from flask import Flask, current_app

from classroom import Answer, MarkKind
from incidents import answers
from incidents.checks import Ask
from incidents.model import IncidentQuestion
from observer.screens.workshop.seat_lesson import SeatLesson

EXPLANATION = "explanation"
"""Stands for the end of the lesson where marks name a step."""
PARTS = ("service", "tag", "kind", "evidence")
MOST_A_MINUTE = 6
_MINUTE_NS = 60 * 10**9
_LONGEST = 300
_KEPT_S = 600
_EXTENSION = "answer-problems"
_AROUND = " \t\r\n\"'`<>()[]{},;"
"""Characters that are easily copied together with an id."""
_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_IN_PATH = re.compile(r"/(?:apm/traces|logs)/([0-9A-Za-z]+)")
_IN_QUERY = ("log", "trace_id")


@dataclass(frozen=True, slots=True)
class Judged:
    """A judged answer, and sentences on what could not be judged."""

    answer: Answer
    problems: tuple[str, ...]


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


def evidence_id(text: str) -> str:
    """The id of a trace or a log in what somebody pasted: the id itself, a `traceparent`, or an address."""
    bare = text.strip(_AROUND)[:2_000]
    parent = _TRACEPARENT.fullmatch(bare.lower())
    if parent:
        return parent[1]
    if "/" not in bare and "=" not in bare:
        return bare
    try:
        parts = urlsplit(bare)
    except ValueError:
        return bare
    arguments = dict(parse_qsl(parts.query, max_num_fields=50)) if parts.query.count("&") < 50 else {}
    named = next((arguments[name] for name in _IN_QUERY if arguments.get(name)), "")
    in_path = _IN_PATH.search(parts.path)
    return named or (in_path[1] if in_path else bare)


def parts_asked(question: IncidentQuestion) -> tuple[str, ...]:
    """The parts of an answer that a question asks for."""
    return tuple(part for part in PARTS if part != "tag" or question.tags)


def judged(lesson: SeatLesson, given: answers.Answer, ask: Ask, at_unix_nano: int) -> Judged:
    """An answer of a seat and which of its parts are right."""
    question = lesson.incident.question
    found = answers.judge(question, given, ask, {"began": lesson.began_unix_nano})
    answer = Answer(
        seat=lesson.seat,
        incident=lesson.incident.name,
        at_unix_nano=at_unix_nano,
        service=given.service[:_LONGEST],
        tag=given.tag[:_LONGEST],
        kind=given.kind[:_LONGEST],
        evidence=given.evidence[:_LONGEST],
        right=frozenset(part for part in parts_asked(question) if getattr(found, part)),
        complete=found.right,
    )
    return Judged(answer, found.problems)


def wait_s(earlier: tuple[Answer, ...], now_unix_nano: int) -> int:
    """How many whole seconds a seat must wait until its next answer is read; 0 where it need not."""
    recent = [each.at_unix_nano for each in earlier if 0 <= now_unix_nano - each.at_unix_nano < _MINUTE_NS]
    if len(recent) < MOST_A_MINUTE:
        return 0
    return -((now_unix_nano - min(recent[-MOST_A_MINUTE:]) - _MINUTE_NS) // 10**9)


def is_answered(lesson: SeatLesson) -> bool:
    """Whether the seat gave a complete answer."""
    return any(answer.complete for answer in lesson.answers)


def explanation_is_open(lesson: SeatLesson) -> bool:
    """Whether the seat may read the explanation."""
    if lesson.locked:
        return False
    led = (lesson.incident.steps[-1].name, MarkKind.JUMPED) in lesson.marks
    return is_answered(lesson) or led or (EXPLANATION, MarkKind.MEANING) in lesson.marks
