"""The seats of the class as they are now, with what one application keeps between two looks at them."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from flask import Flask, current_app

import incidents
from classroom import ClassStore, Seat
from incidents import Incident
from observer.lookup.class_seats import ClassSeat, class_seats, read_source
from observer.lookup.class_telemetry import ClassTelemetry
from observer.lookup.students import is_student
from store.api import Reader

_EXTENSION = "class-now"
_MOST_VISITS = 1_000


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


class ClassNow:
    """What is kept of the class in memory."""

    def __init__(self, order_operation: str) -> None:
        self.telemetry = ClassTelemetry(order_operation)
        self.visits = SeatVisits()


def install(app: Flask, order_operation: str) -> None:
    """Give an application its memory of the class."""
    app.extensions[_EXTENSION] = ClassNow(order_operation)


def class_now() -> ClassNow:
    """That of the current application."""
    found: ClassNow = current_app.extensions[_EXTENSION]
    return found


def usable_incident(name: str) -> Incident | None:
    """The incident of this name; None where there is none, or its file is malformed."""
    return incidents.load_all()[0].get(name)


def seats_now(
    store: ClassStore | None,
    reader: Reader,
    *,
    roster: Sequence[Seat] | None,
    incident: str,
    now_unix_nano: int,
) -> tuple[ClassSeat, ...]:
    """Every seat, those that need help first; of a `roster` if there is one, else those that were seen.

    `incident` runs where the class's file names none. Raises ClassError, StoreError.
    """
    kept = class_now()
    found = kept.telemetry.of_seats(reader, now_unix_nano)
    source = read_source(store, roster, incident, found, kept.visits.by_seat())
    return class_seats(source, usable_incident, lambda seat: is_student(seat, None), now_unix_nano)
