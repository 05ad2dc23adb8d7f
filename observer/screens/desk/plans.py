"""What runs over time as a view-model: the game day, the exam and its scores. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from classroom import Exam, Schedule, ScheduledAction, Score, SeatFault
from incidents.model import Incident
from observer.components.number_format import NOTHING, plural
from observer.components.time_format import ago

EXAMPLE = """\
title = "Friday evening"

[[events]]
at = "2m"
lasts = "6m"
incident = "slow-provider"

[[events]]
at = { from = "9m", to = "12m" }   # a random time
lasts = "6m"
one_of = ["price-typo", "stale-endpoint"]
# seats = { share = 0.5 }          # for a random half of the class
"""
"""A game day to begin with; `lab/control/gameday_file.py` reads it."""
_DONE_SHOWN = 4
_COMING_SHOWN = 20
_WHOM_SHOWN = 3
_GROUPS_SHOWN = 8
_S = 10**9


@dataclass(frozen=True, slots=True)
class Running:
    """An incident that some seats have now."""

    incident: str
    title: str
    whom: str


@dataclass(frozen=True, slots=True)
class ActionRow:
    """One action of a game day."""

    when: str
    """`done 3 min ago`, or `in 1:05`."""
    done: bool
    is_next: bool
    incident: str
    title: str
    whom: str


@dataclass(frozen=True, slots=True)
class GameDay:
    """The game day that runs or ran last."""

    title: str
    state: str
    """`3 of 8 done, the next in 1:05`, or `over`."""
    is_over: bool
    rows: tuple[ActionRow, ...]
    earlier: int
    """Actions done that are not among the rows."""
    later: int


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """How one seat does. `parts` are service, tag, kind and evidence: whether each was right."""

    seat: str
    name: str
    points: int
    parts: tuple[bool, ...]
    answers: int
    pages: int
    took: str
    """Minutes and seconds until the best answer; a dash without one."""


@dataclass(frozen=True, slots=True)
class ExamPage:
    """The exam that runs or ran last."""

    incident: str
    title: str
    seed: int
    whom: str
    state: str
    """`begun 4 min ago`, or `over since 2 min`."""
    is_over: bool
    answered: int
    complete: int
    rows: tuple[ScoreRow, ...]


@dataclass(frozen=True, slots=True)
class PlansPage:
    """What the desk shows of all this; None where there was none."""

    everybody: Running | None
    """The incident of whoever has none of their own; None where every seat has."""
    others: int
    """Seats with another incident."""
    running: tuple[Running, ...]
    """None where everybody has the same and no plan runs: the headline says it."""
    more: int
    """Incidents that run and are not among them."""
    gameday: GameDay | None
    exam: ExamPage | None


def build(
    faults: Sequence[SeatFault],
    incident: str,
    plan: Schedule | None,
    exam: Exam | None,
    scores: Sequence[Score],
    lessons: Mapping[str, Incident],
    now_unix_nano: int,
    roster: Collection[str] | None = None,
) -> PlansPage:
    """The plans of a class whose incident is `incident`; `faults` are single seats', `scores` the exam's.

    `roster` are the seats that there are; None in open mode, where anybody may come.
    """
    own = [each for each in faults if each.incident and each.incident != incident]
    if roster is not None:
        own = [each for each in own if each.seat in roster]
    everybody = None if roster and len(own) == len(roster) else _everybody(incident, lessons, bool(own))
    running = _running(own, everybody, lessons)
    if len(running) == 1 and everybody and (plan is None or plan.is_over) and (exam is None or exam.is_over):
        running = ()
    return PlansPage(
        everybody=everybody,
        others=len(own),
        running=running[:_GROUPS_SHOWN],
        more=len(running[_GROUPS_SHOWN:]),
        gameday=_gameday(plan, lessons, now_unix_nano) if plan else None,
        exam=_exam(exam, scores, lessons, now_unix_nano) if exam else None,
    )


def _everybody(incident: str, lessons: Mapping[str, Incident], others: bool) -> Running:
    return Running(incident, _title(incident, lessons), "everybody else" if others else "everybody")


def _running(
    own: Sequence[SeatFault], everybody: Running | None, lessons: Mapping[str, Incident]
) -> tuple[Running, ...]:
    """By incident: that of everybody first, then those of single seats, the most frequent first."""
    groups: dict[str, list[str]] = {}
    for fault in own:
        groups.setdefault(fault.incident, []).append(fault.seat)
    others = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return (
        *([everybody] if everybody else ()),
        *(Running(name, _title(name, lessons), _listed(sorted(whom))) for name, whom in others),
    )


def _gameday(plan: Schedule, lessons: Mapping[str, Incident], now: int) -> GameDay:
    done = [each for each in plan.actions if each.done]
    coming = [each for each in plan.actions if not each.done]
    following = coming[0] if coming else None
    rows = [*done[-_DONE_SHOWN:], *coming[:_COMING_SHOWN]]
    counted = f"{len(done)} of {plural(len(plan.actions), 'change')} done"
    return GameDay(
        title=plan.title,
        state=f"{counted}, the next {_until(following.at_unix_nano, now)}"
        if following
        else f"over, {counted}",
        is_over=plan.is_over,
        rows=tuple(_action(each, lessons, now, is_next=each is following) for each in rows),
        earlier=len(done[:-_DONE_SHOWN]),
        later=len(coming[_COMING_SHOWN:]),
    )


def _action(each: ScheduledAction, lessons: Mapping[str, Incident], now: int, *, is_next: bool) -> ActionRow:
    seats = each.action.get("seats", "all")
    return ActionRow(
        when=_past(each.at_unix_nano, now) if each.done else _until(each.at_unix_nano, now),
        done=each.done,
        is_next=is_next,
        incident=each.incident or str(each.action.get("action", "")),
        title=_title(each.incident, lessons),
        whom=_listed([str(seat) for seat in seats]) if isinstance(seats, list | tuple) else "everybody",
    )


def _exam(exam: Exam, scores: Sequence[Score], lessons: Mapping[str, Incident], now: int) -> ExamPage:
    ended = exam.ended_unix_nano
    return ExamPage(
        incident=exam.incident,
        title=_title(exam.incident, lessons),
        seed=exam.seed,
        whom="everybody" if exam.seats is None else _listed(exam.seats),
        state=f"begun {_past(exam.started_unix_nano, now)}"
        if ended is None
        else f"over, ended {_past(ended, now)}",
        is_over=ended is not None,
        answered=sum(score.answers > 0 for score in scores),
        complete=sum(score.complete for score in scores),
        rows=tuple(_score(score) for score in scores),
    )


def _score(score: Score) -> ScoreRow:
    return ScoreRow(
        seat=score.seat,
        name=score.name,
        points=score.points,
        parts=(score.service, score.tag, score.kind, score.evidence),
        answers=score.answers,
        pages=score.pages,
        took=NOTHING if score.seconds is None else _minutes(score.seconds),
    )


def _title(name: str, lessons: Mapping[str, Incident]) -> str:
    found = lessons.get(name)
    return found.title if found else name


def _listed(seats: Sequence[str]) -> str:
    """`anna, bert`, or `30 seats: anna, bert, carl …`."""
    shown = ", ".join(seats[:_WHOM_SHOWN])
    return shown if len(seats) <= _WHOM_SHOWN else f"{len(seats)} seats: {shown} …"


def _past(unix_nano: int, now: int) -> str:
    # Another process's clock was read a moment later.
    return ago(min(unix_nano, now), now)


def _until(unix_nano: int, now: int) -> str:
    seconds = max(0, round((unix_nano - now) / _S))
    return f"in {_minutes(seconds)}" if seconds else "now"


def _minutes(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"
