"""A value as a tree of lines: objects, lists and leaves, cut where too long or too deep. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from observer.components.number_format import plural
from signals.attributes import text_of
from signals.model import Attribute

CHILDREN_LIMIT = 200
DEPTH_LIMIT = 8


@dataclass(frozen=True, slots=True)
class Node:
    """One line of the tree."""

    key: str
    value: str
    """A leaf's text; empty for an object or a list."""
    kind: str
    """`text`, `number`, `flag`, `bytes`, `nothing`, `object` or `list`."""
    children: tuple[Node, ...] = ()
    left_out: int = 0
    """Number of children that were cut."""
    path: str = ""
    """The attribute of a leaf that can be filtered by; else empty."""

    @property
    def size(self) -> str:
        """`3 fields`, `2 items`: how many children an object or a list has, shown or not."""
        return plural(len(self.children) + self.left_out, "item" if self.kind == "list" else "field")

    @property
    def multiline(self) -> bool:
        """Whether the text has more than one line."""
        return "\n" in self.value


def tree(values: Mapping[str, Attribute], *, filterable: bool = False, depth: int = 0) -> tuple[Node, ...]:
    """The lines of an object, at most CHILDREN_LIMIT per level; with `filterable` its top level has paths."""
    items = list(values.items())
    return tuple(_node(str(k), v, depth, str(k) if filterable else "") for k, v in items[:CHILDREN_LIMIT])


def _node(key: str, value: Attribute, depth: int, path: str) -> Node:
    if isinstance(value, Mapping):
        return _branch(key, "object", [(str(k), v) for k, v in value.items()], depth)
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return _branch(key, "list", [(str(i), v) for i, v in enumerate(value)], depth)
    if value is None:
        return Node(key, "null", "nothing", path=path)
    if isinstance(value, bytes):
        return Node(key, value.hex(), "bytes", path=path)
    kind = "flag" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "text"
    return Node(key, text_of(value), kind, path=path)


def _branch(key: str, kind: str, items: Sequence[tuple[str, Attribute]], depth: int) -> Node:
    if depth >= DEPTH_LIMIT:
        return Node(key, "", kind, left_out=len(items))
    children = tuple(_node(k, v, depth + 1, "") for k, v in items[:CHILDREN_LIMIT])
    return Node(key, "", kind, children, max(0, len(items) - CHILDREN_LIMIT))
