"""Game days, a healthy time first, and exams: what is scheduled happens, and nobody is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import incidents
from classroom import (
    EXAM,
    GAME_DAY,
    Answer,
    ClassStore,
    Deployment,
    Schedule,
    ScheduledAction,
    exam,
    exam_scores,
    hidden_deployments,
    keep_schedule,
    schedule,
)
from lab.commands import up
from lab.control import gameday_file
from lab.control.action_request import parse
from lab.control.changes import Changes
from lab.control.clockwork import Clockwork
from lab.control.deployment_events import DeploymentEvents
from lab.control.settings import Settings
from lab.errors import Conflict, UsageError

S = 10**9
GAME = """
title = "Friday"
[[events]]
at = { from = "1m", to = "3m" }
lasts = "2m"
one_of = ["price-typo", "slow-provider"]
seats = { share = 0.5 }
[[events]]
at = "90s"
incident = "stale-endpoint"
"""


class Sent(DeploymentEvents):
    """Keeps deployment events instead of sending them."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:1", "test")
        self.deployments: list[Deployment] = []

    def send(self, deployments: Any) -> None:
        self.deployments += deployments


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ClassStore]:
    store = ClassStore(tmp_path / "class.sqlite3")
    store.enrol(("Ana", "Ben", "Cem", "Dee"))
    store.begin_incident("none", 1)
    yield store
    store.close()


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
def changes(tmp_path: Path, store: ClassStore, sent: Sent) -> Changes:
    changes = Changes(store, Settings(token="t", flags_file=tmp_path / "flags.json"))
    changes._events = sent
    return changes


def plan(seed: int = 1, text: str = GAME) -> Schedule:
    return gameday_file.schedule_of(text, seed=seed, seats=["a", "b", "c", "d"], start_unix_nano=100 * S)


def test_a_seed_repeats_a_game_day_and_another_makes_another() -> None:
    assert plan(1) == plan(1)
    assert any(plan(seed) != plan(1) for seed in range(2, 8))


def test_a_game_day_keeps_to_its_times_and_seats() -> None:
    game = plan(3)
    first = next(each for each in game.actions if each.incident in ("price-typo", "slow-provider"))
    end = next(each for each in game.actions if each.incident == "none")

    assert game.secret
    assert [each.at_unix_nano for each in game.actions] == sorted(each.at_unix_nano for each in game.actions)
    assert 160 * S <= first.at_unix_nano <= 280 * S
    assert end.at_unix_nano == first.at_unix_nano + 120 * S
    assert len(first.action["seats"]) == 2
    assert end.action["seats"] == first.action["seats"]
    assert [each.action["seats"] for each in game.actions if each.incident == "stale-endpoint"] == ["all"]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("title = ", "not TOML"),
        ("", "no events"),
        ("x = 1", "unknown key 'x'"),
        ("[[events]]\nat = '1m'", "names no incident"),
        ("[[events]]\nat = '1m'\nincident = 'no-such'", "unknown incident 'no-such'"),
        ("[[events]]\nat = 'soon'\nincident = 'none'", "no duration"),
        ("[[events]]\nincident = 'none'", "no duration"),
        ("[[events]]\nat = {from='3m', to='1m'}\nincident = 'none'", "before"),
        ("[[events]]\nat = '1m'\nincident = 'none'\nseats = 'ana'", "no seats"),
        ("[[events]]\nat = '1m'\nincident = 'none'\nseats = {share = 2}", "no share"),
        ("[[events]]\nat = '1m'\nincident = 'none'\nfor = '1m'", "unknown key 'for'"),
        ("[[events]]\nat = '1m'\nincident = 'none'\none_of = ['none']", "names no incident"),
    ],
)
def test_a_malformed_game_day_names_the_event_and_the_key(text: str, part: str) -> None:
    with pytest.raises(UsageError, match=part) as caught:
        plan(text=text)
    assert caught.value.remedy


def test_what_is_due_happens_in_order_once_and_secretly(
    store: ClassStore, changes: Changes, sent: Sent
) -> None:
    """Markers are the instructor's until it is over; then everybody gets them with their old times."""
    actions = tuple(
        ScheduledAction(at * S, {"action": "incident", "name": name, "seats": "all"})
        for at, name in ((10, "price-typo"), (20, "none"))
    )
    keep_schedule(store, Schedule("Friday", 0, True, actions))
    clock = Clockwork(store, changes)

    assert not clock.tick(9 * S)
    assert clock.tick(15 * S)
    assert not clock.tick(15 * S)
    assert store.facts().incident == "price-typo"
    assert sent.deployments == []
    hidden = hidden_deployments(store)
    assert [each.kind for each in hidden] == ["incident"]
    assert clock.tick(30 * S)
    kept = schedule(store)
    assert kept is not None
    assert kept.is_over
    assert len(sent.deployments) == 2
    assert sent.deployments[0] == hidden[0]
    assert hidden_deployments(store) == ()
    assert [action.actor for action in store.actions()] == ["Friday", "Friday"]


