"""Every seat of a class: how far it is, what it did, and whether it needs help.

Puts together what the class's file has (roster, marks, answers, repairs) and what telemetry has (orders, last
sign of life). Without a roster the seats are those that were seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from classroom import MOST_SEATS, Answer, ClassStore, Mark, MarkKind, Seat, SeatFault
from incidents.model import Incident, Step
from observer.lookup.class_telemetry import Order, SeatTelemetry
from observer.lookup.seat_states import Judgement, Pace, State, judge

_HELP = (MarkKind.HINT, MarkKind.EXPECTED)
"""What a student unfolds before the step is reached; its meaning is read afterwards."""
T = TypeVar("T", Mark, Answer)

_SHOP = "{shop}"
_NOT_BY_THE_SEAT = (MarkKind.ARRIVED, MarkKind.JUMPED, MarkKind.SHOWN)
"""Marks that say nothing of whether somebody sits there."""
_PARTS = ("service", "tag", "kind", "evidence")


@dataclass(frozen=True, slots=True)
class ClassSeat:
    """One seat. Marks, answers and orders count since its incident began."""

    seat: str
    name: str
    incident: str
    step: Step | None
    """The furthest step that it reached; None before the first.

    A step in the screens is reached when the seat opens its page, one in the shop when its data is there: a
    single order brings the data of most steps at once and says nothing of what was looked at.
    """
    step_number: int
    """Counted from 1; 0 before the first."""
    steps: int
    step_since_unix_nano: int | None
    last_seen_unix_nano: int | None
    orders: int
    orders_failed: int
    hints: int
    answers: int
    wrong_turn: str
    """The first answer that was wrong, with the parts that were; empty while there is none."""
    repaired: tuple[str, ...]
    """The repairs in force."""
    state: State
    reason: str
    """Why it needs help, for people; empty where it does not."""
    led_number: int = 0
    """The step to which the instructor led it, where it reached none since; counted from 1, else 0."""
    led_unix_nano: int | None = None
    answers_earlier: int = 0
    """Answers to incidents that it had before."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the seats are computed from. `marks` and `answers` are those of all seats, by seat."""

    roster: Sequence[Seat] | None
    """None in open mode: the seats are then those that were seen."""
    everybody: SeatFault
    """The incident of the seats that have none of their own."""
    faults: Mapping[str, SeatFault]
    marks: Mapping[str, Sequence[Mark]]
    answers: Mapping[str, Sequence[Answer]]
    telemetry: Mapping[str, SeatTelemetry]
    visits: Mapping[str, int]
    """When each seat last used the screens."""

    def fault(self, seat: str) -> SeatFault:
        """The incident of one seat."""
        return self.faults.get(seat, self.everybody)


def read_source(
    store: ClassStore | None,
    roster: Sequence[Seat] | None,
    incident: str,
    telemetry: Mapping[str, SeatTelemetry],
    visits: Mapping[str, int],
) -> Source:
    """What the class's file has now; `incident` runs where the file names none. Raises ClassError."""
    if store is None:
        return Source(roster, SeatFault("", incident, 0), {}, {}, {}, telemetry, visits)
    facts = store.facts()
    return Source(
        roster=roster,
        everybody=SeatFault("", facts.incident or incident, facts.incident_since_unix_nano),
        faults={fault.seat: fault for fault in store.faults()},
        marks=_by_seat(store.marks()),
        answers=_by_seat(store.answers()),
        telemetry=telemetry,
        visits=visits,
    )


def class_seats(
    source: Source, lessons: Mapping[str, Incident], is_student: Callable[[str], bool], now: int
) -> tuple[ClassSeat, ...]:
    """The seats, those that need help first. `lessons` are the incidents that can be used, by name."""
    people = (
        [Seat(seat, seat, "", 0, None) for seat in _seen(source) if is_student(seat)]
        if source.roster is None
        else source.roster
    )
    drafts = [_Draft(source, lessons, person) for person in people]
    judged = zip(drafts, judge([draft.pace() for draft in drafts], now), strict=True)
    ranked = sorted(judged, key=lambda pair: (pair[1].rank, pair[0].seat))
    return tuple(draft.row(judgement) for draft, judgement in ranked)


def _seen(source: Source) -> Sequence[str]:
    """The seats that were seen, the newest, by name."""
    seen = {seat: found.last_seen_unix_nano for seat, found in source.telemetry.items()}
    for marked, marks in source.marks.items():
        seen.setdefault(marked, marks[-1].at_unix_nano)
    return sorted(sorted(seen, key=seen.__getitem__, reverse=True)[:MOST_SEATS])


