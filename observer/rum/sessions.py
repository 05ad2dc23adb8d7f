"""The list of sessions: what was asked for, and each row as it is shown. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from observer.ui.scope import Scope
from store.api import SessionQuery
from store.model import SessionId
from store.model import SessionSummary

SEAT = "enduser.id"
SYNTHETIC = "user_agent.synthetic.type"
SYNTHETIC_DECLARED = "test"
SORTS: Mapping[str, Literal["newest", "longest", "errors"]] = {
    "newest": "newest",
    "longest": "longest",
    "errors": "errors",
}
WHOSE = ("people", "synthetic", "all")
SEARCHABLE = (
    "enduser.id",
    "app",
    "page",
    "operation",
    "browser.name",
    "os.name",
    "app.version",
    "tenant.level",
    "http.status_code",
    "link.traceId",
)
"""Attributes offered by name; any other can be typed."""
PAGE_SIZE = 50


@dataclass(frozen=True, slots=True)
class Row:
    """One session of the list."""

    session_id: SessionId
    short_id: str
    seat: str
    app: str
    environment: str
    start_unix_nano: int
    duration_ns: int
    share: float
    """Of the longest on this page, 0 to 1."""
    page_views: int
    errors: int
    network_errors: int
    events: int
    browser: str
    system: str
    synthetic: str
    last_seen_unix_nano: int


def query_of(
    scope: Scope, attributes: Mapping[str, str], whose: str, sort: str, cursor: str | None
) -> SessionQuery:
    """The question to the store: the environment joins the filters, synthetic traffic is set apart."""
    wanted = dict(attributes)
    if scope.environment:
        wanted["environment"] = scope.environment
    if whose == "synthetic":
        wanted.setdefault(SYNTHETIC, SYNTHETIC_DECLARED)
    return SessionQuery(
        window=scope.window,
        attributes=wanted,
        excluded={SYNTHETIC: SYNTHETIC_DECLARED} if whose == "people" else {},
        sort=SORTS[sort],
        limit=PAGE_SIZE,
        cursor=cursor,
    )


def rows_of(summaries: Sequence[SessionSummary]) -> tuple[Row, ...]:
    """The rows of one page of the list."""
    longest = max((summary.duration_ns for summary in summaries), default=0) or 1
    return tuple(_row(summary, longest) for summary in summaries)


def _row(summary: SessionSummary, longest_ns: int) -> Row:
    tags = summary.attributes
    browser = tags.get("browser.version") or tags.get("browser.name", "")
    return Row(
        session_id=summary.session_id,
        short_id=summary.session_id[:8] + ("…" if len(summary.session_id) > 8 else ""),
        seat=tags.get(SEAT, ""),
        app=summary.app,
        environment=summary.environment,
        start_unix_nano=summary.start_unix_nano,
        duration_ns=summary.duration_ns,
        share=summary.duration_ns / longest_ns,
        page_views=summary.page_views,
        errors=summary.errors,
        network_errors=summary.network_errors,
        events=summary.events,
        browser=browser,
        system=tags.get("os.name", ""),
        synthetic=tags.get(SYNTHETIC, ""),
        last_seen_unix_nano=summary.last_seen_unix_nano,
    )
