"""Decides who of a class needs help, from how far each seat is and since when. Pure.

- `no-show`: nothing of the seat was seen since its link was made.
- `done`: it answered the incident's question completely.
- `stuck`, for any of these reasons: MANY_WRONG wrong answers; MANY_FAILED failed orders and not beyond the
  first step; no step FIRST_STEP_NS after it came; no new step for NEXT_STEP_NS; not seen for AWAY_NS.
- `working`: anything else.

A jump is help: where the instructor led a seat on, all of this counts from then. The three rules about time
hold only while others go on: a class that listens is not stuck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

State = Literal["no-show", "working", "stuck", "done"]

_MINUTE_NS = 60 * 10**9
FIRST_STEP_NS = 4 * _MINUTE_NS
"""A shop, a cart and an order take a newcomer about three minutes."""
NEXT_STEP_NS = 6 * _MINUTE_NS
"""A step of the default lesson takes three minutes on the average: 25 for nine."""
AWAY_NS = 10 * _MINUTE_NS
MANY_WRONG = 3
MANY_FAILED = 5
_ORDER: dict[State, int] = {"stuck": 0, "working": 1, "no-show": 2, "done": 3}


@dataclass(frozen=True, slots=True)
class Pace:
    """How far a seat is. Times are nanoseconds since the Unix epoch, None where it has not happened."""

    began_unix_nano: int
    """Since when its incident counts."""
    joined_unix_nano: int | None
    seen_unix_nano: int | None
    step_number: int
    """1 for the first step of the lesson, 0 before it."""
    step_since_unix_nano: int | None
    wrong_answers: int
    answered: bool
    orders_failed: int
    led_unix_nano: int | None = None
    """When the instructor led it on and no step came since: time, answers and orders count from there."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The state of a seat, and for people why it needs help; empty where it does not."""

    state: State
    reason: str
    since_unix_nano: int
    """Since when it is where it is."""

    @property
    def rank(self) -> tuple[int, int]:
        """Who comes first: who needs help, and of those who waits longest."""
        return _ORDER[self.state], self.since_unix_nano


def judge(paces: Sequence[Pace], now_unix_nano: int) -> list[Judgement]:
    """A judgement for each seat of a class, in the same order."""
    steps = sorted((each.step_since_unix_nano or 0 for each in paces), reverse=True)
    newest, second = [*steps, 0, 0][:2]
    return [
        _judged(pace, second if pace.step_since_unix_nano == newest else newest, now_unix_nano)
        for pace in paces
    ]


def _judged(pace: Pace, others: int, now: int) -> Judgement:
    """`others` is when another seat last reached a step."""
    there = max(pace.began_unix_nano, min(_times(pace) or [pace.began_unix_nano]))
    since = pace.led_unix_nano or pace.step_since_unix_nano or there
    if pace.joined_unix_nano is None and pace.seen_unix_nano is None:
        return Judgement("no-show", "", pace.began_unix_nano)
    if pace.answered:
        return Judgement("done", "", since)
    reason = _reason(pace, since, now - others <= NEXT_STEP_NS, now)
    return Judgement("stuck" if reason else "working", reason, since)


def _times(pace: Pace) -> list[int]:
    return [when for when in (pace.joined_unix_nano, pace.seen_unix_nano) if when is not None]


def _reason(pace: Pace, since: int, others_go_on: bool, now: int) -> str:
    if pace.wrong_answers >= MANY_WRONG:
        return f"{pace.wrong_answers} wrong answers"
    if pace.orders_failed >= MANY_FAILED and pace.step_number <= 1:
        return f"keeps ordering: {pace.orders_failed} failed, still in the shop"
    if not others_go_on:
        return ""
    seen = max(*_times(pace), pace.led_unix_nano or 0)
    if now - seen > AWAY_NS:
        return f"not seen for {_minutes(now - seen)}"
    waiting = now - since
    if not pace.step_number and not pace.led_unix_nano and waiting > FIRST_STEP_NS:
        return f"no step yet after {_minutes(waiting)}"
    if (pace.step_number or pace.led_unix_nano) and waiting > NEXT_STEP_NS:
        return f"no new step for {_minutes(waiting)}"
    return ""


def _minutes(ns: int) -> str:
    return f"{ns // _MINUTE_NS} min"
