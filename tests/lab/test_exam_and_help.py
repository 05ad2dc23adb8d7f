"""What ends an exam, which mystery it draws, and how the instructor helps: jumps and explanations."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import incidents
from classroom import ClassStore, exam
from lab.control import exam_choice
from lab.control.action_request import parse
from lab.control.changes import Changes
from lab.control.settings import Settings
from lab.errors import Conflict, UsageError
from tests.lab.test_schedules import GAME, Sent, act


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[ClassStore]:
    store = ClassStore(tmp_path / "class.sqlite3")
    store.enrol(("Ana", "Ben", "Cem", "Dee"))
    store.begin_incident("none", 1)
    yield store
    store.close()


@pytest.fixture(name="changes")
def _changes(tmp_path: Path, store: ClassStore) -> Changes:
    changes = Changes(store, Settings(token="t", flags_file=tmp_path / "flags.json"))
    changes._events = Sent()
    return changes


def mystery_of(changes: Changes, store: ClassStore, seed: int) -> str:
    """Which mystery this seed picks now; the exam is over again, and what it was is known."""
    act(changes, "exam", seed=seed)
    running = exam(store)
    assert running is not None
    act(changes, "exam-end")
    return running.incident


def test_a_seed_draws_no_mystery_that_the_class_had(store: ClassStore, changes: Changes) -> None:
    """Neither the lesson of all nor one that a single seat had, nor an exam of before; until none is left."""
    mysteries = sorted({*exam_choice.faults(())[0]} - {"none"})
    act(changes, "incident", name=mysteries[0])
    act(changes, "incident", name=mysteries[1], seats=["ben"])
    act(changes, "incident", name="none")
    drawn = [mystery_of(changes, store, seed=7) for _ in mysteries[2:]]
    assert sorted(drawn) == mysteries[2:]
    assert mystery_of(changes, store, seed=7) in mysteries


def test_two_stories_of_one_fault_are_one_mystery() -> None:
    """Whoever had one of them knows the fault; only the one that has it is drawn or chosen."""
    known, had = exam_choice.faults({"paged", "slow-tenant"})
    assert "paged" not in known
    assert {"invalid-token", "pool-exhausted", "memory-leak"} <= {*known}
    assert {*had} == {"invalid-token", "slow-tenant"}
    with pytest.raises(UsageError, match="paged cannot be examined"):
        exam_choice.mystery("paged", 1, known, had)


def test_a_seed_is_repeatable_in_a_class_of_the_same_past(tmp_path: Path, changes: Changes) -> None:
    found = []
    for number in range(2):
        other = ClassStore(tmp_path / f"{number}.sqlite3")
        beside = Changes(other, Settings(token="t", flags_file=tmp_path / "flags.json"))
        beside._events = Sent()
        act(beside, "incident", name="slow-tenant")
        act(beside, "incident", name="price-typo")
        found.append([mystery_of(beside, other, seed) for seed in (1, 2, 3, 4)])
        other.close()
    assert found[0] == found[1]
    assert not {"slow-tenant", "price-typo"} & {*found[0]}


def test_another_class_may_be_examined_in_what_the_last_one_had(store: ClassStore, changes: Changes) -> None:
    act(changes, "incident", name="price-typo")
    store.exchange_roster(["Ana", "New"])
    assert "price-typo" in store.incidents_had(), "Ana had it"
    store.exchange_roster(["Other", "People"])
    assert store.incidents_had() == {"price-typo"}, "what runs is not forgotten"
    act(changes, "incident", name="none")
    assert store.incidents_had() == {"none"}


@pytest.mark.parametrize(
    "action",
    [
        {"action": "incident", "name": "none"},
        {"action": "incident", "name": "none", "seats": ["ben", "ana"]},
        {"action": "release", "name": "invalid-token"},
        {"action": "reset"},
        {"action": "reset", "seats": ["ana"]},
    ],
)
def test_what_would_take_the_mystery_of_an_exam_away_is_refused_until_it_is_told_to(
    store: ClassStore, changes: Changes, action: dict[str, Any]
) -> None:
    """By hand, too; the sentence says what runs and how to end it, and nothing changes."""
    act(changes, "exam", name="slow-provider", seats=["ana"])
    before = exam(store), store.facts(), store.faults(), store.actions()
    with pytest.raises(Conflict, match="exam runs for ana") as caught:
        changes.perform(parse(action))
    assert '"replace": true' in caught.value.remedy
    assert ("lab incident" in caught.value.remedy) is (action["action"] == "incident")
    assert (exam(store), store.facts(), store.faults(), store.actions()) == before

    done = changes.perform(parse({**action, "replace": True}))
    assert done.startswith("The exam before it is over: it was slow-provider. ")
    ended = exam(store)
    assert ended is not None
    assert ended.is_over


def test_seats_that_do_not_sit_the_exam_get_incidents_as_ever(store: ClassStore, changes: Changes) -> None:
    act(changes, "exam", name="slow-provider", seats=["ana"])
    act(changes, "incident", name="price-typo", seats=["ben"])
    act(changes, "reset", seats=["ben"])
    assert store.fault("ana").incident == "slow-provider"


def test_the_instructor_opens_the_explanation(store: ClassStore, changes: Changes) -> None:
    """Recorded as shown, not as answered; for some seats or all."""
    store.begin_incident("price-typo", 5)
    assert act(changes, "explain", seats=["ana"]) == "The explanation is open for Ana."
    assert [(mark.seat, mark.step, mark.kind.value) for mark in store.marks()] == [
        ("ana", "explanation", "shown")
    ]
    assert act(changes, "explain") == "The explanation is open for every seat."
    assert {mark.seat for mark in store.marks()} == {"ana", "ben", "cem", "dee"}
    assert store.answers() == ()


def test_no_explanation_is_opened_that_is_locked_or_gives_a_plan_away(
    store: ClassStore, changes: Changes
) -> None:
    store.set_locked(True)
    with pytest.raises(UsageError, match="locked"):
        act(changes, "explain")
    store.set_locked(False)
    act(changes, "exam", seats=["ana"])
    with pytest.raises(UsageError, match="An exam runs"):
        act(changes, "explain")
    act(changes, "explain", seats=["ben"])
    act(changes, "gameday", content=GAME, replace=True)
    with pytest.raises(UsageError, match="A game day runs"):
        act(changes, "explain", seats=["ben"])


def test_a_jump_names_person_number_and_title_and_counts_anew(store: ClassStore, changes: Changes) -> None:
    """The last time to a step is the one that counts."""
    store.begin_incident("price-typo", 5)
    step = incidents.load("price-typo").steps[1]
    done = act(changes, "jump", name=step.name, seats=["ana", "ben"])
    assert done == f"Ana, Ben may go to step 2, {step.title}."
    [first, _] = store.marks()
    act(changes, "jump", name=step.name, seats=["ana"])
    assert max(mark.at_unix_nano for mark in store.marks("ana")) > first.at_unix_nano
    assert act(changes, "jump", name=step.name).startswith("Every seat may go to step 2, ")
