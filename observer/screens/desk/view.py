"""The desk as a view-model: the seats in rows, the funnel of the class, counts, the log of actions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo
from urllib.parse import quote
from zlib import crc32

from classroom import Action
from incidents.model import Incident
from observer.components.number_format import NOTHING, plural
from observer.components.time_format import ago
from observer.lookup.class_seats import ClassSeat
from observer.request.local_time import moment

_MINUTE_NS = 60 * 10**9
HERE_NS = 10 * _MINUTE_NS
"""Who was seen within this time is counted as present."""
_BADGES = {"stuck": "warn", "working": "note", "done": "good", "no-show": ""}
_WHOM_SHOWN = 3


@dataclass(frozen=True, slots=True)
class SeatRow:
    """One seat of the table."""

    seat: str
    key: str
    """Stands for the seat in ids: short, because the table is sent every second and a half."""
    href: str
    name: str
    state: str
    badge_css: str
    reason: str
    step: str
    """Its number and title, or where it was led; a dash before the first."""
    since: str
    """How long it has been at the step; empty before the first."""
    seen: str
    came: bool
    orders: int
    failed: int
    hints: int
    answers: int
    earlier: int
    """Answers to incidents of before."""
    wrong_turn: str
    repaired: str
    """The names of the repairs in force."""


@dataclass(frozen=True, slots=True)
class Stat:
    """One number of the head of the page."""

    name: str
    value: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class FunnelRow:
    """One step, and how many seats came so far or further."""

    label: str
    seats: int
    share: float


@dataclass(frozen=True, slots=True)
class LogRow:
    """One action."""

    at: str
    """How long ago."""
    actor: str
    action: str
    whom: str
    detail: str


@dataclass(frozen=True, slots=True)
class DeskPage:
    """What the desk shows and keeps up to date."""

    rows: tuple[SeatRow, ...]
    stats: tuple[Stat, ...]
    funnel: tuple[FunnelRow, ...]
    elsewhere: str
    """How many seats have another incident, in a sentence; empty where none has."""
    log: tuple[LogRow, ...]
    as_of_unix_nano: int
    """When all this was so."""


def build(
    seats: Sequence[ClassSeat],
    incident: str,
    lesson: Incident | None,
    actions: Sequence[Action],
    now_unix_nano: int,
    zone: tzinfo = UTC,
) -> DeskPage:
    """The desk of a class whose incident is `incident`; `lesson` is None where its file is malformed."""
    same = [seat for seat in seats if seat.incident == incident]
    others = len(seats) - len(same)
    return DeskPage(
        rows=tuple(seat_row(seat, now_unix_nano, zone) for seat in seats),
        stats=_stats(seats, now_unix_nano),
        funnel=_funnel(same, lesson),
        elsewhere=f"Without {plural(others, 'seat')} with another incident." if others else "",
        log=tuple(_log_row(action, now_unix_nano) for action in actions),
        as_of_unix_nano=now_unix_nano,
    )


def seat_row(seat: ClassSeat, now_unix_nano: int, zone: tzinfo = UTC) -> SeatRow:
    """One row of the table; times of day are in `zone`."""
    led = seat.led_unix_nano
    since = led if led is not None else seat.step_since_unix_nano
    step = f"{seat.step_number}/{seat.steps} {seat.step.title}" if seat.step else NOTHING
    if led is not None:
        step = f"led to step {seat.led_number} at {moment(led, zone):%H:%M}"
    return SeatRow(
        seat=seat.seat,
        key=f"{crc32(seat.seat.encode()):x}",
        href=_href(seat.seat),
        name=seat.name,
        state=seat.state,
        badge_css=_BADGES[seat.state],
        reason=seat.reason,
        step=step,
        since=ago(since, now_unix_nano).removesuffix(" ago") if since is not None else "",
        seen=_seen(seat.last_seen_unix_nano, now_unix_nano),
        came=seat.last_seen_unix_nano is not None,
        orders=seat.orders,
        failed=seat.orders_failed,
        hints=seat.hints,
        answers=seat.answers,
        earlier=seat.answers_earlier,
        wrong_turn=seat.wrong_turn,
        repaired=", ".join(seat.repaired),
    )


def _href(seat: str) -> str:
    """The page of a seat; letters of every script stay, which browsers encode, and are a third as long."""
    return "/desk/seats/" + "".join(each if each.isalnum() else quote(each, safe="-._") for each in seat)


def _seen(unix_nano: int | None, now: int) -> str:
    # Browsers' clocks may be ahead.
    return NOTHING if unix_nano is None else ago(min(unix_nano, now), now)


def _stats(seats: Sequence[ClassSeat], now: int) -> tuple[Stat, ...]:
    here = sum(now - (seat.last_seen_unix_nano or 0) <= HERE_NS for seat in seats)
    failed = sum(seat.orders_failed for seat in seats)
    return (
        Stat("Seats", len(seats), f"{_count(seats, 'no-show')} not here yet"),
        Stat(f"Seen in the last {HERE_NS // _MINUTE_NS} minutes", here),
        Stat("Stuck", _count(seats, "stuck")),
        Stat("Done", _count(seats, "done")),
        Stat("Orders", sum(seat.orders for seat in seats), f"{failed} failed"),
    )


def _count(seats: Sequence[ClassSeat], state: str) -> int:
    return sum(seat.state == state for seat in seats)


def _funnel(seats: Sequence[ClassSeat], lesson: Incident | None) -> tuple[FunnelRow, ...]:
    counts = [("Joined", sum(seat.state != "no-show" for seat in seats))]
    for number, step in enumerate(lesson.steps if lesson else (), 1):
        counts.append((f"{number}. {step.title}", sum(seat.step_number >= number for seat in seats)))
    counts.append(("Answered right", _count(seats, "done")))
    if lesson and lesson.repairs:
        counts.append(("Repaired", sum(bool(seat.repaired) for seat in seats)))
    return tuple(FunnelRow(label, count, count / max(1, len(seats))) for label, count in counts)


def _log_row(action: Action, now: int) -> LogRow:
    seats = [seat for seat in action.seats.split(",") if seat]
    more = f" and {len(seats) - _WHOM_SHOWN} more" if len(seats) > _WHOM_SHOWN else ""
    whom = ", ".join(seats[:_WHOM_SHOWN]) + more
    return LogRow(
        ago(action.at_unix_nano, now), action.actor, action.action, whom or "everybody", action.detail
    )
