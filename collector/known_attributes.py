"""Attributes that were decoded before, by their bytes, and the names of all that were met."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from opentelemetry.proto.common.v1 import common_pb2

from collector.values import value_of
from signals import semantics
from signals.model import Attribute, Attributes
from store.api import AttributeNames

_MOST: Final = 32_768
_MOST_BYTES: Final = 256
_LIFE_S: Final = 600.0
_NO_ATTRIBUTES: Attributes = {}
_PROMOTED: Final = frozenset(semantics.PROMOTED)


class Pair(NamedTuple):
    """An attribute, and its tag if it is promoted."""

    key: str
    value: Attribute
    tag: str | None
    """Its text, possibly empty, if the attribute is promoted; else None."""


class KnownAttributes:
    """A cache that forgets nothing of the names. A request is decoded with one from beginning to end."""

    __slots__ = ("_until_s", "names", "pairs")

    def __init__(self) -> None:
        # A dictionary that is cleared when full: with some 15 lookups a span, a FIFOCache here
        # raised the cost of decoding one from 16 to 22 µs, more than a tenth of its whole ingest.
        self.pairs: dict[bytes, Pair] = {}
        self.names = AttributeNames()
        """A name is added where an attribute is not in the cache, so that it costs nothing a span."""
        self._until_s = time.monotonic() + _LIFE_S

    @property
    def is_old(self) -> bool:
        """Whether another one should take its place, so that names which nobody sends any more go."""
        return time.monotonic() >= self._until_s


def pairs_of(raw_pairs: Sequence[bytes], known: KnownAttributes) -> list[Pair]:
    """Attributes as they are on the wire, the last first. Raises DecodeError and Malformed."""
    pairs = known.pairs
    # From the end, so that the first of two equal keys wins, as it does for readers.
    backwards = raw_pairs[::-1]
    try:
        return [pairs[raw] for raw in backwards]
    except KeyError:
        return [pairs.get(raw) or _parse(raw, known) for raw in backwards]


def _parse(raw: bytes, known: KnownAttributes) -> Pair:
    pair = common_pb2.KeyValue.FromString(raw)
    key, value = pair.key, value_of(pair.value)
    known.names.add(key)
    tag = None
    if key in _PROMOTED and value is not None:
        tag = semantics.promoted_of({key: value}, _NO_ATTRIBUTES).get(key, "")
    found = Pair(key, value, tag)
    if len(raw) <= _MOST_BYTES:
        if len(known.pairs) >= _MOST:
            known.pairs.clear()
        known.pairs[raw] = found
    return found
