"""Browser sessions put together from their events, as the rules of `signals` have it."""

# ruff: noqa: S608 - what is put into SQL text are checked names and bound parameters

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cachetools import LRUCache

from signals.browser_events import RUM_TAGS
from signals.folding import fold
from signals.model import SessionId
from store.clickhouse.browser_events import BrowserEvent, BrowserPart
from store.clickhouse.conditions import session_column
from store.clickhouse.connection import Connections, Row, Values
from store.clickhouse.own_tables import MINUTE_NS, SESSIONS
from store.clickhouse.span_rows import within
from store.queries import Window
from store.results import SessionSummary
from store.tags import FIRST_VALUE_TAGS, HAPPENED_TAGS, SESSION_TAGS

AROUND_NS: Final = 12 * 3600 * 10**9
"""The events of a session are looked for so far around the time that is asked for."""
_CACHED_EVENTS: Final = 50_000
_AT_ONCE: Final = 200
_MOST_OF_ONE: Final = 10_000
"""Events of one session that are read, the earliest."""
_LINK: Final = "link.traceId"
FOUND_BY: Final = SESSION_TAGS | HAPPENED_TAGS | {_LINK}
"""Tags by which a session is found; any other name is an attribute of one of its spans."""


@dataclass(frozen=True, slots=True)
class Found:
    """Where a session lies, before its events are read."""

    session_id: str
    events: int
    start: int
    last_start: int


@dataclass(slots=True)
class WholeSession:
    """A session and its events."""

    summary: SessionSummary
    events: Sequence[BrowserEvent]
    pairs: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    number: int = 0
    """Orders sessions that are alike otherwise."""

    def carries(self, name: str, value: str) -> bool:
        """Whether the session, else one of its spans, has this value."""
        if name == _LINK:
            value = value.strip().lower()
        if name in FOUND_BY:
            return (name, value) in self.pairs
        return any(_own_value(event, name) == value for event in self.events)

    def holds(self, name: str, part: str) -> bool:
        """The same of a part of the value, in any form of letters."""
        sought = fold(part)
        if name in FOUND_BY:
            return any(tag == name and sought in fold(value) for tag, value in self.pairs)
        return any(sought in fold(_own_value(event, name)) for event in self.events)


def _own_value(event: BrowserEvent, name: str) -> str:
    return event.value(name) if name not in RUM_TAGS else event.tags.get(name, "")


_STRIDES: Final = (20, 160)
"""Minutes in which the newest sessions are looked for, before all of a window."""


