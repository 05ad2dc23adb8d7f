"""One log in full: its message, its exception, its JSON tree. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from observer.components.json_tree import CHILDREN_LIMIT, Node, tree
from observer.components.number_format import plural
from observer.components.session_path import session_path
from observer.screens.logs.field_panel import LINKED_CHARACTERS
from observer.screens.logs.log_rows import sender_severity
from observer.screens.logs.missing_fields import missing_names, remedy_of
from observer.trace_notes import clock_note
from signals.attributes import text_of
from signals.model import Attribute, Attributes, Log, Severity

_BRANCHES = ("attributes", "resource")
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
        exception=_exception(log.attributes),
        session_path=session_path(log.session_id) if log.session_id else "",
        missing=tuple((name, remedy_of(name)) for name in missing_names(log)),
        document=document(log),
        clock_note=clock_note(log.clock_shift_ns, log.time_unix_nano),
        left_out=plural(more, "more attribute") if more > 0 else "",
    )


def document(log: Log) -> tuple[Node, ...]:
    """One log as a JSON tree: the record's own fields, then its attributes and its resource as branches.

    Kept apart because an attribute may have the name of a field of the record.
    """
    own: dict[str, Attribute] = {
        "severity": log.severity.value,
        "severity_text": sender_severity(log),
        "event_name": log.event_name,
        "message": log.body if log.structured is None else log.structured,
        "service.name": log.service,
        "trace_id": log.trace_id,
        "span_id": log.span_id,
        "session_id": log.session_id,
        "scope": log.scope,
    }
    # A filter looks at the log's own attributes first, so it would not find a resource attribute behind one.
    visible = {name: value for name, value in log.resource.items() if name not in log.attributes}
    branches = zip(_BRANCHES, (log.attributes, log.resource), (log.attributes, visible), strict=True)
    return (
        *tree({name: value for name, value in own.items() if value}),
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


def _indented(value: Attribute) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_jsonable)


def _jsonable(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    return value.hex() if isinstance(value, bytes) else str(value)
