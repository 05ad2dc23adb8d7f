"""The class's file: the roster, faults, progress, messages, and several writers at once."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from classroom import ALL_SEATS, MOST_SEATS, Answer, ClassError, ClassStore, Mark, MarkKind, RosterError
from runtime import seats


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "class.sqlite3"


@pytest.fixture
def store(file: Path) -> Iterator[ClassStore]:
    store = ClassStore(file)
    yield store
    store.close()


def test_codes_are_made_once_and_survive_a_restart(store: ClassStore, file: Path) -> None:
    first = store.facts()
    again = ClassStore(file)
    assert again.facts() == first
    again.close()
    assert len(first.join_code) == 4
    assert len(first.passcode) == 10


def test_only_the_owner_may_read_the_file(store: ClassStore, file: Path) -> None:
    """It holds the passcode."""
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_people_of_one_name_get_two_seats_and_enrolling_again_adds_nobody(store: ClassStore) -> None:
    names = ("Ana", "Ana", "Øyvind Næss", "李雷")
    slugs = [seat.slug for seat in store.enrol(names)]
    assert slugs == ["ana", "ana-2", "øyvind-næss", "李雷"]
    assert [seat.slug for seat in store.enrol(names)] == slugs
    assert [seat.slug for seat in store.enrol((*names, "Ana"))] == [*slugs, "ana-3"]


def test_a_late_joiner_takes_a_free_seat_once(store: ClassStore) -> None:
    store.enrol(("Seat 01", "Seat 02"))
    store.take("seat-01", 5)
    late = store.take_free(7)
    assert late is not None
    assert (late.slug, late.taken_unix_nano) == ("seat-02", 7)
    assert store.take_free(8) is None
    code = late.code
    assert store.seat_of_code(code) == late
    store.free("seat-02")
    assert store.seat_of_code(code) is None
    assert store.take_free(9) is not None


def test_a_seat_with_a_persons_name_is_given_by_nobody_elses_code(store: ClassStore) -> None:
    """Not the next one in order, not one that was freed, not the instructor's."""
    store.enrol(("Anna", "Seat 01", "The Instructor"))
    store.free("anna")
    given = store.take_free(1)
    assert given is not None
    assert given.slug == "seat-01"
    assert store.take_free(2) is None


def test_a_late_comer_gets_a_seat_of_their_own_name(store: ClassStore) -> None:
    store.enrol(("Anna", "李雷"))
    late = store.take_late("  Zoë \t Ada ", 7)
    assert (late.slug, late.name, late.taken_unix_nano) == ("zoë-ada", "Zoë Ada", 7)
    assert store.seat_of_code(late.code) == late
    store.give_back(late.slug)
    assert [seat.slug for seat in store.seats()] == ["anna", "李雷"]
    assert store.take_late("Zoë Ada", 8).slug == "zoë-ada"


@pytest.mark.parametrize(
    "name",
    [
        "Tom O'Neil",
        "tom oneil",
        " TOM  O\u2019NEIL ",
        "Tom\u00a0O'Neil",
        "\uff34om O'Neil",
        "Tom-O-Neil",
        "tom o neil!",
    ],
)
def test_a_name_that_is_on_the_roster_is_refused_however_it_is_spelt(store: ClassStore, name: str) -> None:
    store.enrol(("Tom O'Neil",))
    with pytest.raises(RosterError) as refused:
        store.take_late(name, 1)
    assert "use the code on your strip" in refused.value.remedy.lower()
    assert len(store.seats()) == 1


@pytest.mark.parametrize("name", ["", " ", "x" * 81, "a\u200bb", "Seat 07", "seat-7", "SEAT", "#Anna"])
def test_what_is_no_name_of_a_person_gives_no_seat(store: ClassStore, name: str) -> None:
    store.enrol(("Anna",))
    with pytest.raises(RosterError):
        store.take_late(name, 1)


def test_a_full_class_takes_no_late_comer(store: ClassStore) -> None:
    store.enrol([f"Person {number}" for number in range(MOST_SEATS)])
    with pytest.raises(RosterError, match="300 seats"):
        store.take_late("Late", 1)


def test_a_seat_has_the_incident_of_all_until_it_gets_one_of_its_own(store: ClassStore) -> None:
    store.begin_incident("invalid-token", 10)
    assert store.fault("ana").incident == "invalid-token"
    store.give_incident(["ana"], "slow-provider", 20)
    store.repair(["ana"], ["faster"], 25)
    store.repair(["ana"], ["faster"], 30)
    fault = store.fault("ana")
    assert (fault.incident, fault.began_unix_nano, fault.repaired) == ("slow-provider", 20, {"faster": 25})
    assert store.fault("ben").incident == "invalid-token"
    assert [each.seat for each in store.faults()] == ["ana"]
    store.begin_incident("none", 40)
    assert store.faults() == ()
    assert store.fault("ana").began_unix_nano == 40


def test_a_reset_forgets_what_the_seat_did_and_begins_anew(store: ClassStore) -> None:
    store.begin_incident("invalid-token", 10)
    store.repair(["ana", "ben"], ["roll-back"], 11)
    store.mark(Mark("ana", "invalid-token", "buy", MarkKind.OPENED, 12))
    store.answer(Answer("ana", "invalid-token", 13, "x", "", "", "", frozenset({"service"}), complete=False))
    store.reset(["ana"], 20)
    assert store.fault("ana").repaired == {}
    assert store.fault("ana").began_unix_nano == 20
    assert store.marks("ana") == ()
    assert store.answers("ana") == ()
    assert store.fault("ben").repaired == {"roll-back": 11}


