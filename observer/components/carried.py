"""What OTLP carries beside attributes, in words: scope, schema, trace state, flags, what was left out.

Pure.
"""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from observer.components.number_format import plural
from signals.attributes import text_of
from signals.ids import short_trace_id
from signals.model import Attribute, Attributes, Dropped, Event, Link, Log, Span, SpanId, TraceId

_SAMPLED, _RANDOM, _KNOWS_REMOTE, _REMOTE = 0x01, 0x02, 0x100, 0x200
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16


@dataclass(frozen=True, slots=True)
class Carried:
    """One field of a span or a log."""

    name: str
    value: str
    field: str
    """The name by which searches find it."""


@dataclass(frozen=True, slots=True)
class LinkItem:
    """One link of a span."""

    label: str
    path: str
    """Of the linked trace's page; empty where the link names none."""
    span_id: str
    """The linked span; empty where the link names none."""
    ids: str
    """The short id of the trace and the id of the span."""
    facts: tuple[Carried, ...]
    attributes: Attributes
    dead: bool
    """The span that it leads to is not in the store."""


def of_span(span: Span) -> tuple[Carried, ...]:
    """The fields that a span has, those without a value left out."""
    return _present(
        _types(span),
        ("Trace state", span.trace_state, "trace_state"),
        ("Flags", flag_words(span.flags), "flags"),
        ("Left out by the sender", dropped_words(span.dropped), "dropped_attributes_count"),
        *_origins(span),
    )


def of_log(log: Log) -> tuple[Carried, ...]:
    """The fields that a log record has, those without a value left out."""
    return _present(
        _types(log),
        ("Event", log.event_name, "event.name"),
        ("Flags", flag_words(log.flags), "flags"),
        ("Left out by the sender", _counted(log.dropped_attributes, "attribute"), "dropped_attributes_count"),
        *_origins(log),
    )


def left_out_of(event: Event) -> str:
    """What the sender left out of an event, in words; empty for nothing."""
    return _left_out(event.dropped_attributes)


def links_of(
    span: Span, limit: int, dead_links: Container[tuple[TraceId, SpanId]] = ()
) -> tuple[LinkItem, ...]:
    """The first links of a span; these lead to nothing that is here."""
    return tuple(
        _link(link, span.trace_id, dead=(link.trace_id, link.span_id) in dead_links)
        for link in span.links[:limit]
    )


def flag_words(flags: int) -> str:
    """`0x301: sampled, parent in another process`; empty for no flag."""
    if not flags:
        return ""
    words = ["sampled" if flags & _SAMPLED else "not sampled"]
    if flags & _RANDOM:
        words.append("random trace id")
    if flags & _KNOWS_REMOTE:
        words.append("parent in another process" if flags & _REMOTE else "parent in the same process")
    return f"0x{flags:x}: {', '.join(words)}"


def dropped_words(dropped: Dropped) -> str:
    """`2 attributes, 1 event`; empty where nothing was left out."""
    parts = (
        _counted(dropped.attributes, "attribute"),
        _counted(dropped.events, "event"),
        _counted(dropped.links, "link"),
    )
    return ", ".join(part for part in parts if part)


def _link(link: Link, own: str, *, dead: bool) -> LinkItem:
    named = link.trace_id != _NO_TRACE
    has_span = link.span_id != _NO_SPAN
    label = "This trace" if link.trace_id == own else "Another trace"
    ids = f"{short_trace_id(link.trace_id)} / {link.span_id if has_span else 'no span id'}"
    return LinkItem(
        label=label if named else "A link without a trace id",
        path=f"/apm/traces/{link.trace_id}" if named else "",
        span_id=link.span_id if has_span else "",
        ids=ids if named else link.span_id if has_span else "",
        facts=_present(
            ("Trace state", link.trace_state, "link.trace_state"),
            ("Flags", flag_words(link.flags), ""),
            ("Left out by the sender", _counted(link.dropped_attributes, "attribute"), ""),
        ),
        attributes=link.attributes,
        dead=dead,
    )


def _types(of: Span | Log) -> tuple[str, Attribute, str]:
    return ("Attributes", "as text: this store keeps no types" if of.as_text else "", "")


def _origins(of: Span | Log) -> tuple[tuple[str, Attribute, str], ...]:
    return (
        ("Scope", of.scope, "scope.name"),
        ("Scope version", of.scope_version, "scope.version"),
        ("Scope schema", of.scope_extras.schema_url, "scope.schema_url"),
        ("Left out of the scope", _counted(of.scope_extras.dropped_attributes, "attribute"), ""),
        ("Resource schema", of.resource_extras.schema_url, "resource.schema_url"),
        ("Left out of the resource", _counted(of.resource_extras.dropped_attributes, "attribute"), ""),
    )


def _present(*fields: tuple[str, Attribute, str]) -> tuple[Carried, ...]:
    return tuple(Carried(name, text_of(value), field) for name, value, field in fields if text_of(value))


def _counted(number: int, noun: str) -> str:
    return plural(number, noun) if number else ""


def _left_out(number: int) -> str:
    return f"{plural(number, 'attribute')} left out by the sender" if number else ""
