"""Fields of a span or a log record that are no attributes of it, found by a name as if they were.

An instrumentation scope's attributes, the attributes of a span's events and links, and what OTLP keeps in
fields of its own: FIELD_NAMES.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Literal

from signals.model import Attribute, Attributes
from store.decode import log_detail, resource_extras, scope_of, span_detail
from store.sqlite.read.read_connection import ReadSession

Record = Literal["log", "span"]
Matches = Callable[[Attribute], bool]
"""Whether an attribute's value is one that is looked for."""

_SCOPE: Final = ("scope.name", "scope.version", "scope.schema_url", "scope.dropped_attributes_count")
_RESOURCE: Final = ("resource.schema_url", "resource.dropped_attributes_count")
_ALIASES: Final = {
    "scope": "scope.name",
    "otel.scope.name": "scope.name",
    "otel.scope.version": "scope.version",
    "otel.scope.schema_url": "scope.schema_url",
    "otel.dropped_attributes_count": "dropped_attributes_count",
    "otel.dropped_events_count": "dropped_events_count",
    "otel.dropped_links_count": "dropped_links_count",
    "otel.status_description": "status_message",
    "w3c.tracestate": "trace_state",
    "event_name": "event.name",
}
"""Other names of the same: those of the conventions for formats without these fields, and of OTLP."""
_OWN: Final[dict[Record, frozenset[str]]] = {
    "span": frozenset(
        {
            "trace_state",
            "flags",
            "status_message",
            "dropped_attributes_count",
            "dropped_events_count",
            "dropped_links_count",
            "event.name",
            "link.trace_id",
            "link.span_id",
            "link.trace_state",
        }
    ),
    "log": frozenset(
        {
            "event.name",
            "severity_text",
            "observed_time_unix_nano",
            "flags",
            "dropped_attributes_count",
        }
    ),
}
FIELD_NAMES: Final = frozenset({*_SCOPE, *_RESOURCE, *_ALIASES}).union(*_OWN.values())
"""Every name by which such a field is found; an attribute of the same name is found as well."""


def origins_with(db: ReadSession, name: str, matches: Matches, alias: str) -> str:
    """A SQL expression for rows whose scope carries an attribute, or whose scope or resource has a field.

    "0" where no row does.
    """
    scopes, resources = origin_ids_with(db, name, matches)
    parts = [
        f"{alias}.{column} IN ({', '.join(map(str, sorted(ids)))})"
        for column, ids in (("scope", scopes), ("resource", resources))
        if ids
    ]
    return " OR ".join(parts) or "0"


def origin_ids_with(db: ReadSession, name: str, matches: Matches) -> tuple[set[int], set[int]]:
    """The ids of (scopes that carry an attribute or have a field, resources that have a field)."""
    field = _ALIASES.get(name, name)
    scopes, resources = set(), set()
    # A name that is no field's can only be an attribute of a scope, whose bytes hold it.
    needle = b"" if field in _SCOPE or field in _RESOURCE else name.encode("utf-8", "replace")
    for number, body in db.each("SELECT id, body FROM origins WHERE instr(body, ?)", (needle,)):
        if field in _RESOURCE:
            if matches(_resource_field(body, field)):
                resources.add(number)
        elif _scope_matches(body, name, field, matches):
            scopes.add(number)
    return scopes, resources


def own_fields(record: Record, name: str) -> Callable[[bytes], Iterator[Attribute]] | None:
    """The values of a field of the raw record; None if it has no field of that name."""
    field = _ALIASES.get(name, name)
    if field not in _OWN[record]:
        return None
    read = _span_values if record == "span" else _log_values
    return lambda raw: read(raw, field)


def nested_attributes(raw: bytes, name: str) -> Iterator[Attribute]:
    """The values of an attribute in the events and links of a raw span."""
    detail = span_detail(raw)
    for event in detail.events:
        if name in event.attributes:
            yield event.attributes[name]
    for link in detail.links:
        if name in link.attributes:
            yield link.attributes[name]


def _scope_matches(body: bytes, name: str, field: str, matches: Matches) -> bool:
    scope = scope_of(body)
    fields: dict[str, Attribute] = {
        "scope.name": scope.name or None,
        "scope.version": scope.version or None,
        "scope.schema_url": scope.extras.schema_url or None,
        "scope.dropped_attributes_count": scope.extras.dropped_attributes or None,
    }
    if fields.get(field) is not None and matches(fields[field]):
        return True
    return name in scope.extras.attributes and matches(scope.extras.attributes[name])


def _resource_field(body: bytes, field: str) -> Attribute:
    extras = resource_extras(body)
    return extras.schema_url if field == "resource.schema_url" else extras.dropped_attributes


def _span_values(raw: bytes, name: str) -> Iterator[Attribute]:
    detail = span_detail(raw)
    if name == "event.name":
        yield from (event.name for event in detail.events)
    elif name.startswith("link."):
        for link in detail.links:
            of_link: Attributes = {
                "link.trace_id": link.trace_id,
                "link.span_id": link.span_id,
                "link.trace_state": link.trace_state,
            }
            yield of_link[name]
    else:
        of_span: Attributes = {
            "trace_state": detail.trace_state,
            "flags": detail.flags,
            "status_message": detail.status_message,
            "dropped_attributes_count": detail.dropped.attributes,
            "dropped_events_count": detail.dropped.events,
            "dropped_links_count": detail.dropped.links,
        }
        yield of_span[name]


def _log_values(raw: bytes, name: str) -> Iterator[Attribute]:
    detail = log_detail(raw)
    fields: Attributes = {
        "event.name": detail.event_name,
        "severity_text": detail.severity_text,
        "observed_time_unix_nano": detail.observed_unix_nano,
        "flags": detail.flags,
        "dropped_attributes_count": detail.dropped_attributes,
    }
    yield fields[name]
