"""The seats of the class as they are now, with what one application keeps between two looks at them."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence

from flask import Flask, current_app

import incidents
from classroom import ClassError, ClassStore
from incidents import Incident
from observer.lookup.class_seats import ClassSeat, class_seats, read_source
from observer.lookup.class_telemetry import ClassTelemetry
from observer.lookup.lab_status import lab_of
from observer.lookup.running_lab import usable_incidents
from observer.lookup.students import is_student
from observer.request.errors import Problem
from observer.settings import Settings
from store.api import Reader, StoreError

_EXTENSION = "class-now"
_MOST_VISITS = 1_000
_MOVED_WITHIN_NS = 120 * 10**9
"""A seat of which nothing arrived for longer is not followed: what there is of it was marked."""
_FOLLOWED_FOR_S = 15.0
"""A desk that did not ask for longer is closed."""
_BETWEEN_SEATS_S = 0.1
_BETWEEN_ROUNDS_S = 0.5
_log = logging.getLogger(__name__)

Follow = Callable[[str], object]
"""Marks the steps of a seat whose telemetry is there."""


class SeatVisits:
    """When each seat last opened a page of the screens. Safe for several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._visits: dict[str, int] = {}

    def note(self, seat: str, now_unix_nano: int) -> None:
        """Note that a seat is here; where there are too many, the one seen longest ago is dropped."""
        with self._lock:
            self._visits.pop(seat, None)
            self._visits[seat] = now_unix_nano
            if len(self._visits) > _MOST_VISITS:
                del self._visits[next(iter(self._visits))]

    def by_seat(self) -> Mapping[str, int]:
        """The time of each seat's last visit."""
        with self._lock:
            return dict(self._visits)


class Follower:
    """While a desk looks, follows the seats of which something arrived, one after another, in one thread.

    A student who only shops looks at no screen, and nothing else would mark the steps whose data is there.
    Never within a request of the desk: an evaluation takes longer than a page may.
    """

    def __init__(self, app: Flask, follow: Follow) -> None:
        self._app = app
        self._follow = follow
        self._lock = threading.Lock()
        self._until_s = 0.0
        self._moving: tuple[str, ...] = ()
        self._thread: threading.Thread | None = None
        self._pause = threading.Event()

    def look(self, moving: Sequence[str]) -> None:
        """A desk looks: follow these seats for a while."""
        with self._lock:
            self._until_s = time.monotonic() + _FOLLOWED_FOR_S
            self._moving = tuple(moving)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="class", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            with self._lock:
                if time.monotonic() > self._until_s:
                    self._thread = None
                    return
                moving = self._moving
            for seat in moving:
                if not self.follow_once(seat):
                    with self._lock:
                        self._until_s = 0.0
                    break
                self._pause.wait(_BETWEEN_SEATS_S)
            self._pause.wait(_BETWEEN_ROUNDS_S)

    def follow_once(self, seat: str) -> bool:
        """Follow one seat now; False where that cannot be done: the next look of a desk tries again."""
        try:
            with self._app.test_request_context():
                self._follow(seat)
        except (ClassError, Problem, StoreError) as error:
            _log.info("the progress of %s could not be marked: %s", seat, error)
            return False
        return True


class ClassNow:
    """What is kept of the class in memory."""

    def __init__(self, app: Flask, order_route: str, follow: Follow) -> None:
        self.telemetry = ClassTelemetry(order_route)
        self.visits = SeatVisits()
        self.follower = Follower(app, follow)


def install(app: Flask, order_route: str, follow: Follow) -> None:
    """Give an application its memory of the class; `follow` marks the steps that a seat reached."""
    app.extensions[_EXTENSION] = ClassNow(app, order_route, follow)


def class_now() -> ClassNow:
    """That of the current application."""
    found: ClassNow = current_app.extensions[_EXTENSION]
    return found


def usable_incident(name: str) -> Incident | None:
    """The incident of this name; None where there is none, or its file is malformed."""
    return usable_incidents()[0].get(name)


def class_incident(store: ClassStore | None, settings: Settings) -> str:
    """The incident of everybody who has none of their own. Raises ClassError."""
    kept = store.facts().incident if store else ""
    return kept or lab_of(settings).incident or incidents.DEFAULT


def seats_now(
    store: ClassStore | None, reader: Reader, settings: Settings, now_unix_nano: int
) -> tuple[ClassSeat, ...]:
    """Every seat, those that need help first: of the roster of a class, else those that were seen.

    `store` is the file of the class, None where nothing is kept. Raises ClassError, StoreError.
    """
    kept = class_now()
    found = kept.telemetry.of_seats(reader, now_unix_nano)
    roster = store.seats() if store and settings.class_mode else None
    source = read_source(store, roster, class_incident(store, settings), found, kept.visits.by_seat())
    seats = class_seats(source, usable_incidents()[0], lambda seat: is_student(seat, None), now_unix_nano)
    moved = [
        seat.seat
        for seat in seats
        if seat.seat in found and now_unix_nano - found[seat.seat].last_seen_unix_nano < _MOVED_WITHIN_NS
    ]
    if store and moved:
        kept.follower.look(moved)
    return seats