def test_a_scheduled_action_that_fails_is_not_tried_for_ever(store: ClassStore, changes: Changes) -> None:
    bad = ScheduledAction(1, {"action": "incident", "name": "no-such", "seats": "all"})
    keep_schedule(store, Schedule("x", 0, False, (bad,)))
    clock = Clockwork(store, changes)
    with pytest.raises(UsageError):
        clock.tick(5)

    assert not clock.tick(5)


def test_a_game_day_begins_and_stops_by_actions(store: ClassStore, changes: Changes) -> None:
    done = changes.perform(parse({"action": "gameday", "content": GAME, "seed": 5}))
    assert done == "Friday begins with 3 changes (seed 5)."
    assert schedule(store) is not None
    changes.perform(parse({"action": "gameday-stop"}))
    assert schedule(store) is None


def test_an_exam_hides_a_mystery_that_the_seed_picks(store: ClassStore, changes: Changes, sent: Sent) -> None:
    """Healthy is no mystery; neither the sentence nor the marker names it."""
    done = changes.perform(parse({"action": "exam", "seed": 7}))
    running = exam(store)
    assert running is not None
    assert running.incident in set(incidents.names()) - {"none"}
    assert running.incident not in done
    assert running.is_sat_by("ana")
    assert store.facts().incident == running.incident
    assert sent.deployments == []

    changes.perform(parse({"action": "exam", "seed": 7, "seats": ["ben"], "replace": True}))
    again = exam(store)
    assert again is not None
    assert again.incident == running.incident
    assert (again.is_sat_by("ana"), again.is_sat_by("ben")) == (False, True)
    assert running.incident in changes.perform(parse({"action": "exam-end"}))
    with pytest.raises(UsageError, match="No exam runs"):
        changes.perform(parse({"action": "exam-end"}))


def test_an_exam_is_scored_by_correctness_evidence_time_and_tries(
    store: ClassStore, changes: Changes
) -> None:
    changes.perform(parse({"action": "exam", "seed": 7}))
    running = exam(store)
    assert running is not None

    def answer(seat: str, minutes: int, *right: str, complete: bool = False, incident: str = "") -> None:
        at = running.started_unix_nano + minutes * 60 * S
        name = incident or running.incident
        store.answer(Answer(seat, name, at, "s", "t", "k", "e", frozenset(right), complete))

    parts = ("service", "tag", "kind", "evidence")
    answer("ana", 1, *parts, complete=True)
    answer("ben", 1, "service")
    answer("ben", 20, *parts, complete=True)
    answer("cem", 5, "service", "kind")
    answer("dee", 5, *parts, complete=True, incident="none")
    answer("ana", -5, *parts, complete=True)
    scores = exam_scores(store, running)

    # A minute of forty costs half a point of twenty, which is rounded to even.
    assert [(score.seat, score.points, score.answers) for score in scores] == [
        ("ana", 100, 1),
        ("ben", 88, 2),
        ("cem", 40, 1),
        ("dee", 0, 0),
    ]
    assert scores[2].seconds == 300
    assert scores[3].seconds is None

    # Guessing part by part costs, whether it ends in a complete answer or not; never below nothing.
    for _ in range(3):
        answer("cem", 6, "service", "kind")
        answer("ana", 6, "service")
    for _ in range(30):
        answer("dee", 7)
    again = {score.seat: score.points for score in exam_scores(store, running)}
    assert again == {"ana": 100, "ben": 88, "cem": 34, "dee": 0}


@pytest.mark.parametrize("text", ["0s", "soon", "2", "25h"])
def test_healthy_first_takes_a_duration(text: str) -> None:
    with pytest.raises(UsageError, match="not a duration"):
        up.seconds_of(text)
    assert up.seconds_of("2m") == 120


FOR_ANA = GAME.replace("seats = { share = 0.5 }", 'seats = ["ana"]').replace(
    'incident = "stale-endpoint"', 'incident = "stale-endpoint"\nseats = ["ana"]'
)


