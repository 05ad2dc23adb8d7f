"""The beginning of a list and how much of it was left out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limited:
    """The items that are shown, and the number of those that are not."""

    items: Sequence[object]
    left_out: int


def limited(items: Iterable[object] | Mapping[str, object], limit: int) -> Limited:
    """The first `limit` items; of a mapping, its pairs."""
    found = list(items.items() if isinstance(items, Mapping) else items)
    return Limited(found[:limit], max(0, len(found) - limit))
