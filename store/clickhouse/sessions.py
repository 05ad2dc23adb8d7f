"""`store.api.SessionReader` over ClickHouse."""

# ruff: noqa: S608 - what is put into SQL text are checked names and bound parameters

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from signals.model import SessionId, Span
from store.api import BadQuery, CountedEvents, Page, SessionQuery, SessionSort, Window
from store.clickhouse.conditions import session_column
from store.clickhouse.own_tables import SESSIONS
from store.clickhouse.rum import errors_of, samples_of
from store.clickhouse.session_events import Found, SessionPart, WholeSession
from store.question_parts import limited, make_cursor, read_cursor
from store.results import Presence, SessionSummary

_MOST: Final = 5_000
"""Sessions that one question looks at, the newest."""
_NEWEST: Final = 20_000
"""Sessions among which one is searched by the end of its id."""
_AT_ONCE: Final = 100
_SORTS: Final[Mapping[SessionSort, Callable[[SessionSummary], int]]] = {
    "newest": lambda one: one.start_unix_nano,
    "oldest": lambda one: -one.start_unix_nano,
    "longest": lambda one: one.duration_ns,
    "shortest": lambda one: -one.duration_ns,
    "errors": lambda one: one.errors,
    "network_errors": lambda one: one.network_errors,
    "pages": lambda one: one.page_views,
}


class ClickHouseSessionReader(SessionPart):
    """Finds sessions and their spans."""

    def session(self, session_id: SessionId) -> SessionSummary | None:
        whole = self.whole_sessions(self.sessions_of([session_id]))
        return whole[0].summary if whole else None

    def sessions_ending(self, ending: str) -> Sequence[SessionId]:
        if not ending or self.span_rows is None:
            return []
        return [name for name in self.newest_sessions(_NEWEST) if name.lower().endswith(ending.lower())][:10]

    def newest_sessions(self, most: int) -> Sequence[SessionId]:
        """The ids of the sessions that ended last."""
        if self.span_rows is None:
            return []
        if self.is_prepared():
            rows = self._query(
                SESSIONS,
                "SELECT Session, max(Finish) AS finish FROM {table} GROUP BY Session "
                f"ORDER BY finish DESC LIMIT {most}",
            )
            return [SessionId(name) for name, _ in rows]
        rows = self.span_query(
            f"SELECT {session_column(self.span_rows.table)} AS own, "
            "max(toUnixTimestamp64Nano(Timestamp) + Duration) AS finish "
            f"FROM {{table}} WHERE own != '' GROUP BY own ORDER BY finish DESC LIMIT {most}"
        )
        return [SessionId(name) for name, _ in rows]

    def locate_session(self, session_id: SessionId) -> Presence:
        return Presence.PRESENT if self.sessions_of([session_id]) else Presence.NEVER_SEEN

    def spans_of_session(self, session_id: SessionId, limit: int = 10_000) -> Sequence[Span]:
        window = Window.ALL
        if self.is_prepared():
            # The minutes of its events are known: a part of the spans is read.
            if not (found := self.sessions_of([session_id])):
                return []
            window = Window(found[0].start, found[0].last_start + 1)
        return [event.span for event in self.session_events([session_id], window, 2 * limit)][:limit]

    def find_sessions(self, query: SessionQuery) -> Page[SessionSummary]:
        limit = limited(query.limit)
        if query.sort not in _SORTS:
            raise BadQuery(f"sort is {query.sort!r}: give one of {', '.join(_SORTS)}.")
        measure = _SORTS[query.sort]
        after = read_cursor(query.cursor, query.sort)
        candidates, cut = self.sessions_within(query.window, _MOST)
        behind, short = self._behind(query)
        found: list[WholeSession] = []
        for one in self._matching(candidates, query, behind):
            if not after or (measure(one.summary), one.number) < (after[0], after[1]):
                found.append(one)
            # Candidates come as they began; of two that began at once the number decides.
            if (
                query.sort == "newest"
                and len(found) > limit
                and (found[-1].summary.start_unix_nano < found[limit].summary.start_unix_nano)
            ):
                break
        found.sort(key=lambda one: (measure(one.summary), one.number), reverse=True)
        cursor = None
        if len(found) > limit:
            last = found[limit - 1]
            cursor = make_cursor(query.sort, measure(last.summary), last.number)
        return Page([one.summary for one in found[:limit]], cursor, cut or short)

    def count_sessions(self, query: SessionQuery) -> tuple[int, bool]:
        candidates, cut = self.sessions_within(query.window, _MOST)
        behind, short = self._behind(query)
        return sum(1 for _ in self._matching(candidates, query, behind)), cut or short

    def _matching(
        self, candidates: Sequence[Found], query: SessionQuery, behind: frozenset[str] | None
    ) -> Iterator[WholeSession]:
        chosen = [one for one in candidates if behind is None or one.session_id in behind]
        for begin in range(0, len(chosen), _AT_ONCE):
            for one in self.whole_sessions(chosen[begin : begin + _AT_ONCE]):
                if (
                    all(one.carries(name, value) for name, value in query.attributes.items())
                    and all(one.holds(name, part) for name, part in query.like.items())
                    and not any(one.carries(name, value) for name, value in query.excluded.items())
                ):
                    yield one

    def _behind(self, query: SessionQuery) -> tuple[frozenset[str] | None, bool]:
        """The sessions of the events that are counted, None for all; True if older ones were not read."""
        counted: CountedEvents | None = query.counted
        if counted is None:
            return None, False
        events, cut = self.browser_events(query.window)
        if counted.error_id:
            errors = errors_of(events, counted.where)
            return frozenset(one.session_id for one in errors if one.error_id == counted.error_id), cut
        return frozenset(
            event.session
            for event in events
            if samples_of(event, counted.metric) and event.carries(counted.where)
        ), cut