class SessionPart(BrowserPart):
    """Reads sessions, and remembers them while they do not grow."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._known: LRUCache[tuple[str, int], WholeSession] = LRUCache(
            _CACHED_EVENTS, getsizeof=lambda one: len(one.events) or 1
        )

    def sessions_within(self, window: Window, most: int, condition: str = "", values: Values | None = None
                        ) -> tuple[list[Found], bool]:  # fmt: skip
        """The sessions with an event in a window, those that began last first; True if there are more."""
        if self.span_rows is None:
            return [], False
        around = Window(max(0, window.from_unix_nano - AROUND_NS), window.to_unix_nano + AROUND_NS)
        if not condition and self.is_prepared() and window.duration_ns >= MINUTE_NS:
            rows = self._listed(window, around, most + 1)
            return [Found(*row) for row in rows[:most]], len(rows) > most
        time = "toUnixTimestamp64Nano"
        own = session_column(self.span_rows.table)
        rows = self.span_query(
            f"SELECT {own} AS own, uniqExact(TraceId, SpanId), {time}(min(Timestamp)) AS began, "
            f"{time}(max(Timestamp)) FROM {{table}} WHERE {within(around)} AND own != '' {condition} "
            f"GROUP BY own HAVING countIf({within(window)}) > 0 ORDER BY began DESC, own DESC "
            f"LIMIT {most + 1}",
            values,
        )
        return [Found(*row) for row in rows[:most]], len(rows) > most

    def _listed(self, window: Window, around: Window, limit: int) -> Sequence[Row]:
        """The same from the table of sessions: of each minute it has the first and the last event."""
        first, last = around.from_unix_nano // MINUTE_NS, around.to_unix_nano // MINUTE_NS
        begin, end = window.from_unix_nano, window.to_unix_nano
        inside = " OR ".join(f"({column} >= {begin} AND {column} < {end})" for column in ("First", "Last"))
        newest = min(end, self.data_window().to_unix_nano) // MINUTE_NS

        def listed(since: int) -> Sequence[Row]:
            among = having = ""
            if since > first:
                # One that began since then has its first event there.
                minutes = f"Minute >= {since} AND Minute <= {newest}"
                among = f"AND Session GLOBAL IN (SELECT Session FROM {{table}} WHERE {minutes}) "
                having = f" AND began >= {since * MINUTE_NS}"
            return self._query(
                SESSIONS,
                "SELECT Session, sum(Events), min(First) AS began, max(Last) FROM {table} "
                f"WHERE Minute >= {first} AND Minute <= {last} {among}"
                f"GROUP BY Session HAVING countIf({inside}) > 0{having} "
                f"ORDER BY began DESC, Session DESC LIMIT {limit}",
            )

        for minutes in _STRIDES:
            if newest - minutes > first and len(found := listed(newest - minutes)) >= limit:
                return found
        return listed(first)

    def sessions_of(self, names: Sequence[str]) -> list[Found]:
        """These sessions, as far as they are stored."""
        if self.span_rows is None or not names:
            return []
        values = Values()
        if self.is_prepared():
            rows = self._query(
                SESSIONS,
                "SELECT Session, sum(Events), min(First), max(Last) FROM {table} "
                f"WHERE Session IN {values.texts(names)} GROUP BY Session",
                values,
            )
            return [Found(*row) for row in rows]
        own = session_column(self.span_rows.table)
        rows = self.span_query(
            f"SELECT {own} AS own, uniqExact(TraceId, SpanId), toUnixTimestamp64Nano(min(Timestamp)), "
            "toUnixTimestamp64Nano(max(Timestamp)) FROM {table} "
            f"WHERE own IN {values.texts(names)} GROUP BY own",
            values,
        )
        return [Found(*row) for row in rows]

    def whole_sessions(self, found: Sequence[Found]) -> list[WholeSession]:
        """These sessions with their events, in this order."""
        with self._lock:
            known: dict[Found, WholeSession | None] = {
                one: self._known.get((one.session_id, one.events)) for one in found
            }
        missing = [one for one, whole in known.items() if whole is None]
        for begin in range(0, len(missing), _AT_ONCE):
            part = missing[begin : begin + _AT_ONCE]
            times = Window(min(one.start for one in part), max(one.last_start for one in part) + 1)
            most = min(sum(one.events for one in part), _MOST_OF_ONE * len(part))
            by_session: dict[str, list[BrowserEvent]] = {}
            for event in self.session_events([one.session_id for one in part], times, 2 * most):
                by_session.setdefault(event.session, []).append(event)
            for one in part:
                events = by_session.get(one.session_id)
                if events:
                    read = known[one] = whole_session(one.session_id, events[:_MOST_OF_ONE])
                    # Within a snapshot fewer may be seen than were counted.
                    complete = self.moment.upto is None or len(events) >= one.events
                    with self._lock:
                        if complete and len(events) <= _CACHED_EVENTS:
                            self._known[one.session_id, one.events] = read
        return [whole for one in found if (whole := known[one]) is not None]


def whole_session(session_id: str, events: Sequence[BrowserEvent]) -> WholeSession:
    """A session from its events, given by start and then arrival."""
    counts: dict[str, int] = {}
    kept: dict[str, str] = {}
    pairs: set[tuple[str, str]] = set()
    for event in events:
        for sample in event.samples:
            counts[sample.metric] = counts.get(sample.metric, 0) + 1
        for tag, value in event.tags.items():
            if tag in SESSION_TAGS and (tag not in FIRST_VALUE_TAGS or tag not in kept):
                kept[tag] = value
            if tag == _LINK:
                pairs.add((tag, value.lower()))
            elif tag in FOUND_BY and tag not in FIRST_VALUE_TAGS:
                pairs.add((tag, value))
    pairs.update((tag, kept[tag]) for tag in FIRST_VALUE_TAGS & kept.keys())
    start = events[0].start
    summary = SessionSummary(
        session_id=SessionId(session_id),
        start_unix_nano=start,
        duration_ns=max(event.start + event.span.duration_ns for event in events) - start,
        app=kept.get("app", ""),
        environment=kept.get("environment", ""),
        page_views=counts.get("page_views", 0),
        errors=counts.get("js_errors", 0),
        network_errors=counts.get("network_errors", 0),
        events=len(events),
        last_seen_unix_nano=events[-1].start,
        attributes=kept,
        clock_shift_ns=_shift(events),
    )
    return WholeSession(summary, events, frozenset(pairs), _number(session_id))


def _shift(events: Sequence[BrowserEvent]) -> int:
    return next((each.span.clock_shift_ns for each in reversed(events) if each.span.clock_shift_ns), 0)


def _number(session_id: str) -> int:
    body = session_id.encode("utf-8", "replace")
    return int.from_bytes(hashlib.blake2b(body, digest_size=8).digest(), "big") >> 1
