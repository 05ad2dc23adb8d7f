"""The filters of an address of logs: the store query that they make, and a chip for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from observer.lookup.sessions import session_traces
from observer.request.parameters import Query, read_attribute
from observer.request.scope import Scope
from observer.screens.logs import filter_syntax
from observer.screens.logs.filter_syntax import Pairs
from signals.model import SessionId, Severity, TraceId
from store.api import LogQuery, Reader, Window

PAGE_SIZE = 100
_MOST_NAMED_EXCLUDED = 2
"""Up to this many excluded severities, a chip names these rather than those that are left."""


@dataclass(frozen=True, slots=True)
class Chip:
    """One filter on screen."""

    name: str
    sign: str
    """`=`, `≠` or `contains`."""
    value: str
    removed: Pairs
    """The arguments of the page without the filter."""
    inverted: Pairs = ()
    """The arguments of the page with the opposite filter; empty where there is no opposite."""

    @property
    def opposite_sign(self) -> str:
        """The sign of the opposite filter."""
        return "=" if self.sign == "≠" else "≠"

    @property
    def opposite_title(self) -> str:
        """What the opposite filter shows."""
        return "Only logs with this" if self.sign == "≠" else "Leave these out instead"


@dataclass(frozen=True, slots=True)
class Selection:
    """The filters of one address."""

    query: LogQuery
    chips: tuple[Chip, ...]
    by_id: bool
    """Whether an id filters the logs and no time range is given, so that all logs of the id are shown."""
    short_id: bool
    """Whether only 16 digits of a trace id were given and no trace in the store ends in them."""

    @property
    def tailable(self) -> bool:
        """Whether new logs may be put on top as they arrive."""
        return not self.by_id and self.query.cursor is None

    @property
    def has_id(self) -> bool:
        """Whether a trace, span or session id filters the logs."""
        return bool(self.query.trace_id or self.query.span_id or self.query.session_id)

    @property
    def subject(self) -> str:
        """What an id filters by, in words."""
        if self.query.span_id:
            return "this span"
        return "this trace" if self.query.trace_id else "this session"


def read_selection(query: Query, reader: Reader, scope: Scope) -> Selection:
    """The selection of an address; the store completes a short trace id. Raises Malformed."""
    trace_id, span_id, session = query.trace_id(), query.span_id(), query.text("session_id")
    full_trace_id = _full_trace_id(trace_id, reader)
    own_range = query.has("from") or query.has("to") or query.has("since")
    by_id = bool(trace_id or span_id or session) and not own_range
    log_query = LogQuery(
        window=Window.ALL if by_id else scope.window,
        trace_id=full_trace_id or (TraceId(trace_id.zfill(32)) if trace_id else None),
        span_id=span_id,
        session_id=SessionId(session) if session else None,
        trace_ids=session_traces(reader, SessionId(session)) if session else (),
        service=query.text("service"),
        severities=query.severities(),
        text=query.text("q"),
        attributes=query.attributes(),
        like=query.attributes("like"),
        excluded=query.attribute_pairs("exclude"),
        limit=PAGE_SIZE,
        cursor=query.text("cursor"),
        environment=scope.environment,
    )
    pairs = query.pairs()
    chips = (*_record_chips(log_query, trace_id, pairs), *_attribute_chips(log_query, pairs))
    return Selection(log_query, chips, by_id, bool(trace_id and full_trace_id is None))


def _full_trace_id(trace_id: TraceId | None, reader: Reader) -> TraceId | None:
    """All 32 digits, or None where no trace in the store ends in the 16 that were given."""
    if trace_id is None or len(trace_id) == 32:
        return trace_id
    ending = reader.trace_ids_ending(trace_id)
    return ending[0] if ending else None


def _record_chips(query: LogQuery, trace_id: TraceId | None, pairs: Pairs) -> Iterator[Chip]:
    """The filters by fields of the record."""
    without_opposite = (
        ("trace_id", "trace_id", "=", trace_id),
        ("span_id", "span_id", "=", query.span_id),
        ("session_id", "session_id", "=", query.session_id),
        ("message", "q", "contains", query.text),
    )
    if query.service:
        inverted = filter_syntax.excluding(pairs, "service.name", query.service)
        yield Chip("service.name", "=", query.service, _removed(pairs, "service"), inverted)
    if query.severities:
        yield _severity_chip(query.severities, _removed(pairs, "severity"))
    for name, argument, sign, value in without_opposite:
        if value:
            yield Chip(name, sign, value, _removed(pairs, argument))


def _severity_chip(chosen: frozenset[Severity], removed: Pairs) -> Chip:
    excluded = [s.value for s in Severity if s not in chosen]
    included = [s.value for s in Severity if s in chosen]
    if 0 < len(excluded) <= _MOST_NAMED_EXCLUDED:
        sign, value = "≠", " or ".join(excluded)
    else:
        sign, value = "=", " or ".join(included)
    inverted = (*removed, ("severity", ",".join(excluded))) if excluded else ()
    return Chip("severity", sign, value, removed, inverted)


def _attribute_chips(query: LogQuery, pairs: Pairs) -> Iterator[Chip]:
    for name, value in query.attributes.items():
        kept = [pair for pair in pairs if pair[0] != "attr" or (read_attribute(pair[1]) or ("",))[0] != name]
        yield Chip(name, "=", value, _first_page(kept), filter_syntax.excluding(pairs, name, value))
    for name, part in query.like.items():
        kept = [pair for pair in pairs if pair[0] != "like" or (read_attribute(pair[1]) or ("",))[0] != name]
        yield Chip(name, "contains", part, _first_page(kept))
    for name, value in query.excluded:
        kept = [pair for pair in pairs if pair[0] != "exclude" or read_attribute(pair[1]) != (name, value)]
        yield Chip(name, "≠", value, _first_page(kept), filter_syntax.including(pairs, name, value))


def _removed(pairs: Pairs, argument: str) -> Pairs:
    return _first_page([pair for pair in pairs if pair[0] != argument])


def _first_page(pairs: Pairs) -> Pairs:
    return [pair for pair in pairs if pair[0] not in filter_syntax.PER_LOG]
