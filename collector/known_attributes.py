"""Attributes that were decoded before, by their bytes, and the names of all that were met.

A span carries some thirteen attributes: whatever is done for each of them is most of what decoding costs.
What a row needs of them is therefore found by functions of C that take all attributes of a span at once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, NamedTuple

from opentelemetry.proto.common.v1 import common_pb2

from collector.values import value_of
from signals import semantics
from signals.browser_events import OF_BROWSERS
from signals.model import Attribute, Attributes
from store.api import AttributeNames

_MOST: Final = 32_768
_MOST_BYTES: Final = 256
_LIFE_S: Final = 600.0
_NO_ATTRIBUTES: Attributes = {}
_PROMOTED: Final = frozenset(semantics.PROMOTED)
_NEED_ALL: Final = semantics.OF_ERRORS | OF_BROWSERS
"""A span that carries one of these is decoded with all of its attributes."""
_MOST_PEERS: Final = 4_096

Tag = tuple[str, str]
"""The name and the text of a promoted attribute."""


class Pair(NamedTuple):
    """An attribute, and its tag if it is promoted."""

    key: str
    value: Attribute
    tag: str | None
    """Its text, possibly empty, if the attribute is promoted; else None."""


class Known:
    """Attributes by their bytes. Entries are added and never taken out: threads may read while one adds."""

    __slots__ = ("_peers", "of_peers", "pairs", "tags")

    def __init__(self) -> None:
        # A dictionary, not a FIFOCache: with some 15 lookups a span, that raised the cost of decoding
        # one from 16 to 22 µs, more than a tenth of its whole ingest.
        self.pairs: dict[bytes, Pair] = {}
        self.tags: dict[bytes, Tag | None] = {}
        """Of those, the ones that say no more of a backend's span than their tag, if they are one."""
        self.of_peers: dict[bytes, bytes] = {}
        """Of these, the ones that say whom a span calls."""
        self._peers: dict[tuple[bytes, ...], tuple[str, bool]] = {}

    def peer_of(self, kind: int, backwards: Sequence[bytes]) -> tuple[str, bool]:
        """`semantics.peer_of` a call whose attributes, the last first, are all in `tags`."""
        of_peer = tuple(filter(None, map(self.of_peers.get, backwards)))
        found = self._peers.get(of_peer)
        if found is None:
            attributes = {pair.key: pair.value for pair in map(self.pairs.__getitem__, of_peer)}
            found = semantics.peer_of(kind, attributes)
            if len(self._peers) < _MOST_PEERS:
                self._peers[of_peer] = found
        return found


class KnownAttributes:
    """A cache that forgets nothing of the names. A request is decoded with one from beginning to end."""

    __slots__ = ("_until_s", "known", "names")

    def __init__(self) -> None:
        self.known = Known()
        """Another one takes its place when it is full. A span is decoded with one from beginning to end."""
        self.names = AttributeNames()
        """A name is added where an attribute is not in the cache, so that it costs nothing a span."""
        self._until_s = time.monotonic() + _LIFE_S

    @property
    def is_old(self) -> bool:
        """Whether another one should take its place, so that names which nobody sends any more go."""
        return time.monotonic() >= self._until_s


def tags_of(backwards: Sequence[bytes], known: Known, attributes: KnownAttributes) -> tuple[Tag, ...] | None:
    """The tags among a backend span's attributes, the last first; `known` is that of `attributes`.

    None where one of them says more than its tag, or is too long to be known: see `pairs_of`.
    Raises DecodeError and Malformed.
    """
    tag_of = known.tags.__getitem__
    try:
        return tuple(filter(None, map(tag_of, backwards)))
    except KeyError:
        for raw in backwards:
            if raw not in known.pairs:
                _parse(raw, attributes)
    try:
        return tuple(filter(None, map(tag_of, backwards)))
    except KeyError:
        return None


def pairs_of(raw_pairs: Sequence[bytes], attributes: KnownAttributes) -> list[Pair]:
    """Attributes as they are on the wire, the last first. Raises DecodeError and Malformed."""
    pairs = attributes.known.pairs
    # From the end, so that the first of two equal keys wins, as it does for readers.
    backwards = raw_pairs[::-1]
    try:
        return [pairs[raw] for raw in backwards]
    except KeyError:
        return [pairs.get(raw) or _parse(raw, attributes) for raw in backwards]


def _parse(raw: bytes, attributes: KnownAttributes) -> Pair:
    pair = common_pb2.KeyValue.FromString(raw)
    key, value = pair.key, value_of(pair.value)
    attributes.names.add(key)
    tag = None
    if key in _PROMOTED and value is not None:
        tag = semantics.promoted_of({key: value}, _NO_ATTRIBUTES).get(key, "")
    found = Pair(key, value, tag)
    if len(raw) <= _MOST_BYTES:
        if len(attributes.known.pairs) >= _MOST:
            attributes.known = Known()
        known = attributes.known
        known.pairs[raw] = found
        if tag != "" and key not in _NEED_ALL:
            if key in semantics.OF_PEERS:
                known.of_peers[raw] = raw
            # The last: whoever finds it here finds the others, too.
            known.tags[raw] = (key, tag) if tag else None
    return found
