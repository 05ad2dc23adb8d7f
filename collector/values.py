"""Attribute values as the collector reads them: bounded in depth, and one rule for doubled keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opentelemetry.proto.common.v1 import common_pb2

from collector.items import Malformed
from signals.model import Attribute

MAX_DEPTH = 32
"""How deep lists and maps may nest in an attribute's value."""


def value_of(value: Any, depth: int = 0) -> Attribute:
    """An AnyValue as a Python value. Raises Malformed if it nests deeper than MAX_DEPTH."""
    which = value.WhichOneof("value")
    if which == "string_value":
        text: str = value.string_value
        return text
    if which is None:
        return None
    if which not in ("array_value", "kvlist_value"):
        plain: Attribute = getattr(value, which)
        return plain
    if depth >= MAX_DEPTH:
        raise Malformed(f"an attribute's value nests deeper than {MAX_DEPTH}")
    if which == "array_value":
        return [value_of(each, depth + 1) for each in value.array_value.values]
    return first_wins((each.key, value_of(each.value, depth + 1)) for each in value.kvlist_value.values)


def first_wins(pairs: Iterable[tuple[str, Attribute]]) -> dict[str, Attribute]:
    """Pairs as a dictionary; of a key that comes twice, the first stays, here and in every map."""
    found: dict[str, Attribute] = {}
    for key, value in pairs:
        found.setdefault(key, value)
    return found


def check_nesting(pairs: Iterable[common_pb2.KeyValue]) -> None:
    """Raise Malformed if a value nests deeper than readers follow."""
    for pair in pairs:
        if pair.value.WhichOneof("value") in ("array_value", "kvlist_value"):
            value_of(pair.value)
