"""Converts raw spans to rows; a span that cannot be stored is Malformed.

Owns validity (ids, times, text) of a span. Of a backend's span the attributes are looked up by their bytes;
one whose meaning depends on all of them, such as a browser's, is decoded whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from operator import attrgetter
from typing import Any

from opentelemetry.proto.trace.v1 import trace_pb2

from collector import wire
from collector.items import Malformed
from collector.known_attributes import KnownAttributes, Pair, Tag, pairs_of, tags_of
from collector.times import EARLIEST_UNIX_NANO, LATEST_UNIX_NANO, check_time
from collector.values import check_nesting
from signals import semantics
from signals.attributes import text_of
from signals.browser_events import is_browser, session_of
from signals.model import Attributes, StatusCode
from store.api import AttributeNames, SpanRow

_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)
_NO_ATTRIBUTES: Attributes = {}
_NO_PEER = ("", False)
_ERROR = int(StatusCode.ERROR)
_ROW: Callable[[tuple[Any, ...]], SpanRow] = partial(tuple.__new__, SpanRow)
_FIELDS = attrgetter(
    *("trace_id", "span_id", "parent_span_id", "start_unix_nano", "end_unix_nano", "name", "kind"),
    *("status.code", "attributes", "events", "links"),
)
"""What is read of every span, in one call."""
_Known = KnownAttributes
_Notes = list[str]


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    body: bytes
    attributes: Attributes
    service: str
    tags: Mapping[str, str]
    browser: bool
    warning: str


@dataclass(frozen=True, slots=True)
class Origin:
    """What the items of a group have in common."""

    resource: Resource
    scope: bytes
    tags: dict[tuple[Tag, ...], dict[str, str]] = field(default_factory=dict)
    """Spans that carry the same share it: that is handed over to the settler once."""


def span_row(raw: bytes, group: Origin, notes: _Notes, known: _Known) -> SpanRow:
    span = wire.Span.FromString(raw)
    trace_id, span_id, parent_id, start, end, name, kind, code, sent, events, links = _FIELDS(span)
    if (
        (len(trace_id) != 16 or len(span_id) != 8 or trace_id == _NO_TRACE or span_id == _NO_SPAN)
        or (parent_id and (len(parent_id) != 8 or parent_id == _NO_SPAN))
        or not (EARLIEST_UNIX_NANO <= start <= LATEST_UNIX_NANO and end <= LATEST_UNIX_NANO)
    ):
        parent_id = _checked(span)
    if events or links:
        # Not used here, but readers parse the stored bytes as a whole: they must be valid.
        _check_parts(trace_pb2.Span.FromString(raw), known.names)
    if not (0 <= kind <= 5 and 0 <= code <= 2):
        kind = _noted(kind, code, notes)
    resource = group.resource
    if not resource.browser:
        attributes, backwards = known.known, sent[::-1]
        found = tags_of(backwards, attributes)
        if found is not None:
            tags = group.tags.get(found)
            if tags is None:
                tags = group.tags[found] = _tags_with(resource.tags, found)
            peer, database = attributes.peer_of(kind, backwards) if kind in semantics.CALLS else _NO_PEER
            # Like `SpanRow(…)` in half of its time.
            return _ROW(
                (
                    trace_id, span_id, parent_id, resource.service, name, kind, start,
                    end - start if end > start else 0, code == _ERROR, peer, database, "", False, tags,
                    resource.body, group.scope, raw, 0,
                )
            )  # fmt: skip
    return _row_by_all(raw, span, (parent_id, kind), group, known)


def _checked(span: Any) -> bytes:
    """The id of the parent. Raises Malformed for ids and times that cannot be."""
    _check_id(span.trace_id, 16, _NO_TRACE, "trace id")
    _check_id(span.span_id, 8, _NO_SPAN, "span id")
    parent_id: bytes = span.parent_span_id
    if parent_id and len(parent_id) != 8:
        raise Malformed(f"a parent span id has {len(parent_id)} bytes instead of 8")
    check_time(span.start_unix_nano, "start time")
    if span.end_unix_nano > LATEST_UNIX_NANO:
        raise Malformed("a span's end time is after the year 2200")
    return b"" if parent_id == _NO_SPAN else parent_id


def _noted(kind: int, code: int, notes: _Notes) -> int:
    """The kind that is stored; notes what is kept with a change."""
    if not 0 <= code <= 2:
        notes.append(f"a span's status is {code}, which OTLP does not know: shown as unset")
    if 0 <= kind <= 5:
        return kind
    notes.insert(0, f"a span's kind is {kind}, which OTLP does not know: shown as unspecified")
    return 0


def _row_by_all(raw: bytes, span: Any, read: tuple[bytes, int], group: Origin, known: _Known) -> SpanRow:
    """The row of a span whose meaning depends on all of its attributes, such as one of a browser."""
    (parent_id, kind), resource, name = read, group.resource, span.name
    pairs = pairs_of(span.attributes, known)
    attributes = {key: value for key, value, _ in pairs}
    browser = resource.browser or is_browser(attributes, _NO_ATTRIBUTES)
    peer, database = semantics.peer_of(kind, attributes)
    return SpanRow(
        span.trace_id,
        span.span_id,
        parent_id,
        _app_of(attributes, resource) if browser else resource.service,
        name,
        kind,
        span.start_unix_nano,
        max(span.end_unix_nano - span.start_unix_nano, 0),
        semantics.is_error(span.status.code, attributes),
        peer,
        database,
        session_of(attributes, resource.attributes) if browser else "",
        browser,
        semantics.tags_of(name, attributes, resource.attributes, browser=True)
        if browser
        else _tags(pairs, resource),
        resource.body,
        group.scope,
        raw,
    )


def _tags_with(of_resource: Mapping[str, str], own: Iterable[Tag]) -> dict[str, str]:
    tags = dict(of_resource)
    tags.update(own)
    return tags


def _check_id(value: bytes, length: int, zero: bytes, what: str) -> None:
    if len(value) != length:
        raise Malformed(f"a {what} has {len(value)} bytes instead of {length}")
    if value == zero:
        raise Malformed(f"a {what} is all zeros")


def _tags(pairs: Iterable[Pair], resource: Resource) -> dict[str, str]:
    """The same as `semantics.tags_of` of a backend's span, from the cached attributes."""
    tags = dict(resource.tags)
    for key, _, tag in pairs:
        if tag:
            tags[key] = tag
        elif tag is not None:
            tags.pop(key, None)
    return tags


def _app_of(attributes: Attributes, resource: Resource) -> str:
    """The app of a browser's span, else its service; empty if it names neither: it counts in no service."""
    app = attributes.get("app") or resource.attributes.get("app")
    return text_of(app) if app else text_of(resource.attributes.get("service.name"))


def _check_parts(span: trace_pb2.Span, names: AttributeNames) -> None:
    """Raise Malformed for an event or a link that readers would show otherwise than it was sent.

    The names of their attributes are added.
    """
    for event in span.events:
        names.add_all(pair.key for pair in event.attributes)
        check_nesting(event.attributes)
    for place, link in enumerate(span.links):
        for value, length, what in ((link.trace_id, 16, "traceId"), (link.span_id, 8, "spanId")):
            if value and len(value) != length:
                raise Malformed(f"links[{place}].{what} has {len(value)} bytes instead of {length}")
        names.add_all(pair.key for pair in link.attributes)
        check_nesting(link.attributes)
