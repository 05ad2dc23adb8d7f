"""The seats of a class: activity, and how the requests of each seat ended. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signals.attributes import SEAT
from signals.model import SessionId
from store.api import Breakdown, SessionSummary

_S = 1_000_000_000
ACTIVE_NS = 120 * _S
QUIET_NS = 600 * _S
_MANY_FAILURES = 5
_MANY_SESSIONS = 4
_BADGES = {"active": "good", "quiet": "warn"}


@dataclass(frozen=True, slots=True)
class SeatRow:
    """One seat."""

    seat: str
    last_seen_unix_nano: int
    activity: str
    """`active` within ACTIVE_NS, `quiet` within QUIET_NS, else `away`."""
    sessions: int
    pages: int
    js_errors: int
    attempts: int
    failed: int
    newest_session: SessionId
    hint: str
    """A reason to look at this seat; empty where nothing is unusual."""

    @property
    def activity_css(self) -> str:
        """The class of the badge of the activity."""
        return _BADGES.get(self.activity, "")


def seats(
    summaries: Sequence[SessionSummary], attempts: Breakdown | None, now_unix_nano: int
) -> tuple[SeatRow, ...]:
    """The seats of these sessions, those with a hint first, then the most recently active.

    `attempts` holds, by seat, how often the chosen request was made and how often it failed.
    """
    measures = {value.value: value.measure for value in attempts.values} if attempts else {}
    by_seat: dict[str, list[SessionSummary]] = {}
    for summary in summaries:
        seat = summary.attributes.get(SEAT, "")
        if seat:
            by_seat.setdefault(seat, []).append(summary)
    rows = []
    for seat, own in by_seat.items():
        newest = max(own, key=lambda summary: summary.last_seen_unix_nano)
        measure = measures.get(seat)
        activity = _activity(now_unix_nano - newest.last_seen_unix_nano)
        made, failed = (measure.requests, measure.errors) if measure else (0, 0)
        rows.append(
            SeatRow(
                seat=seat,
                last_seen_unix_nano=newest.last_seen_unix_nano,
                activity=activity,
                sessions=len(own),
                pages=sum(summary.page_views for summary in own),
                js_errors=sum(summary.errors for summary in own),
                attempts=made,
                failed=failed,
                newest_session=newest.session_id,
                hint=_hint(activity, made, failed, len(own), attempts is not None),
            )
        )
    return tuple(sorted(rows, key=lambda row: (not row.hint, -row.last_seen_unix_nano, row.seat)))


def _activity(gap_ns: int) -> str:
    return "active" if gap_ns <= ACTIVE_NS else "quiet" if gap_ns <= QUIET_NS else "away"


def _hint(activity: str, attempts: int, failed: int, sessions: int, counted: bool) -> str:
    if counted and not attempts:
        return "has not made the request yet" if activity == "active" else "stopped before the request"
    if failed >= _MANY_FAILURES and activity == "active":
        return "keeps trying: may not have left the shop"
    if sessions >= _MANY_SESSIONS:
        return "many sessions: cookies may be off"
    return ""
