"""What runs over time in a class: a schedule of actions, and an exam. Kept as JSON in the class's file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from classroom.model import Deployment
from classroom.store import ClassStore

GAME_DAY, EXAM = "gameday", "exam"
"""The plans of a class: who hides a deployment reveals it."""
_SCHEDULE, _EXAM, _HIDDEN = "schedule", "exam", "hidden_deployments"
_PLAN = "plan"
"""The key of a hidden deployment that names its plan."""
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
        begins = self.action.get("action") in ("incident", "release")
        return str(self.action.get("name", "")) if begins else ""

    @property
    def seats(self) -> tuple[str, ...] | None:
        """The seats that it is for; None for all."""
        found = self.action.get("seats", "all")
        return tuple(map(str, found)) if isinstance(found, list | tuple) else None


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

    @property
    def coming(self) -> tuple[ScheduledAction, ...]:
        """The actions that were not performed yet."""
        return tuple(each for each in self.actions if not each.done)

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

    @property
    def is_over(self) -> bool:
        """Whether it was ended."""
        return self.ended_unix_nano is not None

    def is_sat_by(self, seat: str) -> bool:
        """Whether the exam runs for this seat."""
        return self.ended_unix_nano is None and self.is_for(seat)

    def is_for(self, seat: str) -> bool:
        """Whether this seat sits the exam, or sat it."""
        return self.seats is None or seat in self.seats


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


def hidden_deployments(store: ClassStore, plan: str | None = None) -> tuple[Deployment, ...]:
    """What began and ended without a word to the class, oldest first; for the instructor's eyes.

    With `plan` (GAME_DAY, EXAM, or nothing for an action of the instructor's) only what that one hides.
    """
    found = ({**each} for each in _hidden(store) if plan is None or each.get(_PLAN, "") == plan)
    return tuple(Deployment(**{key: value for key, value in each.items() if key != _PLAN}) for each in found)


def hide_deployments(store: ClassStore, deployments: Sequence[Deployment], plan: str = "") -> None:
    """Keep deployments that students must not see until their plan is over, at most the last _MOST_HIDDEN."""
    kept = [*_hidden(store), *({**asdict(each), _PLAN: plan} for each in deployments)]
    store.keep_setting(_HIDDEN, json.dumps(kept[-_MOST_HIDDEN:]))


def forget_hidden_deployments(store: ClassStore, plan: str = "") -> None:
    """Forget those of one plan, after everybody was told."""
    kept = [each for each in _hidden(store) if each.get(_PLAN, "") != plan]
    store.keep_setting(_HIDDEN, json.dumps(kept) if kept else "")


def _hidden(store: ClassStore) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(store.setting(_HIDDEN) or "[]")
    return found


def _loaded(store: ClassStore, name: str) -> dict[str, Any]:
    text = store.setting(name)
    found: dict[str, Any] = json.loads(text) if text else {}
    return found
