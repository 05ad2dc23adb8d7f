"""Every seat of a class, from what its file and telemetry have."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

import incidents
from classroom import Answer, ClassStore, Mark, MarkKind
from observer.lookup.class_seats import ClassSeat, class_seats, read_source
from observer.lookup.class_telemetry import Order, SeatTelemetry

NAME = "invalid-token"
LESSON = incidents.load(NAME)
SHOP_STEP, SECOND, THIRD = (step.name for step in LESSON.steps[:3])
MIN = 60 * 10**9
NOW = 10**18
BEGAN = NOW - 30 * MIN


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ClassStore]:
    store = ClassStore(tmp_path / "class.sqlite3")
    store.enrol(("Ana", "Ben"))
    store.begin_incident(NAME, BEGAN)
    yield store
    store.close()


def seats(
    store: ClassStore | None,
    telemetry: Mapping[str, SeatTelemetry] | None = None,
    visits: Mapping[str, int] | None = None,
    *,
    roster: bool = True,
) -> dict[str, ClassSeat]:
    """The seats by name."""
    people = store.seats() if roster and store else None
    source = read_source(store, people, NAME, telemetry or {}, visits or {})
    found = class_seats(source, incidents.load_all()[0], lambda seat: seat != "lab-probe", NOW)
    return {seat.seat: seat for seat in found}


def mark(store: ClassStore, step: str, kind: MarkKind, ago_min: float, seat: str = "ana") -> None:
    store.mark(Mark(seat, NAME, step, kind, NOW - int(ago_min * MIN)))


def answer(store: ClassStore, ago_min: float, *right: str, complete: bool = False) -> None:
    given = {"service": "checkoutservice", "tag": "version", "kind": "slowness", "evidence": ""}
    store.answer(
        Answer("ana", NAME, NOW - int(ago_min * MIN), **given, right=frozenset(right), complete=complete)
    )


def test_a_seat_on_the_roster_is_there_before_anything_of_it_is(store: ClassStore) -> None:
    found = seats(store)["ben"]

    assert (found.state, found.name, found.step, found.last_seen_unix_nano) == ("no-show", "Ben", None, None)
    assert (found.orders, found.hints, found.answers, found.repaired) == (0, 0, 0, ())


def test_a_link_that_was_opened_makes_the_seat_present(store: ClassStore) -> None:
    store.take("ben", NOW - MIN)

    assert (seats(store)["ben"].state, seats(store)["ben"].last_seen_unix_nano) == ("working", NOW - MIN)


def test_a_step_of_the_screens_is_reached_when_its_page_was_opened(store: ClassStore) -> None:
    """One order brings the data of most steps: that alone reaches none of them."""
    for step in (each for each in LESSON.steps if not each.screen.startswith("{shop}")):
        mark(store, step.name, MarkKind.ARRIVED, 9)
    assert seats(store)["ana"].step is None

    mark(store, THIRD, MarkKind.OPENED, 4)
    mark(store, SECOND, MarkKind.OPENED, 3)
    found = seats(store)["ana"]
    assert found.step is not None
    assert (found.step.name, found.step_number, found.step_since_unix_nano) == (THIRD, 3, NOW - 4 * MIN)
    assert found.steps == len(LESSON.steps)


def test_the_step_in_the_shop_is_reached_with_the_first_order(store: ClassStore) -> None:
    orders = tuple(Order(NOW - ago * MIN, failed) for ago, failed in ((40, True), (5, True), (2, False)))
    found = seats(store, {"ana": SeatTelemetry(NOW - MIN, orders)})["ana"]

    assert found.step is not None
    assert (found.step.name, found.step_since_unix_nano) == (SHOP_STEP, NOW - 5 * MIN)
    assert (found.orders, found.orders_failed) == (2, 1), "what was ordered before the incident is left out"


def test_what_was_done_under_another_incident_or_before_a_reset_does_not_count(store: ClassStore) -> None:
    mark(store, SECOND, MarkKind.OPENED, 40)
    store.mark(Mark("ana", "price-typo", SECOND, MarkKind.OPENED, NOW - MIN))
    answer(store, 40)
    found = seats(store)["ana"]
    assert (found.step, found.answers) == (None, 0)

    mark(store, THIRD, MarkKind.OPENED, 5)
    store.reset(["ana"], NOW - 2 * MIN)
    assert seats(store)["ana"].step is None


def test_hints_are_what_helps_before_a_step_and_not_its_meaning(store: ClassStore) -> None:
    mark(store, SECOND, MarkKind.HINT, 5)
    mark(store, SECOND, MarkKind.EXPECTED, 4)
    mark(store, SECOND, MarkKind.MEANING, 3)

    assert seats(store)["ana"].hints == 2


def test_the_first_wrong_turn_is_the_first_answer_that_was_wrong(store: ClassStore) -> None:
    answer(store, 9, "tag")
    answer(store, 5, "service", "tag")
    found = seats(store)["ana"]
    assert (found.answers, found.wrong_turn, found.state) == (
        2,
        "service checkoutservice, kind slowness",
        "working",
    )

    answer(store, 1, "service", "tag", "kind", "evidence", complete=True)
    assert (seats(store)["ana"].state, seats(store)["ana"].answers) == ("done", 3)


def test_repairs_in_force_and_an_incident_of_ones_own_are_the_seats(store: ClassStore) -> None:
    store.repair(["ana"], ["rollback"], NOW - MIN)
    store.give_incident(["ben"], "price-typo", NOW - MIN)
    found = seats(store)

    assert found["ana"].repaired == ("rollback",)
    assert (found["ben"].incident, found["ben"].steps) == (
        "price-typo",
        len(incidents.load("price-typo").steps),
    )


def test_the_last_sign_of_life_is_the_newest_of_shop_screens_and_answers(store: ClassStore) -> None:
    telemetry = {"ana": SeatTelemetry(NOW - 5 * MIN)}
    mark(store, SECOND, MarkKind.ARRIVED, 1)
    assert seats(store, telemetry)["ana"].last_seen_unix_nano == NOW - 5 * MIN

    answer(store, 4)
    assert seats(store, telemetry)["ana"].last_seen_unix_nano == NOW - 4 * MIN
    assert seats(store, telemetry, {"ana": NOW - MIN})["ana"].last_seen_unix_nano == NOW - MIN


def test_who_is_not_on_the_roster_is_not_in_the_class(store: ClassStore) -> None:
    """Beacons may name anybody."""
    assert set(seats(store, {"ghost": SeatTelemetry(NOW), "lab-probe": SeatTelemetry(NOW)})) == {"ana", "ben"}


def test_an_open_lab_has_the_seats_that_were_seen(store: ClassStore) -> None:
    """The lab's own visits are none of them."""
    mark(store, SECOND, MarkKind.OPENED, 5, seat="eve")
    telemetry = {"dan": SeatTelemetry(NOW), "lab-probe": SeatTelemetry(NOW)}

    assert set(seats(store, telemetry, roster=False)) == {"dan", "eve"}


