"""Which logs a page is about: the filters of its address, as a question to the store and as chips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from observer.lookup.sessions import session_traces
from observer.request.parameters import Query, read_attribute
from observer.request.scope import Scope
from observer.screens.logs import filter_syntax
from observer.screens.logs.filter_syntax import Pairs
from signals.model import Log, SessionId, Severity, TraceId
from store.api import LogQuery, Page, Reader, Window

PAGE_SIZE = 100
_LEAST_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter as it is shown, and the arguments of the pages without it and with its opposite."""

    name: str
    sign: str
    value: str
    less: Pairs
    turned: Pairs = ()
    """Empty where there is no opposite."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The filters of one address."""

    query: LogQuery
    chips: tuple[Chip, ...]
    by_id: bool
    """An id narrows it, so the whole of that id is meant, whatever the time range says."""
    short_id: bool
    """Only 16 digits of a trace's id were given, and no trace here ends in them."""

    @property
    def tailable(self) -> bool:
        """Whether new logs may be put on top as they come."""
        return not self.by_id and self.query.cursor is None

    @property
    def subject(self) -> str:
        """What an id narrows to, in words."""
        if self.query.span_id:
            return "this span"
        return "this trace" if self.query.trace_id else "this session"


def read(query: Query, reader: Reader, scope: Scope) -> Selection:
    """The selection of an address. Raises Malformed."""
    trace_id, span_id, session = query.trace_id(), query.span_id(), query.text("session_id")
    whole = _whole(trace_id, reader)
    by_id = bool(trace_id or span_id or session)
    own_range = query.has("from") or query.has("to") or query.has("since")
    asked = LogQuery(
        window=Window.ALL if by_id and not own_range else scope.window,
        trace_id=whole or (TraceId(trace_id.zfill(32)) if trace_id else None),
        span_id=span_id,
        session_id=SessionId(session) if session else None,
        trace_ids=session_traces(reader, SessionId(session)) if session else (),
        service=query.text("service"),
        severities=query.severities(),
        text=query.text("q"),
        attributes=query.attributes(),
        excluded=query.attribute_pairs("exclude"),
        limit=PAGE_SIZE,
        cursor=query.text("cursor"),
        environment=scope.environment,
    )
    chips = (*_record_chips(asked, trace_id, query.pairs()), *_attribute_chips(asked, query.pairs()))
    return Selection(asked, chips, by_id and not own_range, bool(trace_id and whole is None))


def _record_chips(asked: LogQuery, trace_id: TraceId | None, pairs: Pairs) -> Iterator[Chip]:
    """The filters by fields of the record."""
    plain = (
        ("trace_id", "trace_id", "=", trace_id),
        ("span_id", "span_id", "=", asked.span_id),
        ("session_id", "session_id", "=", asked.session_id),
        ("message", "q", "contains", asked.text),
    )
    if asked.service:
        turned = filter_syntax.without(pairs, "service.name", asked.service)
        yield Chip("service.name", "=", asked.service, _less(pairs, "service"), turned)
    if asked.severities:
        yield _severity_chip(asked.severities, _less(pairs, "severity"))
    for name, argument, sign, value in plain:
        if value:
            yield Chip(name, sign, value, _less(pairs, argument))


def _severity_chip(chosen: frozenset[Severity], less: Pairs) -> Chip:
    """Said by what it leaves out where that is shorter."""
    others = [s.value for s in Severity if s not in chosen]
    words = [s.value for s in Severity if s in chosen]
    sign, said = ("≠", " or ".join(others)) if 0 < len(others) < 3 else ("=", " or ".join(words))
    turned = (*less, ("severity", ",".join(others))) if others else ()
    return Chip("severity", sign, said, less, turned)


def _attribute_chips(asked: LogQuery, pairs: Pairs) -> Iterator[Chip]:
    for name, value in asked.attributes.items():
        less = [pair for pair in pairs if pair[0] != "attr" or (read_attribute(pair[1]) or ("",))[0] != name]
        yield Chip(name, "=", value, _first_page(less), filter_syntax.without(pairs, name, value))
    for name, value in asked.excluded:
        less = [pair for pair in pairs if pair[0] != "exclude" or read_attribute(pair[1]) != (name, value)]
        yield Chip(name, "≠", value, _first_page(less), filter_syntax.within(pairs, name, value))


def _less(pairs: Pairs, argument: str) -> Pairs:
    return _first_page([pair for pair in pairs if pair[0] != argument])


def _first_page(pairs: Pairs) -> Pairs:
    return [pair for pair in pairs if pair[0] not in filter_syntax.PER_LOG]


def _whole(trace_id: TraceId | None, reader: Reader) -> TraceId | None:
    """All 32 digits, or None where no trace here ends in the 16 that were given."""
    if trace_id is None or len(trace_id) == 32:
        return trace_id
    ending = reader.trace_ids_ending(trace_id)
    return ending[0] if ending else None


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