def act(changes: Changes, action: str, **fields: Any) -> str:
    return changes.perform(parse({"action": action, **fields}))


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (
            {"action": "gameday", "content": GAME},
            {"action": "gameday", "content": GAME},
            "game day Friday runs",
        ),
        ({"action": "gameday", "content": GAME}, {"action": "exam", "seed": 7}, "game day Friday runs"),
        (
            {"action": "gameday", "content": FOR_ANA},
            {"action": "exam", "seats": ["ana"]},
            "game day Friday runs",
        ),
        (
            {"action": "exam", "seed": 7},
            {"action": "gameday", "content": FOR_ANA},
            "exam runs for every seat",
        ),
        ({"action": "exam", "seats": ["ana"]}, {"action": "exam", "seats": ["ben"]}, "exam runs for ana"),
    ],
)
def test_what_would_end_a_plan_that_runs_is_refused_until_it_is_told_to(
    store: ClassStore, changes: Changes, first: dict[str, Any], second: dict[str, Any], said: str
) -> None:
    """The refusal names what runs and how to stop it, and changes nothing."""
    changes.perform(parse(first))
    before = schedule(store), exam(store), store.facts(), store.actions()
    with pytest.raises(Conflict, match=said) as caught:
        changes.perform(parse(second))
    assert "python3 -m lab" in caught.value.remedy
    assert "--replace" in caught.value.remedy
    assert (schedule(store), exam(store), store.facts(), store.actions()) == before

    done = changes.perform(parse({**second, "replace": True}))
    assert ("stopped" if first["action"] == "gameday" else "is over") in done
    assert (schedule(store), exam(store)) != before[:2]


def test_a_healthy_time_is_in_the_way_of_a_game_day_too(store: ClassStore, changes: Changes) -> None:
    keep_schedule(
        store, Schedule("Healthy first", 0, False, (ScheduledAction(2**62, {"action": "incident"}),))
    )
    with pytest.raises(Conflict, match="schedule Healthy first runs: 1 change of 1 still to come"):
        act(changes, "gameday", content=GAME)


def test_a_plan_that_is_over_is_in_nobodys_way(store: ClassStore, changes: Changes) -> None:
    done = ScheduledAction(1, {"action": "incident", "name": "none", "seats": "all"}, done=True)
    keep_schedule(store, Schedule("Friday", 0, True, (done,)))
    act(changes, "exam", seed=7)
    act(changes, "exam-end")
    assert "stopped" not in act(changes, "gameday", content=GAME)


def test_a_game_day_and_an_exam_of_other_seats_reveal_their_own_alone(
    store: ClassStore, changes: Changes, sent: Sent
) -> None:
    """What the other one hides stays hidden while it runs."""
    act(changes, "gameday", content=FOR_ANA, seed=5)
    act(changes, "exam", seed=7, seats=["ben"])
    clock = Clockwork(store, changes)
    plan_now = schedule(store)
    assert plan_now is not None
    assert clock.tick(plan_now.actions[0].at_unix_nano)
    assert [each.seat for each in hidden_deployments(store, GAME_DAY)] == ["ana"]
    assert [each.seat for each in hidden_deployments(store, EXAM)] == ["ben"]

    act(changes, "exam-end")
    assert [each.seat for each in sent.deployments] == ["ben"]
    assert [each.seat for each in hidden_deployments(store)] == ["ana"]

    act(changes, "exam", seed=7, seats=["ben"])
    act(changes, "gameday-stop")
    assert [each.seat for each in sent.deployments] == ["ben", "ana"]
    assert [each.seat for each in hidden_deployments(store)] == ["ben"]


def test_the_last_change_of_a_game_day_reveals_nothing_of_an_exam(
    store: ClassStore, changes: Changes, sent: Sent
) -> None:
    """Also where that change fails."""
    bad = ScheduledAction(1, {"action": "incident", "name": "no-such", "seats": ["ana"]})
    keep_schedule(store, Schedule("x", 0, True, (replace(bad, action={**bad.action, "name": "none"}), bad)))
    act(changes, "exam", seed=7, seats=["ben"])
    clock = Clockwork(store, changes)
    assert clock.tick(5)
    assert sent.deployments == []
    with pytest.raises(UsageError):
        clock.tick(5)
    assert [each.seat for each in sent.deployments] == ["ana"]
    assert [each.seat for each in hidden_deployments(store)] == ["ben"]


def test_what_the_instructor_hid_is_told_once_nothing_runs(
    store: ClassStore, changes: Changes, sent: Sent
) -> None:
    act(changes, "gameday", content=FOR_ANA)
    act(changes, "incident", name="none", seats=["dee"], secret=True)
    act(changes, "exam", seed=7, seats=["ben"])
    act(changes, "exam-end")
    assert [each.seat for each in sent.deployments] == ["ben"]
    act(changes, "gameday-stop")
    assert [each.seat for each in sent.deployments] == ["ben", "dee"]


def test_markers_of_a_file_of_before_are_read(store: ClassStore) -> None:
    """They named no plan and no version."""
    store.keep_setting("hidden_deployments", '[{"time_unix_nano": 1, "kind": "incident", "seat": "ana"}]')
    assert hidden_deployments(store, "") == (Deployment(1, "incident", seat="ana"),)
    assert hidden_deployments(store, EXAM) == ()
