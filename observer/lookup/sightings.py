"""When the values that a page is filtered by were first and last seen."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from signals.semantics import PROMOTED, UNBOUNDED
from store.api import Reader, Seen

_KEPT: Final = frozenset(PROMOTED) - UNBOUNDED
_MOST: Final = 3
"""Filters of one page that are looked up."""


class Sighting(NamedTuple):
    """An attribute's value, and when it was seen among all that the store keeps."""

    tag: str
    value: str
    seen: Seen


def sightings_of(reader: Reader, attributes: Mapping[str, str], service: str | None) -> list[Sighting]:
    """The sightings of these attributes on requests of a service, or of any; only of indexed ones."""
    known = [(tag, value) for tag, value in attributes.items() if tag in _KEPT and value][:_MOST]
    found = [(tag, value, reader.seen(tag, [value], service).get(value)) for tag, value in known]
    return [Sighting(tag, value, seen) for tag, value, seen in found if seen]