class _Draft:
    """What is known of one seat before the class was judged."""

    def __init__(self, source: Source, lessons: Mapping[str, Incident], person: Seat) -> None:
        seat = self.seat = person.slug
        self._name, self._joined = person.name, person.taken_unix_nano
        self._fault = source.fault(seat)
        began, incident = self._fault.began_unix_nano, self._fault.incident
        self._marks = [
            mark
            for mark in source.marks.get(seat, ())
            if mark.incident == incident and mark.at_unix_nano >= began
        ]
        self._answers = [
            answer
            for answer in source.answers.get(seat, ())
            if answer.incident == incident and answer.at_unix_nano >= began
        ]
        found = source.telemetry.get(seat)
        self._orders = found.orders_since(began) if found else ()
        lesson = lessons.get(incident)
        self._steps = lesson.steps if lesson else ()
        self._step_number, self._step_since = _furthest(self._steps, self._marks, self._orders)
        self._led_number, self._led_since = _led(self._steps, self._marks, self._step_since)
        self._answers_earlier = len(source.answers.get(seat, ())) - len(self._answers)
        times = [found.last_seen_unix_nano] if found else []
        times += [mark.at_unix_nano for mark in self._marks if mark.kind not in _NOT_BY_THE_SEAT]
        times += [answer.at_unix_nano for answer in self._answers[-1:]]
        times += [source.visits[seat]] if seat in source.visits else []
        self._seen = max(times, default=self._joined)

    def pace(self) -> Pace:
        """What is judged."""
        since = self._led_since or 0
        return Pace(
            began_unix_nano=self._fault.began_unix_nano,
            joined_unix_nano=self._joined,
            seen_unix_nano=self._seen,
            step_number=self._step_number,
            step_since_unix_nano=self._step_since,
            wrong_answers=sum(
                not answer.complete and answer.at_unix_nano >= since for answer in self._answers
            ),
            answered=any(answer.complete for answer in self._answers),
            orders_failed=sum(order.failed and order.at_unix_nano >= since for order in self._orders),
            led_unix_nano=self._led_since,
        )

    def row(self, judgement: Judgement) -> ClassSeat:
        """The seat with its state."""
        number = self._step_number
        return ClassSeat(
            seat=self.seat,
            name=self._name,
            incident=self._fault.incident,
            step=self._steps[number - 1] if number else None,
            step_number=number,
            steps=len(self._steps),
            step_since_unix_nano=self._step_since,
            last_seen_unix_nano=self._seen,
            orders=len(self._orders),
            orders_failed=sum(order.failed for order in self._orders),
            hints=sum(mark.kind in _HELP for mark in self._marks),
            answers=len(self._answers),
            wrong_turn=next((wrong_turn(each) for each in self._answers if not each.complete), ""),
            repaired=tuple(self._fault.repaired),
            state=judgement.state,
            reason=judgement.reason,
            led_number=self._led_number,
            led_unix_nano=self._led_since,
            answers_earlier=self._answers_earlier,
        )


def wrong_turn(answer: Answer) -> str:
    """The parts of an answer that were wrong: `service checkoutservice, kind slowness`."""
    parts = [
        f"{part} {given}" for part in _PARTS if (given := getattr(answer, part)) and part not in answer.right
    ]
    return ", ".join(parts) or "incomplete"


def _furthest(
    steps: Sequence[Step], marks: Sequence[Mark], orders: Sequence[Order]
) -> tuple[int, int | None]:
    """(number of the furthest step, since when); 0 and None before the first."""
    times = {(mark.step, mark.kind): mark.at_unix_nano for mark in marks}
    furthest: tuple[int, int | None] = 0, None
    for number, step in enumerate(steps, 1):
        in_shop = step.screen.startswith(_SHOP)
        at = times.get((step.name, MarkKind.ARRIVED if in_shop else MarkKind.OPENED))
        if in_shop and number == 1 and orders:
            # Of the visit that a lesson begins with, telemetry may prove no more than the order.
            at = min(orders[0].at_unix_nano, at or orders[0].at_unix_nano)
        if at is not None:
            furthest = number, at
    return furthest


def _led(steps: Sequence[Step], marks: Sequence[Mark], step_since: int | None) -> tuple[int, int | None]:
    """(number of the step to which the seat was led last, when); 0 and None where it went on since."""
    numbers = {step.name: number for number, step in enumerate(steps, 1)}
    jumps = [mark for mark in marks if mark.kind is MarkKind.JUMPED and mark.step in numbers]
    newest = max(jumps, key=lambda mark: mark.at_unix_nano, default=None)
    if newest is None or newest.at_unix_nano <= (step_since or 0):
        return 0, None
    return numbers[newest.step], newest.at_unix_nano


def _by_seat(found: Sequence[T]) -> Mapping[str, Sequence[T]]:
    grouped: dict[str, list[T]] = {}
    for each in found:
        grouped.setdefault(each.seat, []).append(each)
    return grouped
