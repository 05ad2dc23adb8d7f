"""One log in full: its message, its exception, its JSON tree. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from observer.components.carried import Carried, of_log
from observer.components.json_tree import CHILDREN_LIMIT, Node, tree
from observer.components.number_format import duration, plural
from observer.components.session_path import session_path
from observer.screens.logs.field_panel import LINKED_CHARACTERS
from observer.screens.logs.log_rows import sender_severity
from observer.screens.logs.missing_fields import advice_of
from observer.trace_notes import clock_note
from signals.attributes import text_of
from signals.model import Attribute, Attributes, Log, Severity

_BRANCHES = ("attributes", "resource", "scope attributes")
_FOUND_BY = frozenset(
    {
        "severity_text",
        "event.name",
        "observed_time_unix_nano",
        "flags",
        "dropped_attributes_count",
        "scope.name",
        "scope.version",
        "scope.schema_url",
        "scope.dropped_attributes_count",
        "resource.schema_url",
        "resource.dropped_attributes_count",
    }
)
"""Fields of the record by which logs are filtered as if they were attributes."""
_BADGES = {Severity.ERROR: "bad", Severity.FATAL: "bad", Severity.WARN: "warn", Severity.INFO: "note"}


@dataclass(frozen=True, slots=True)
class LogException:
    """The exception that a log carries in OpenTelemetry's attributes."""

    title: str
    """Its type and its message."""
    stack: str


@dataclass(frozen=True, slots=True)
class LogDetail:
    """Everything that is shown of one log."""

    log: Log
    badge: str
    """The style of the severity's badge."""
    sender_severity: str
    """The severity text of the sender, where it differs from the severity shown; else empty."""
    message: str
    """The body; a list or a map over several lines."""
    body_kind: str
    """What a body is that is no text, in a word; empty for text, a list or a map."""
    carried: tuple[Carried, ...]
    observed_note: str
    """How much later the sender's collector saw it; empty where it does not say, or at once."""
    exception: LogException | None
    session_path: str
    """The path of the session's screen; empty without a session."""
    missing: tuple[tuple[str, str], ...]
    """Each field that it lacks, with the remedy."""
    document: tuple[Node, ...]
    clock_note: str
    """That the sender's clock was wrong, in a sentence; empty where it seems right."""
    left_out: str
    """How many attributes the tree does not show, in words; empty if it shows all."""


def detail_of(log: Log) -> LogDetail:
    """The detail of a log."""
    more = len(log.attributes) - CHILDREN_LIMIT
    return LogDetail(
        log=log,
        badge=_BADGES.get(log.severity, ""),
        sender_severity=sender_severity(log),
        message=_indented(log.structured) if log.structured is not None else log.body,
        body_kind=_body_kind(log.value),
        carried=of_log(log),
        observed_note=_observed_note(log),
        exception=_exception(log.attributes),
        session_path=session_path(log.session_id) if log.session_id else "",
        missing=advice_of(log),
        document=document(log),
        clock_note=clock_note(log.clock_shift_ns, log.time_unix_nano),
        left_out=plural(more, "more attribute") if more > 0 else "",
    )


def document(log: Log) -> tuple[Node, ...]:
    """One log as a JSON tree: the record's own fields, then its attributes and its resource as branches.

    Kept apart because an attribute may have the name of a field of the record.
    """
    text_or_tree = log.body if log.structured is None else log.structured
    body = text_or_tree if log.value is None else log.value
    own: dict[str, Attribute] = {
        "severity": log.severity.value,
        "severity_text": log.severity_text,
        "severity_number": log.severity_number,
        "event.name": log.event_name,
        "message": body,
        "service.name": log.service,
        "trace_id": log.trace_id,
        "span_id": log.span_id,
        "session_id": log.session_id,
        "time_unix_nano": log.time_unix_nano,
        "observed_time_unix_nano": log.observed_unix_nano,
        "flags": log.flags,
        "dropped_attributes_count": log.dropped_attributes,
        "scope.name": log.scope,
        "scope.version": log.scope_version,
        "scope.schema_url": log.scope_extras.schema_url,
        "scope.dropped_attributes_count": log.scope_extras.dropped_attributes,
        "resource.schema_url": log.resource_extras.schema_url,
        "resource.dropped_attributes_count": log.resource_extras.dropped_attributes,
    }
    # A filter looks at the log's own attributes first, so it would not find a resource attribute behind one.
    visible = {name: value for name, value in log.resource.items() if name not in log.attributes}
    scope = log.scope_extras.attributes
    branches = zip(
        _BRANCHES, (log.attributes, log.resource, scope), (log.attributes, visible, scope), strict=True
    )
    fields = tree({name: value for name, value in own.items() if value or name == "message"})
    return (
        *(replace(field, path=field.key if field.key in _FOUND_BY else "") for field in fields),
        *(_branch(name, values, filterable) for name, values, filterable in branches if values),
    )


def _branch(name: str, values: Attributes, filterable: Attributes) -> Node:
    """Attributes under one name; only those that a filter would find get a path, and with it links."""
    children = tree(values, filterable=True, depth=1)
    return Node(
        name,
        "",
        "object",
        tuple(child if _is_linked(child, filterable) else replace(child, path="") for child in children),
        max(0, len(values) - len(children)),
    )


def _is_linked(child: Node, filterable: Attributes) -> bool:
    return bool(child.key) and child.key in filterable and len(child.value) <= LINKED_CHARACTERS


def _exception(attributes: Attributes) -> LogException | None:
    kind, message, stack = (
        text_of(attributes.get(f"exception.{part}")) for part in ("type", "message", "stacktrace")
    )
    title = ": ".join(part for part in (kind, message) if part)
    return LogException(title, stack) if title or stack else None


def _body_kind(value: Attribute) -> str:
    if isinstance(value, bytes):
        return f"{plural(len(value), 'byte')}, hexadecimal"
    if isinstance(value, bool):
        return "a flag"
    return "a number" if isinstance(value, int | float) else ""


def _observed_note(log: Log) -> str:
    if not log.observed_unix_nano:
        return ""
    later = log.observed_unix_nano - log.time_unix_nano
    if later == 0:
        return "at that time"
    return f"{duration(abs(later))} {'later' if later > 0 else 'earlier'}"


def _indented(value: Attribute) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_jsonable)


def _jsonable(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return value.hex() if isinstance(value, bytes) else str(value)
