"""The lesson's steps as panels: marks, links, folds, repairs. Pure; no store, no template."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

import incidents
from classroom import Answer, MarkKind
from observer.screens.workshop import view
from observer.screens.workshop.progress import CheckView, Progress, StepView
from observer.screens.workshop.seat_lesson import Hider, SeatLesson
from observer.screens.workshop.step_panels import StepPanel
from observer.screens.workshop.step_status import status_of

INCIDENT = incidents.load("invalid-token")
HOLDS = CheckView("a session", holds=True, reached=True, detail="")
FAILS = CheckView("an error", holds=False, reached=True, detail="none of 3 fits")
UNREACHED = CheckView("a log", holds=False, reached=False, detail="needs the trace")
SHOP = "http://shop/?seat=anna"
LESSON = SeatLesson("anna", INCIDENT, INCIDENT.name, 0, {}, {}, (), locked=False, kept=True)
COMPLETE = Answer("anna", INCIDENT.name, 9, "paymentservice", "v350.10", "", "", frozenset(), complete=True)
STEPS = {step.name: step for step in INCIDENT.steps}
Marks = Mapping[tuple[str, MarkKind], int]


def _step(*checks: CheckView, name: str = "session", href: str | None = "/rum", unseen: int = 0) -> StepView:
    number = [step.name for step in INCIDENT.steps].index(name) + 1
    return StepView(number, STEPS[name], href, checks, unseen)


def _page(*steps: StepView, lesson: SeatLesson = LESSON) -> view.LessonPage:
    return view.build(lesson, Progress(INCIDENT, steps, {}), SHOP, {}, class_mode=True)


def _panel(step: StepView, lesson: SeatLesson = LESSON) -> StepPanel:
    page = _page(step, lesson=lesson)
    return (*page.find, *page.mend)[0]


def _marked(*marks: tuple[str, MarkKind]) -> SeatLesson:
    return replace(LESSON, marks={mark: at for at, mark in enumerate(marks, 1)})


@pytest.mark.parametrize(
    ("checks", "words"),
    [
        ((HOLDS,), "The data is there"),
        ((HOLDS, FAILS), "Part of the data is there"),
        ((FAILS, UNREACHED), "No data yet"),
        ((), "No data yet"),
    ],
)
def test_a_step_says_whether_its_data_is_there(checks: tuple[CheckView, ...], words: str) -> None:
    panel = _panel(_step(*checks))

    assert [mark.words for mark in panel.marks] == [words, "Not opened yet"]
    assert not panel.done
    assert _panel(_step(*checks), replace(LESSON, seat="", kept=False)).marks == ()


def test_a_step_is_done_when_its_data_is_there_and_it_was_opened() -> None:
    """Neither alone is enough; what was there once stays."""
    opened, arrived = ("session", MarkKind.OPENED), ("session", MarkKind.ARRIVED)

    assert _panel(_step(HOLDS), _marked(opened)).done
    assert _panel(_step(FAILS), _marked(opened, arrived)).done
    assert not _panel(_step(FAILS), _marked(opened)).done
    assert not _panel(_step(HOLDS), _marked(("script", MarkKind.OPENED))).done
    assert not _panel(_step(HOLDS), _marked(("session", MarkKind.HINT))).done


def test_a_step_in_the_shop_needs_no_opening() -> None:
    panel = _panel(replace(_step(name="buy"), implied=True))

    assert panel.done
    assert [mark.words for mark in panel.marks] == ["The data is there"]
    assert not _panel(_step(name="buy")).done


def test_without_a_file_of_the_class_nothing_is_done() -> None:
    """What was opened is then unknown, and the page says that."""
    panel = _panel(_step(HOLDS), replace(LESSON, kept=False))

    assert not panel.done
    assert [mark.words for mark in panel.marks] == ["The data is there"]


def test_the_page_goes_on_with_the_first_step_that_is_left() -> None:
    steps = (_step(HOLDS), _step(HOLDS, name="script"), _step(FAILS, name="checkout"))
    page = _page(*steps, lesson=_marked(("session", MarkKind.OPENED), ("checkout", MarkKind.OPENED)))

    assert page.next_step is not None
    assert page.next_step.name == "script"
    assert [panel.current for panel in page.find] == [False, True, False]
    assert (page.confirmed, page.arrived, page.finished) == ("1 of 3", "2", False)
    done = _marked(
        *((step.step.name, kind) for step in steps for kind in (MarkKind.OPENED, MarkKind.ARRIVED))
    )
    assert _page(*steps, lesson=done).finished


def test_who_is_led_to_a_step_goes_on_there() -> None:
    """The newest jump counts; what was skipped is not done."""
    steps = (_step(FAILS), _step(FAILS, name="script"), _step(FAILS, name="checkout"))
    led = _marked(("checkout", MarkKind.JUMPED), ("script", MarkKind.JUMPED))
    page = _page(*steps, lesson=led)

    assert page.next_step is not None
    assert page.next_step.name == "script"
    assert page.find[0].marks[-1].words == "Your instructor led you past it"
    assert page.confirmed == "0 of 3"
    assert status_of(led, Progress(INCIDENT, steps, {})).steps[0].skipped


def test_what_is_seen_is_folded_with_its_checks() -> None:
    """Their titles name what a student is to find."""
    folds = {fold.kind: fold for fold in _panel(_step(HOLDS, FAILS, UNREACHED, unseen=2)).folds}

    assert list(folds) == ["expected", "hint", "meaning"]
    assert [(check.sign, check.spoken, check.detail) for check in folds["expected"].checks] == [
        ("✓", "Arrived:", ""),
        ("○", "Not yet:", "none of 3 fits"),
        ("·", "Not yet:", ""),
    ]
    assert folds["expected"].unseen == "2 things of this step only you can see."
    assert not folds["hint"].checks
    assert not folds["meaning"].checks


@pytest.mark.parametrize(("seat", "reason"), [("anna", "the steps before"), ("", "Take a seat")])
def test_a_step_without_a_link_says_why(seat: str, reason: str) -> None:
    assert reason in _panel(_step(href=None), replace(LESSON, seat=seat)).no_link
    assert _panel(_step()).no_link == ""


def test_a_link_that_names_a_service_waits_until_the_data_is_there() -> None:
    """It may be the guilty one."""
    first, tags = _step(FAILS), "/apm/tags?service=paymentservice"

    def last(*checks: CheckView, lesson: SeatLesson = LESSON) -> str | None:
        return _page(first, _step(*checks, name="version", href=tags), lesson=lesson).find[1].href

    assert last(FAILS) is None
    assert last(HOLDS) == tags
    assert last(FAILS, lesson=_marked(("version", MarkKind.JUMPED))) == tags


def test_the_step_at_the_shops_door_uses_the_link_of_the_seat() -> None:
    """The link may be signed: the address in the lesson is not."""
    door = _step(name="buy", href="http://shop/?seat=anna", unseen=2)

    assert _panel(door).href == SHOP
    assert _panel(door).in_shop
    assert _panel(_step()).href == "/rum"


def test_a_repair_waits_in_a_fold_until_the_cause_is_found() -> None:
    """Its texts name the fault: they are unfolded for who knows, was led there, or repaired already."""
    steps = (_step(FAILS), _step(FAILS, name="rollback"))

    def reached(lesson: SeatLesson, *views: StepView) -> bool:
        repair = _page(*views, lesson=lesson).mend[0].repair
        assert repair is not None
        return repair.reached

    assert not reached(LESSON, *steps)
    found = _marked(("session", MarkKind.OPENED))
    assert not reached(found, _step(HOLDS), steps[1])
    assert reached(replace(found, answers=(COMPLETE,)), _step(HOLDS), steps[1])
    assert reached(_marked(("rollback", MarkKind.JUMPED)), *steps)
    assert reached(replace(LESSON, repaired={"rollback": 5}), *steps)
    assert _page(*steps).find[0].repair is None


def test_between_the_last_step_to_the_cause_and_the_repair_stands_the_question() -> None:
    """The page goes on with it until it is answered; a repair made before is no answer either."""
    steps = (_step(HOLDS), _step(FAILS, name="rollback"))
    found = _marked(("session", MarkKind.OPENED))

    assert not _page(*steps).question_next
    assert _page(*steps, lesson=found).question_next
    assert _page(*steps, lesson=replace(found, repaired={"rollback": 5})).question_next
    answered = _page(*steps, lesson=replace(found, answers=(COMPLETE,)))
    assert not answered.question_next
    assert answered.next_step is not None
    assert answered.next_step.name == "rollback"
    assert not _page(*steps, lesson=replace(found, kept=False)).question_next


def test_only_an_exam_promises_a_verdict() -> None:
    """A game day goes on to its next incident, with which the answers to this one count no more."""
    notes = {
        hider: _page(_step(), lesson=replace(LESSON, hidden_by=hider)).question.explanation_note
        for hider in Hider
    }

    assert "when it is over" in notes[Hider.EXAM]
    assert "no verdict" in notes[Hider.GAME_DAY]


def test_the_state_of_a_page_changes_with_what_it_shows() -> None:
    """The page in the browser asks with its state, and is answered only when that has changed."""
    before, same, after = _page(_step(FAILS)), _page(_step(FAILS)), _page(_step(HOLDS))

    assert before.state == same.state
    assert before.state != after.state
    assert before.state != _page(_step(FAILS), lesson=_marked(("session", MarkKind.OPENED))).state
