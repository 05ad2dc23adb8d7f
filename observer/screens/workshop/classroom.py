"""A class at a glance: every seat that was seen, how active it is, how its requests fared. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from signals.model import SessionId
from store.api import Breakdown, SessionSummary

SEAT = "enduser.id"
_S = 1_000_000_000
ACTIVE_NS = 120 * _S
QUIET_NS = 600 * _S


@dataclass(frozen=True, slots=True)
class SeatRow:
    """One seat."""

    seat: str
    last_seen_unix_nano: int
    activity: str
    """`active`, `quiet` or `away`: within two minutes, within ten, longer."""
    sessions: int
    pages: int
    js_errors: int
    attempts: int
    failed: int
    newest_session: SessionId
    hint: str
    """What an instructor may want to look at; empty where nothing stands out."""


def seats(
    summaries: Sequence[SessionSummary], attempts: Breakdown | None, now_unix_nano: int
) -> tuple[SeatRow, ...]:
    """The seats of these sessions, those who may be stuck first, then the most recent.

    `attempts` holds the chosen request by seat: how often, and how often it failed.
    """
    tried = {value.value: value.measure for value in attempts.values} if attempts else {}
    by_seat: dict[str, list[SessionSummary]] = {}
    for summary in summaries:
        seat = summary.attributes.get(SEAT, "")
        if seat:
            by_seat.setdefault(seat, []).append(summary)
    rows = []
    for seat, own in by_seat.items():
        newest = max(own, key=lambda summary: summary.last_seen_unix_nano)
        measure = tried.get(seat)
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


def _hint(activity: str, attempts: int, failed: int, sessions: int, judged: bool) -> str:
    if judged and not attempts:
        return "has not come to the request yet" if activity == "active" else "stopped before the request"
    if failed >= 5 and activity == "active":
        return "keeps trying: may not have left the shop"
    if sessions >= 4:
        return "many sessions: cookies may be off"
    return ""


def totals(rows: Sequence[SeatRow]) -> Mapping[str, int]:
    """What the head of the page counts."""
    return {
        "seats": len(rows),
        "active": sum(row.activity == "active" for row in rows),
        "tried": sum(row.attempts > 0 for row in rows),
        "failed": sum(row.failed > 0 for row in rows),
    }
