"""Whether a game day, an exam or an incident may begin beside what the class does already.

A class has one schedule and one exam, and no seat is in both: the next change of a schedule would take the
exam's mystery away, and an exam the schedule's incident. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from classroom import Exam, Schedule
from lab.errors import Conflict
from runtime.installation import COMMAND

_S = 10**9
_WHOM_SHOWN = 5
_COMMANDS = ("incident", "gameday", "exam")
"""Actions that have a command of their own."""


def overlap(plan: Schedule | None, sitting: Exam | None) -> bool:
    """Whether a change that is to come reaches a seat that sits the exam."""
    if plan is None or sitting is None or sitting.is_over:
        return False
    return any(
        sitting.seats is None or each.seats is None or bool({*sitting.seats} & {*each.seats})
        for each in plan.coming
    )


def sits_exam(sitting: Exam | None, seats: Sequence[str] | None) -> bool:
    """Whether an exam runs for one of these seats; None means all."""
    if sitting is None or sitting.is_over:
        return False
    return sitting.seats is None or seats is None or bool({*sitting.seats} & {*seats})


def schedule_in_the_way(plan: Schedule, now_unix_nano: int, begins: str) -> Conflict:
    """The refusal to begin something while a schedule has changes to come."""
    coming = plan.coming
    kind = f"The game day {plan.title}" if plan.secret else f"The schedule {plan.title}"
    changes = f"{len(coming)} change{'' if len(coming) == 1 else 's'} of {len(plan.actions)} still to come"
    return Conflict(
        f"{kind} runs: {changes}, the next {_until(coming[0].at_unix_nano - now_unix_nano)}.",
        f"Stop it first, at the desk or with `{COMMAND} gameday --stop`; or "
        f"{_replacing(begins)} to stop it by beginning this.",
    )


def exam_in_the_way(sitting: Exam, now_unix_nano: int, begins: str) -> Conflict:
    """The refusal to begin something while an exam runs."""
    minutes = max(0, now_unix_nano - sitting.started_unix_nano) // (60 * _S)
    loss = {
        "exam": " (then its scores are gone: save them first)",
        "reset": " (its answers are lost with the marks: save its scores first)",
    }.get(begins, "")
    return Conflict(
        f"An exam runs for {_whom(sitting)}, begun {minutes} min ago (seed {sitting.seed}).",
        f"End it first, at the desk or with `{COMMAND} exam --end`; or "
        f"{_replacing(begins)} to end it by beginning this{loss}.",
    )


def _replacing(begins: str) -> str:
    command = f"give --replace to `lab {begins}`, " if begins in _COMMANDS else ""
    return f'confirm, {command}or send "replace": true,'


def _whom(sitting: Exam) -> str:
    if sitting.seats is None:
        return "every seat"
    more = len(sitting.seats) - _WHOM_SHOWN
    return ", ".join(sitting.seats[:_WHOM_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _until(nanoseconds: int) -> str:
    seconds = max(0, round(nanoseconds / _S))
    return f"in {seconds // 60}:{seconds % 60:02}"
