"""Evaluates the lesson of a seat against the telemetry, and keeps what was found of it.

An evaluation asks some ten questions of the JSON API. A page that is looked at asks again and again, so an
evaluation is used until something of the seat arrives. The ids that were found stay known for as long as the
process lives: they tell whether a page that a seat opens is one that its lesson leads to.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from cachetools import LRUCache
from flask import Flask, current_app, request

from classroom import ClassError, Mark, MarkKind
from observer.lookup.api_client import api_client
from observer.lookup.lab_status import lab_of
from observer.request import context
from observer.screens.workshop.progress import Progress, progress
from observer.screens.workshop.seat_lesson import SeatLesson
from signals.attributes import SEAT
from store.api import SessionQuery, Window

_EXTENSION = "lesson-evaluations"
_MOST_SEATS = 400
_MOST_IDS = 40
"""Ids kept of each name: a seat that orders for an hour has more, and opens the newest."""
_SETTLED_AFTER_S = 6.0
"""A browser's events may arrive before the trace and the log lines that they lead to."""
_LONGEST_USE_S = 20.0
"""Some checks are of everybody's requests, whose arrival is not watched."""
_SESSIONS = 8
Key = tuple[str, str, int]
Fingerprint = tuple[object, ...]


@dataclass(slots=True)
class _Kept:
    found: Progress
    of: Fingerprint
    changed_s: float
    """Since when the seat's telemetry is as it was evaluated last."""
    evaluated_s: float


class Evaluations:
    """The newest evaluation of each seat's lesson, and the ids that were found. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: LRUCache[tuple[Key, str], _Kept] = LRUCache(_MOST_SEATS)
        self._ids: LRUCache[Key, dict[str, list[str]]] = LRUCache(_MOST_SEATS)

    def usable(
        self, lesson: SeatLesson, shop: str, fingerprint: Fingerprint, now_s: float
    ) -> Progress | None:
        """The newest evaluation with links to this shop, if nothing of the seat has arrived since."""
        with self._lock:
            kept = self._kept.get((_key(lesson), shop))
        if kept is None or kept.of != fingerprint or now_s - kept.evaluated_s > _LONGEST_USE_S:
            return None
        return kept.found if kept.evaluated_s - kept.changed_s >= _SETTLED_AFTER_S else None

    def keep(
        self, lesson: SeatLesson, shop: str, found: Progress, fingerprint: Fingerprint, now_s: float
    ) -> None:
        """Keep an evaluation and its ids."""
        with self._lock:
            before = self._kept.get((_key(lesson), shop))
            changed_s = before.changed_s if before and before.of == fingerprint else now_s
            self._kept[_key(lesson), shop] = _Kept(found, fingerprint, changed_s, now_s)
            kept = self._ids.setdefault(_key(lesson), {})
            for name, values in found.ids.items():
                known = kept.setdefault(name, [])
                known += sorted(values.difference(known))
                del known[:-_MOST_IDS]

    def ids(self, lesson: SeatLesson) -> Mapping[str, tuple[str, ...]]:
        """What was found so far, by name."""
        with self._lock:
            return {name: tuple(values) for name, values in self._ids.get(_key(lesson), {}).items()}


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
    if not lesson.seat:
        return progress(lesson.incident, given, None)
    now_s = time.monotonic()
    fingerprint = _fingerprint(lesson)
    found = evaluations().usable(lesson, lab.shop, fingerprint, now_s)
    if found is None:
        given["seat"] = lesson.seat
        found = progress(lesson.incident, given, api_client(), lesson.repaired)
        evaluations().keep(lesson, lab.shop, found, fingerprint, now_s)
    _mark_arrivals(lesson, found)
    return found


def _fingerprint(lesson: SeatLesson) -> Fingerprint:
    """What changes when something of the seat arrives, or when it repairs something."""
    window = replace(Window.ALL, from_unix_nano=lesson.began_unix_nano)
    query = SessionQuery(window, attributes={SEAT: lesson.seat}, limit=_SESSIONS)
    sessions = tuple(
        (each.session_id, each.events, each.last_seen_unix_nano)
        for each in context.reader().find_sessions(query).items
    )
    return (tuple(sorted(lesson.repaired.items())), sessions)


def _mark_arrivals(lesson: SeatLesson, found: Progress) -> None:
    store = context.class_file()
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


def _key(lesson: SeatLesson) -> Key:
    return lesson.seat, lesson.incident.name, lesson.began_unix_nano
