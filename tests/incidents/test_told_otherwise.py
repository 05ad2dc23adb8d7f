"""One fault told twice, proofs beyond the lesson, distances between numbers, and what reaches other seats."""

from __future__ import annotations

from pathlib import Path

import pytest

import incidents
from incidents.checks import judge
from incidents.loading import load
from incidents.model import Check
from tests.incidents.test_loading import CHECK, QUESTION, STEP, WHOLE, write

STORY = 'title = "T2"\nsummary = "S2"\nminutes = 2\nsame_fault_as = "made"\n'
FAULT = (
    WHOLE
    + "[flags.cart_price_typo]\nvalue = true\nimitates = 'I.'\n"
    + "[[repairs]]\nname = 'back'\ntitle = 'Back'\nflags = ['cart_price_typo']\neffect = 'E.'\n"
)
MENDING = STEP.replace("[[steps]]", "[[steps]]\nrepair = 'back'").replace('"one"', '"two"')


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, FAULT + MENDING.replace('checks = ["thing"]', "checks = []"))


def test_a_fault_that_is_told_otherwise_is_the_same(folder: Path) -> None:
    other = load("told", write(folder, STORY + STEP + MENDING.replace('checks = ["thing"]', ""), "told"))
    made = load("made", folder)

    for part in (
        "flags",
        "question",
        "repairs",
        "release",
        "headline",
        "answer",
        "checkout_status",
        "visits",
    ):
        assert getattr(other, part) == getattr(made, part), part
    assert (other.title, other.summary, other.minutes) == ("T2", "S2", 2)
    assert other.checks == (made.checks[0],), "its checks may be used"
    assert (other.same_fault_as, made.same_fault_as) == ("made", "")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            STORY.replace('"made"', '"none"') + STEP,
            "told.toml: same_fault_as: names 'none'; use one of: made, told",
        ),
        (STORY.replace('"made"', '"told"') + STEP, "told.toml: same_fault_as: names 'told'"),
        (STORY + 'headline = "H"\n' + STEP, "told.toml: headline: is not a known key"),
        (STORY + STEP + QUESTION, "told.toml: question: is not a known key"),
        (STORY + STEP, "told.toml: repairs.name: 'back' is offered by no step"),
        ('proofs = ["thunk"]\n' + STORY + STEP, "told.toml: proofs: names 'thunk'; define [checks.thunk]"),
    ],
)
def test_a_malformed_story_names_file_key_and_remedy(folder: Path, text: str, told: str) -> None:
    with pytest.raises(incidents.IncidentError) as caught:
        load("told", write(folder, text, "told"))
    assert told in str(caught.value), caught.value


def test_a_story_of_a_story_is_refused(folder: Path) -> None:
    write(folder, STORY + STEP, "told")
    with pytest.raises(incidents.IncidentError, match="which has no fault of its own"):
        load("third", write(folder, STORY.replace('"made"', '"told"') + STEP, "third"))


def test_a_malformed_fault_is_told_where_it_stands(folder: Path) -> None:
    """Neither takes another incident down."""
    write(folder, "title = ", "made")
    write(folder, STORY + STEP, "told")
    write(folder, WHOLE, "sound")
    good, problems = incidents.loading.load_all(folder)
    assert [*good] == ["sound"]
    assert {problem.file.name for problem in problems} == {"made.toml"}


def test_proofs_are_checks_beyond_the_steps(tmp_path: Path) -> None:
    further = CHECK.replace("checks.thing", "checks.further")
    incident = load("made", write(tmp_path, 'proofs = ["further"]\n' + WHOLE + further))
    assert [check.name for check in incident.checks] == ["thing"]
    assert [check.name for check in incident.proofs] == ["further"]


def test_a_proof_that_is_in_the_lesson_is_named_twice(tmp_path: Path) -> None:
    with pytest.raises(incidents.IncidentError, match="'thing' is repeated"):
        load("made", write(tmp_path, 'proofs = ["thing"]\n' + WHOLE))


def test_what_reaches_others_and_how_long_it_takes_are_told(tmp_path: Path) -> None:
    more = 'reaches_others = "A moment."\narrives_within_s = 40\n'
    incident = load("made", write(tmp_path, more + WHOLE))
    assert (incident.reaches_others, incident.arrives_within_s) == ("A moment.", 40)
    assert not load("plain", write(tmp_path, WHOLE, "plain")).reaches_others


def demanding(tmp_path: Path, condition: str) -> Check:
    return load("made", write(tmp_path, WHOLE + f"expect = [{{ field = 'n', {condition} }}]")).checks[0]


@pytest.mark.parametrize(
    ("condition", "held", "not_held"),
    [
        ("above = 10, by = 5", 15.5, 15),
        ("at_least = 10, by = 5", 15, 14.5),
        ("below = 10, by = 5", 4.5, 5),
        ("at_most = 10, by = 5", 5, 5.5),
        ("above = '{seat}', by = 0.5", 7.6, 7.5),
    ],
)
def test_a_distance_is_demanded_on_the_right_side(
    tmp_path: Path, condition: str, held: float, not_held: float
) -> None:
    check = demanding(tmp_path, condition)
    assert judge(check, {"n": held}, {"seat": 7}).holds
    verdict = judge(check, {"n": not_held}, {"seat": 7})
    assert not verdict.holds
    assert f"by {0.5 if 'seat' in condition else 5} was expected" in verdict.seen


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        (
            "is = 10, by = 5",
            "by: stands beside no distance; use it with above, below, at_least, at_most only",
        ),
        ("above = 10, by = -1", "by: is -1; write a number from 0 up"),
        ("above = 10, by = true", "by: is True; write a number from 0 up"),
    ],
)
def test_a_distance_without_sense_is_refused(tmp_path: Path, condition: str, told: str) -> None:
    with pytest.raises(incidents.IncidentError) as caught:
        demanding(tmp_path, condition)
    assert told in str(caught.value)
