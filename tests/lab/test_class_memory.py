"""What a class keeps over `down` and `up`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from classroom import Answer, ClassStore, Mark, MarkKind, schedule
from lab.commands import up
from lab.errors import UsageError
from lab.plan import planning
from lab.plan.options import Options
from lab.run import class_memory


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ClassStore]:
    store = ClassStore(tmp_path / "class.sqlite3")
    yield store
    store.close()


@pytest.fixture
def first(tmp_path: Path) -> Options:
    return Options(
        host="127.0.0.1",
        free_ports=True,
        data=tmp_path,
        class_mode=True,
        roster=("Ana",),
        incident="price-typo",
        given=("host", "incident"),
        observer_url="https://screens.example",
    )


def run(options: Options, store: ClassStore, folder: Path) -> Options:
    """What the launch does with the options of one `up`."""
    completed = class_memory.completed(options, store)
    built = planning.build(completed, folder, environment={})
    class_memory.begin(completed, store)
    class_memory.keep(completed, built, store)
    return completed


def test_a_class_goes_on_with_its_address_ports_and_incident(
    first: Options, store: ClassStore, tmp_path: Path
) -> None:
    """Every link that was given out stays valid."""
    run(first, store, tmp_path)
    store.repair(["ana"], ["x"], 7)
    again = run(Options(free_ports=True, data=tmp_path, class_mode=True), store, tmp_path)

    assert (again.host, again.incident) == ("127.0.0.1", "price-typo")
    assert again.observer_url == "https://screens.example"
    assert set(again.ports) == {"frontend:http", "observer:http"}
    third = run(Options(free_ports=True, data=tmp_path, class_mode=True), store, tmp_path)
    assert third.ports == again.ports
    assert store.fault("ana").repaired == {"x": 7}
    assert [seat.slug for seat in store.seats()] == ["ana"]


def test_what_is_given_again_counts(first: Options, store: ClassStore, tmp_path: Path) -> None:
    run(first, store, tmp_path)
    store.repair(["ana"], ["x"], 7)
    chosen = replace(first, incident="none", roster=("Ana", "Ben"))
    again = run(chosen, store, tmp_path)

    assert again.incident == "none"
    assert store.fault("ana").repaired == {}, "another incident begins anew"
    assert [seat.slug for seat in store.seats()] == ["ana", "ben"]


def with_roster(first: Options, *names: str, **more: bool) -> Options:
    return replace(first, roster=names, replace_roster=more.get("replace_roster", False))


def test_a_roster_is_the_whole_roster(first: Options, store: ClassStore) -> None:
    """Numbered seats that nobody used leave for a file of names; who is in both keeps seat and code."""
    class_memory.begin(with_roster(first, *(f"Seat {n:02}" for n in range(1, 34)), "Ben"), store)
    ben = store.seat("ben")
    notes = class_memory.begin(with_roster(first, "Ana", "Ben"), store)

    assert [seat.slug for seat in store.seats()] == ["ana", "ben"], "in the order of the file"
    found = store.seat("ben")
    assert ben
    assert found == replace(ben, position=2)
    [note] = notes
    assert note.startswith("2 seats; Seat 01, Seat 02, Seat 03, Seat 04, Seat 05 and 28 more left it")
    assert class_memory.begin(with_roster(first, "Ana", "Ben", "Cem"), store) == (), "none left"


@pytest.mark.parametrize("how", ["taken", "mark", "answer", "repair"])
def test_seats_in_use_do_not_leave_unasked(first: Options, store: ClassStore, how: str) -> None:
    """The refusal names them and the ways to go on, and nothing was changed."""
    class_memory.begin(with_roster(first, "Ana", "Ben", "Cem"), store)
    if how == "taken":
        store.take("ben", 5)
    elif how == "mark":
        store.mark(Mark("ben", "price-typo", "buy", MarkKind.OPENED, 5))
    elif how == "answer":
        store.answer(Answer("ben", "price-typo", 5, "s", "t", "k", "e", frozenset(), False))
    else:
        store.repair(["ben"], ["x"], 5)
    with pytest.raises(UsageError, match=r"^Ben is in use and not on this roster") as refused:
        class_memory.begin(with_roster(first, "Ana"), store)

    assert "--replace" in refused.value.remedy
    assert [seat.slug for seat in store.seats()] == ["ana", "ben", "cem"]


def test_what_was_done_at_a_seat_that_leaves_stays_kept(first: Options, store: ClassStore) -> None:
    """It is there again when the name comes back; links and codes of before are not."""
    class_memory.begin(with_roster(first, "Ana", "Ben"), store)
    store.take("ben", 5)
    mark = Mark("ben", "price-typo", "buy", MarkKind.OPENED, 2**62)
    store.mark(mark)
    before = store.seat("ben")
    class_memory.begin(with_roster(first, "Ana", replace_roster=True), store)
    assert [seat.slug for seat in store.seats()] == ["ana"]
    assert before
    assert store.seat_of_code(before.code) is None

    class_memory.begin(with_roster(first, "Ben", "Ana"), store)
    found = store.seat("ben")
    assert found
    assert (found.generation, found.taken_unix_nano, found.position) == (1, None, 1)
    assert store.marks("ben") == (mark,)


def test_replacing_needs_a_roster() -> None:
    with pytest.raises(UsageError, match="--replace needs a roster"):
        up.options_of(cli_arguments("--class", "--replace"))


def cli_arguments(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    up.configure(parser)
    return parser.parse_args(words)


def test_a_class_is_reachable_unless_told_otherwise(store: ClassStore, tmp_path: Path) -> None:
    """A class on loopback alone would have no students; without a class nothing is opened."""
    classroom = class_memory.completed(Options(data=tmp_path, class_mode=True), store)
    alone = class_memory.completed(Options(data=tmp_path), store)

    assert (classroom.host, alone.host) == ("0.0.0.0", "127.0.0.1")


@pytest.mark.parametrize(("text", "part"), [("0", "0 seats"), ("/no/such/file", "cannot be read")])
def test_a_roster_that_cannot_be_used_ends_the_command(text: str, part: str) -> None:
    with pytest.raises(UsageError, match=part):
        up.roster_of(text)


def test_a_roster_is_a_number_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "names.txt"
    file.write_text("Søren\n# away today\nLi\n", "utf-8")

    assert up.roster_of("2") == ("Seat 01", "Seat 02")
    assert up.roster_of(str(file)) == ("Søren", "Li")
    assert up.roster_of("") == ()


def test_a_healthy_time_first_schedules_the_incident(store: ClassStore, tmp_path: Path) -> None:
    """A lab without a class forgets it at the next start."""
    chosen = Options(free_ports=True, data=tmp_path, incident="price-typo", healthy_first_s=120)
    run(chosen, store, tmp_path)
    kept = schedule(store)

    assert store.facts().incident == "none"
    assert kept is not None
    assert [each.incident for each in kept.actions] == ["price-typo"]
    assert kept.actions[0].at_unix_nano - kept.started_unix_nano == 120 * 10**9
    run(replace(chosen, healthy_first_s=0), store, tmp_path)
    assert schedule(store) is None
    assert store.facts().incident == "price-typo"
