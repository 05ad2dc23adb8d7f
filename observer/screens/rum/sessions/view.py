"""The list of sessions: what was asked for, and each row as it is shown. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from observer.components.number_format import plural
from observer.request.scope import Scope
from observer.screens.rum.traffic_filter import SYNTHETIC, SYNTHETIC_DECLARED, WHOSE as WHOSE
from signals.model import SessionId
from store.api import SessionQuery, SessionSort, SessionSummary

SEAT = "enduser.id"
SORTS: Mapping[str, SessionSort] = {name: name for name in get_args(SessionSort)}
SORT_WORDS: Mapping[str, str] = {
    "newest": "newest first",
    "oldest": "oldest first",
    "longest": "longest first",
    "shortest": "shortest first",
    "pages": "most pages first",
    "errors": "most JavaScript errors first",
    "network_errors": "most network errors first",
}
_COLUMNS = (
    ("Session", "", "", False),
    ("Seat", "", "", False),
    ("Start", "newest", "oldest", False),
    ("Duration", "longest", "shortest", False),
    ("Pages", "pages", "", True),
    ("JS errors", "errors", "", True),
    ("Network errors", "network_errors", "", True),
    ("App", "", "", False),
    ("Browser", "", "", False),
)
"""Label, the sort that falls, the one that rises, whether it is a number."""
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


@dataclass(frozen=True, slots=True)
class Head:
    """The head of one column."""

    label: str
    number: bool
    sort: str
    """What its link sorts by: the other way round where the list is sorted so already; empty without link."""
    now: str
    """`ascending`, `descending`, or empty where the list is sorted by another."""


def heads(sort: str) -> tuple[Head, ...]:
    """The heads of the columns over a list that is sorted so."""
    return tuple(
        Head(
            label,
            number,
            rising if rising and sort == falling else falling,
            "" if not falling else {falling: "descending", rising: "ascending"}.get(sort, ""),
        )
        for label, falling, rising, number in _COLUMNS
    )


def unfinished(name: str, value: str) -> str:
    """What lacks where only half of a filter was typed; empty where nothing does."""
    if name and not value:
        return f"Which value of {name} do you look for? Type it beside the name, then Find."
    if value and not name:
        return f"Which attribute has the value {value}? Type its name, or choose one of the list, then Find."
    return ""


def seen_of(rows: Sequence[Row]) -> str:
    """What a page shows, in short: each session's mark and its errors."""
    return ",".join(f"{_mark(row.session_id)}.{row.errors + row.network_errors}" for row in rows)


def news_of(summaries: Sequence[SessionSummary], seen: str, after_unix_nano: int) -> tuple[int, str]:
    """How many sessions are new since a page was drawn or gained an error, and the words for it.

    `seen` is what `seen_of` gave. A session that it lacks is new if it began after
    `after_unix_nano`: on a page that is not the newest, older ones are no news.
    """
    known = dict(part.split(".", 1) for part in seen.split(",") if "." in part)
    fresh = failing = 0
    for one in summaries:
        was = known.get(_mark(one.session_id))
        if was is None:
            fresh += one.start_unix_nano > after_unix_nano
        elif was.isdecimal() and one.errors + one.network_errors > int(was[:9]):
            failing += 1
    more = "+" if fresh >= PAGE_SIZE else ""
    words = [f"{fresh}{more} new session{'' if fresh == 1 else 's'}"] if fresh else []
    if failing:
        words.append(f"new errors in {plural(failing, 'session')}")
    return fresh + failing, ", ".join(words)


def _mark(session_id: str) -> str:
    return hashlib.blake2s(session_id.encode("utf-8", "replace"), digest_size=4).hexdigest()


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
