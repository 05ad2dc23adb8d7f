"""Which logs a page is about: the filters of its address, as a question to the store and as chips."""

from __future__ import annotations

from dataclasses import dataclass
from dataclasses import replace

from observer.meaning.sessions import session_traces
from observer.query import Query
from observer.ui.scope import Scope
from store.api import LogQuery
from store.api import Page
from store.api import Reader
from store.model import Log
from store.model import SessionId
from store.model import Severity
from store.model import TraceId
from store.model import Window

PAGE_SIZE = 100
_EVER = Window(0, 2**62)
_LEAST_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter as it is shown, and the argument that holds it."""

    name: str
    sign: str
    value: str
    argument: str
    """Its name in the address; attributes go by their own name."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The filters of one address."""

    query: LogQuery
    chips: tuple[Chip, ...]
    by_id: bool
    """An id narrows it, so the whole of that id is meant, whatever the time range says."""

    @property
    def tailable(self) -> bool:
        """Whether new logs may be put on top as they come."""
        return not self.by_id and self.query.cursor is None


def read(query: Query, reader: Reader, scope: Scope) -> Selection:
    """The selection of an address. Raises Malformed."""
    trace_id = query.trace_id()
    span_id = query.span_id()
    session = query.text("session_id")
    attributes = dict(query.attributes())
    severities = query.severities()
    service, text = query.text("service"), query.text("q")
    by_id = bool(trace_id or span_id or session)
    own_range = query.has("from") or query.has("to") or query.has("since")
    asked = LogQuery(
        window=_EVER if by_id and not own_range else scope.window,
        trace_id=_whole(trace_id, reader),
        span_id=span_id,
        session_id=SessionId(session) if session else None,
        trace_ids=session_traces(reader, SessionId(session)) if session else (),
        service=service,
        severities=severities,
        text=text,
        attributes=attributes,
        limit=PAGE_SIZE,
        cursor=query.text("cursor"),
        environment=scope.environment,
    )
    given = (
        ("trace_id", "=", trace_id or ""),
        ("span_id", "=", span_id or ""),
        ("session_id", "=", session or ""),
        ("service.name", "=", service or ""),
        ("severity", "=", " or ".join(s.value for s in Severity if s in severities)),
        ("message", "contains", text or ""),
    )
    arguments = {"service.name": "service", "message": "q"}
    chips = [Chip(name, sign, value, arguments.get(name, name)) for name, sign, value in given if value]
    chips += [Chip(name, "=", value, name) for name, value in attributes.items()]
    return Selection(asked, tuple(chips), by_id and not own_range)


def _whole(trace_id: TraceId | None, reader: Reader) -> TraceId | None:
    """All 32 digits. Logs may be here whose trace is not: then the 16 given are taken as they are."""
    if trace_id is None or len(trace_id) == 32:
        return trace_id
    ending = reader.trace_ids_ending(trace_id)
    return ending[0] if ending else TraceId(trace_id.zfill(32))


def spread(selection: Selection, page: Page[Log], reader: Reader) -> Window:
    """The window of the histogram: the page's own, or where an id's logs lie, with a little room.

    `page` is the first page of the selection's logs: often it holds all of them.
    """
    if not selection.by_id:
        return selection.query.window
    if selection.query.cursor is None and page.next_cursor is None:
        ends = list(page.items)
    else:
        ends = [
            log
            for oldest in (True, False)
            for log in reader.find_logs(
                replace(selection.query, cursor=None, limit=1, oldest_first=oldest)
            ).items
        ]
    if not ends:
        return selection.query.window
    start = min(log.time_unix_nano for log in ends)
    end = max(log.time_unix_nano for log in ends) + 1
    room = max((end - start) // 20, (_LEAST_NS - (end - start)) // 2, 0)
    return Window(max(0, start - room), end + room)
