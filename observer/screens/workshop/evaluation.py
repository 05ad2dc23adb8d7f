"""Evaluates the lesson of a seat against the telemetry, and keeps what was found of it.

The ids that were found stay known for as long as the process lives: they tell whether a page that a seat
opens is one that its lesson leads to.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping
from typing import Any

from cachetools import LRUCache, TTLCache
from flask import Flask, current_app, request

from classroom import ClassError, Mark, MarkKind
from incidents.checks import Ask, NoAnswer
from incidents.model import Source
from observer.lookup.lab_status import lab_of
from observer.lookup.progress_file import progress_file
from observer.request import context
from observer.screens.workshop.progress import Progress, progress
from observer.screens.workshop.seat_lesson import SeatLesson

_EXTENSION = "lesson-evaluations"
_MOST_SEATS = 400
_MOST_IDS = 40
"""Ids kept of each name: a seat that orders for an hour has more, and opens the newest."""
_AGAIN_AFTER_S = 3.0
"""An evaluation asks some twenty questions: pages that are opened one after the other share one."""
Key = tuple[str, str, int]


class Evaluations:
    """The ids that each seat's lesson found, and who was evaluated a moment ago. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: LRUCache[Key, dict[str, list[str]]] = LRUCache(_MOST_SEATS)
        self._recent: TTLCache[Key, bool] = TTLCache(_MOST_SEATS, _AGAIN_AFTER_S, timer=time.monotonic)

    def note(self, lesson: SeatLesson, found: Progress) -> None:
        """Keep the ids of an evaluation."""
        with self._lock:
            kept = self._ids.setdefault(_key(lesson), {})
            for name, values in found.ids.items():
                known = kept.setdefault(name, [])
                known += sorted(values.difference(known))
                del known[:-_MOST_IDS]
            self._recent[_key(lesson)] = True

    def ids(self, lesson: SeatLesson) -> Mapping[str, tuple[str, ...]]:
        """What was found so far, by name."""
        with self._lock:
            return {name: tuple(values) for name, values in self._ids.get(_key(lesson), {}).items()}

    def is_recent(self, lesson: SeatLesson) -> bool:
        """Whether the seat was evaluated within the last seconds."""
        with self._lock:
            return _key(lesson) in self._recent


def install(app: Flask) -> None:
    """Attach the evaluations to an application."""
    app.extensions[_EXTENSION] = Evaluations()


def evaluations() -> Evaluations:
    """Those of the application that handles the current request."""
    found: Evaluations = current_app.extensions[_EXTENSION]
    return found


def evaluate(lesson: SeatLesson) -> Progress:
    """The lesson against the seat's telemetry; keeps its ids and marks the steps whose telemetry is there."""
    lab = lab_of(context.settings(), request.headers.get("Host", ""))
    given: dict[str, str | int] = {"shop": lab.shop, "began": lesson.began_unix_nano}
    if lesson.seat:
        given["seat"] = lesson.seat
    found = progress(lesson.incident, given, api_client() if lesson.seat else None, lesson.repaired)
    if lesson.seat:
        evaluations().note(lesson, found)
        _mark_arrivals(lesson, found)
    return found


def _mark_arrivals(lesson: SeatLesson, found: Progress) -> None:
    store = progress_file()
    if not store or not lesson.kept or not lesson.is_running:
        return
    for view in found.steps:
        if view.state == "arrived" and (view.step.name, MarkKind.ARRIVED) not in lesson.marks:
            now = context.now_unix_nano()
            try:
                store.mark(Mark(lesson.seat, lesson.incident.name, view.step.name, MarkKind.ARRIVED, now))
            except ClassError:
                # The page shows what is there all the same; the next evaluation marks it.
                return


def api_client() -> Ask:
    """A function that requests an address of this application's own JSON API, each address once."""
    client = current_app.test_client()
    answers: dict[str, Any] = {}

    def ask(source: Source, path: str) -> Any:
        if source is not Source.API:
            raise NoAnswer("only the visitor can see it")
        if path not in answers:
            answer = client.get(path)
            answers[path] = json.loads(answer.data) if answer.status_code == 200 else answer.status_code
        found = answers[path]
        if isinstance(found, int):
            raise NoAnswer("nothing of it has arrived yet" if found == 404 else f"the API answered {found}")
        return found

    return ask


def _key(lesson: SeatLesson) -> Key:
    return lesson.seat, lesson.incident.name, lesson.began_unix_nano