def test_without_a_file_of_the_class_telemetry_alone_tells() -> None:
    found = seats(None, {"dan": SeatTelemetry(NOW, (Order(NOW, failed=True),))})

    assert (found["dan"].incident, found["dan"].orders_failed) == (NAME, 1)


def test_a_malformed_incident_leaves_the_seat_without_steps(store: ClassStore) -> None:
    store.begin_incident("gone", BEGAN)

    assert (seats(store)["ana"].incident, seats(store)["ana"].steps) == ("gone", 0)


def test_a_jump_is_help_from_which_everything_counts(store: ClassStore) -> None:
    """Where the seat was led to stays until it goes on; answers and orders before the jump are no trouble."""
    store.take("ana", NOW - 20 * MIN)
    for _ in range(3):
        answer(store, 9)
    assert seats(store)["ana"].state == "stuck"
    mark(store, LESSON.steps[5].name, MarkKind.JUMPED, 5)
    found = seats(store)["ana"]
    assert (found.state, found.led_number, found.led_unix_nano) == ("working", 6, NOW - 5 * MIN)
    assert found.answers == 3

    mark(store, LESSON.steps[6].name, MarkKind.OPENED, 1)
    found = seats(store)["ana"]
    assert (found.led_number, found.step_number) == (0, 7)


def test_answers_to_incidents_of_before_are_counted_apart(store: ClassStore) -> None:
    answer(store, 9)
    store.begin_incident("price-typo", NOW - 5 * MIN)
    found = seats(store)["ana"]
    assert (found.answers, found.answers_earlier) == (0, 1)
