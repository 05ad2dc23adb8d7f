"""One log in full: its message, its error, its JSON tree. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace

from observer.components.json_tree import CHILDREN_LIMIT, Node, tree
from observer.screens.logs.view import lacks_of, remedy_of, said_of
from signals.attributes import text_of
from signals.model import Attribute, Attributes, Log

_BRANCHES = ("attributes", "resource")


@dataclass(frozen=True, slots=True)
class Failure:
    """The exception that a log carries, by OpenTelemetry's names."""

    title: str
    """Its type and its message."""
    stack: str


@dataclass(frozen=True, slots=True)
class Detail:
    log: Log
    said: str
    """The sender's own severity, where it says something that ours does not."""
    message: str
    """The body; a list or a map over several lines."""
    failure: Failure | None
    lacks: tuple[tuple[str, str], ...]
    """What it does not carry, each with the remedy."""
    document: tuple[Node, ...]
    left_out: int
    """Attributes that the tree does not show."""


def detail_of(log: Log) -> Detail:
    """Everything that is shown of one log."""
    return Detail(
        log=log,
        said=said_of(log),
        message=_laid_out(log.structured) if log.structured is not None else log.body,
        failure=_failure(log.attributes),
        lacks=tuple((name, remedy_of(name)) for name in lacks_of(log)),
        document=document(log),
        left_out=max(0, len(log.attributes) - CHILDREN_LIMIT),
    )


def document(log: Log) -> tuple[Node, ...]:
    """One log as a JSON tree: the record's own fields, and its attributes and its resource apart.

    An attribute may bear the name of a field of the record, and is then still itself.
    """
    own: dict[str, Attribute] = {
        "severity": log.severity.value,
        "severity_text": said_of(log),
        "message": log.body if log.structured is None else log.structured,
        "service.name": log.service,
        "trace_id": log.trace_id,
        "span_id": log.span_id,
        "session_id": log.session_id,
        "scope": log.scope,
    }
    shared = {name: value for name, value in log.resource.items() if name not in log.attributes}
    branches = zip(_BRANCHES, (log.attributes, log.resource), (log.attributes, shared), strict=True)
    return (
        *tree({name: value for name, value in own.items() if value}),
        *(_branch(name, values, found) for name, values, found in branches if values),
    )


def _branch(name: str, values: Attributes, found: Attributes) -> Node:
    """Attributes under one name; those that a filter finds by their own name can be filtered by."""
    children = tree(values, filterable=True, depth=1)
    return Node(
        name,
        "",
        "object",
        tuple(child if child.key in found and child.key else replace(child, path="") for child in children),
        max(0, len(values) - len(children)),
    )


def _failure(attributes: Attributes) -> Failure | None:
    kind, words, stack = (
        text_of(attributes.get(f"exception.{part}")) for part in ("type", "message", "stacktrace")
    )
    title = ": ".join(part for part in (kind, words) if part)
    return Failure(title, stack) if title or stack else None


def _laid_out(value: Attribute) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, default=_plain)


def _plain(value: object) -> object:
    return (
        dict(value) if isinstance(value, Mapping) else value.hex() if isinstance(value, bytes) else str(value)
    )
