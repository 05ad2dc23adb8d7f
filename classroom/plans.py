"""What runs over time in a class: a schedule of actions, and an exam. Kept as JSON in the class's file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from classroom.model import Deployment
from classroom.store import ClassStore

_SCHEDULE, _EXAM, _HIDDEN = "schedule", "exam", "hidden_deployments"
_MOST_HIDDEN = 2_000


@dataclass(frozen=True, slots=True)
class ScheduledAction:
    """An action that the lab performs by itself at a time, as `POST /v1/actions` takes it."""

    at_unix_nano: int
    action: Mapping[str, Any]
    done: bool = False

    @property
    def incident(self) -> str:
        """The incident that it begins; empty where it is another action."""
        return str(self.action.get("name", "")) if self.action.get("action") == "incident" else ""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Actions to come and those done, in the order of their times. `secret` hides them from students."""

    title: str
    started_unix_nano: int
    secret: bool
    actions: tuple[ScheduledAction, ...]

    @property
    def is_over(self) -> bool:
        """Whether every action was performed."""
        return all(each.done for each in self.actions)

    def next_due(self, now_unix_nano: int) -> ScheduledAction | None:
        """The first action that is due and not done."""
        due = (each for each in self.actions if not each.done and each.at_unix_nano <= now_unix_nano)
        return next(due, None)

    def with_done(self, action: ScheduledAction) -> Schedule:
        """The schedule after this action."""
        actions = tuple(replace(each, done=True) if each is action else each for each in self.actions)
        return replace(self, actions=actions)


@dataclass(frozen=True, slots=True)
class Exam:
    """A mystery whose name and lesson are hidden from the seats that sit it."""

    incident: str
    seed: int
    started_unix_nano: int
    seats: tuple[str, ...] | None
    """None for all."""
    ended_unix_nano: int | None = None

    def is_sat_by(self, seat: str) -> bool:
        """Whether the exam runs for this seat."""
        return self.ended_unix_nano is None and (self.seats is None or seat in self.seats)


def schedule(store: ClassStore) -> Schedule | None:
    """The schedule that runs or ran last; None where there is none."""
    found = _loaded(store, _SCHEDULE)
    if not found:
        return None
    actions = tuple(ScheduledAction(**each) for each in found.pop("actions"))
    return Schedule(**found, actions=actions)


def keep_schedule(store: ClassStore, kept: Schedule | None) -> None:
    """Keep the schedule; None forgets it."""
    store.keep_setting(_SCHEDULE, json.dumps(asdict(kept)) if kept else "")


def exam(store: ClassStore) -> Exam | None:
    """The exam that runs or ran last; None where there is none."""
    found = _loaded(store, _EXAM)
    if not found:
        return None
    seats = found.pop("seats")
    return Exam(**found, seats=None if seats is None else tuple(seats))


def keep_exam(store: ClassStore, kept: Exam | None) -> None:
    """Keep the exam; None forgets it."""
    store.keep_setting(_EXAM, json.dumps(asdict(kept)) if kept else "")


def hidden_deployments(store: ClassStore) -> tuple[Deployment, ...]:
    """What began and ended without a word to the class, oldest first; for the instructor's eyes."""
    return tuple(Deployment(**each) for each in json.loads(store.setting(_HIDDEN) or "[]"))


def hide_deployments(store: ClassStore, deployments: Sequence[Deployment]) -> None:
    """Keep deployments that students must not see yet, at most the last _MOST_HIDDEN."""
    kept = [*hidden_deployments(store), *deployments][-_MOST_HIDDEN:]
    store.keep_setting(_HIDDEN, json.dumps([asdict(each) for each in kept]))


def forget_hidden_deployments(store: ClassStore) -> None:
    """Forget them, after everybody was told."""
    store.keep_setting(_HIDDEN, "")


def _loaded(store: ClassStore, name: str) -> dict[str, Any]:
    text = store.setting(name)
    found: dict[str, Any] = json.loads(text) if text else {}
    return found