def test_the_first_mark_counts(store: ClassStore) -> None:
    assert store.mark(Mark("ana", "i", "buy", MarkKind.HINT, 5))
    assert not store.mark(Mark("ana", "i", "buy", MarkKind.HINT, 9))
    assert [mark.at_unix_nano for mark in store.marks()] == [5]


def test_a_mark_from_before_the_incident_began_again_gives_way(store: ClassStore) -> None:
    store.begin_incident("i", 10)
    store.mark(Mark("ana", "i", "buy", MarkKind.OPENED, 15))
    store.begin_incident("i", 20)

    assert store.mark(Mark("ana", "i", "buy", MarkKind.OPENED, 25))
    assert not store.mark(Mark("ana", "i", "buy", MarkKind.OPENED, 30))
    assert [mark.at_unix_nano for mark in store.marks()] == [25]


def test_the_first_answers_of_a_seat_are_kept_however_many_follow(store: ClassStore) -> None:
    """The first wrong turn is what the instructor looks for."""
    for number in range(230):
        store.answer(Answer("ana", "i", number, f"s{number}", "", "", "", frozenset(), complete=False))
    kept = store.answers("ana")
    assert len(kept) == 200
    assert (kept[0].service, kept[-1].service) == ("s0", "s229")


def test_a_message_reaches_its_seat_or_all(store: ClassStore) -> None:
    store.send((ALL_SEATS,), "Five minutes left", 1)
    store.send(("ana",), "Look at the version", 2)
    for_ana, for_ben = store.newest_message("ana"), store.newest_message("ben")
    assert for_ana is not None
    assert for_ana.text == "Look at the version"
    assert for_ben is not None
    assert for_ben.text == "Five minutes left"


def test_writers_in_several_connections_do_not_lose_a_mark(file: Path) -> None:
    """The observer and the control process write at the same time."""
    stores = [ClassStore(file) for _ in range(4)]
    threads = [
        threading.Thread(
            target=lambda store=store, n=n: [
                store.mark(Mark(f"seat-{n}", "i", f"step-{step}", MarkKind.OPENED, step))
                for step in range(50)
            ]
        )
        for n, store in enumerate(stores)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(stores[0].marks()) == 200
    for store in stores:
        store.close()


@pytest.mark.parametrize("content", [b"not a database" * 100, b""])
def test_a_foreign_file_is_refused_with_a_remedy_and_an_empty_one_is_used(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    if not content:
        ClassStore(file).close()
        return
    with pytest.raises(ClassError) as caught:
        ClassStore(file)
    assert "lab reset" in caught.value.remedy


def test_a_file_of_another_application_is_left_alone(file: Path) -> None:
    foreign = sqlite3.connect(file)
    foreign.execute("CREATE TABLE theirs (x)")
    foreign.commit()
    foreign.close()
    with pytest.raises(ClassError, match="not a class file"):
        ClassStore(file)


def test_a_file_of_another_version_or_a_damaged_one_is_set_aside(store: ClassStore, file: Path) -> None:
    """The lab starts with a new class; the former file keeps its name with a date."""
    store.enrol(("Ana", "Ben"))
    store.close()
    other = sqlite3.connect(file)
    other.execute("PRAGMA user_version = 99")
    other.close()
    again = ClassStore(file)
    assert not again.seats()
    again.close()
    body = file.read_bytes()
    file.write_bytes(body[:100] + b"\xff" * (len(body) - 100))
    for suffix in ("-wal", "-shm"):
        Path(f"{file}{suffix}").unlink(missing_ok=True)
    third = ClassStore(file)
    assert not third.seats()
    third.close()
    kept = [
        each for each in file.parent.glob(f"{file.name}.unusable-*") if each.name[-4:] not in ("-wal", "-shm")
    ]
    assert len(kept) == 2


def test_a_freed_seat_is_of_another_generation(store: ClassStore, file: Path) -> None:
    """Others are not, and it survives a restart."""
    store.enrol(("Ana", "Ben"))
    for _ in range(2):
        store.free("ana")
    store.free("nobody")
    again = ClassStore(file)
    assert [seat.generation for seat in again.seats()] == [2, 0]
    assert (again.generation("ana"), again.generation("nobody")) == (2, 0)
    assert again.generations() == {"ana": 2}
    again.close()


def test_a_file_of_before_there_were_generations_goes_on(file: Path) -> None:
    """A class that was prepared the night before keeps its links."""
    old = ClassStore(file)
    old.enrol(("Ana",))
    old.close()
    with sqlite3.connect(file) as connection:
        connection.execute("DROP TABLE generations")
    again = ClassStore(file)
    assert [seat.generation for seat in again.seats()] == [0]
    again.free("ana")
    assert again.generations() == {"ana": 1}
    again.close()


def test_joining_is_open_until_it_is_closed(store: ClassStore) -> None:
    assert store.facts().joining_open
    store.set_joining(False)
    assert not store.facts().joining_open
    store.set_joining(True)
    assert store.facts().joining_open


@pytest.mark.parametrize("name", ["Lab Probe", "verify me"])
def test_a_person_who_is_called_like_a_proof_is_a_person(store: ClassStore, name: str) -> None:
    """The lab's own seats count as nobody."""
    [seat] = store.enrol((name,))
    assert not seats.is_of_the_lab(seat.slug)
