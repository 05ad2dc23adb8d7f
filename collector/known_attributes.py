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
_NAME, _VALUE, _TEXT = 0x0A, 0x12, 0x0A
"""How the name and the value of an attribute begin on the wire, and a value that is a text."""
_TWO_BYTES: Final = 128
"""A length from which on it takes two bytes on the wire."""

Tag = tuple[str, str]
"""The name and the text of a promoted attribute."""


class Pair(NamedTuple):
    """An attribute, and its tag if it is promoted."""

    key: str
    value: Attribute
    tag: str | None
    """Its text, possibly empty, if the attribute is promoted; else None."""


class Known(dict[bytes, Tag | None]):
    """Attributes by their bytes: those that say no more of a backend's span than their tag, if they are one.

    Entries are added and never taken out: threads may read while one adds.
    """

    __slots__ = ("_names", "_peers", "heads", "of_peers", "pairs")

    def __init__(self, names: AttributeNames) -> None:
        super().__init__()
        self._names = names
        # A dictionary, not a FIFOCache: with some 15 lookups a span, that raised the cost of decoding
        # one from 16 to 22 µs, more than a tenth of its whole ingest.
        self.pairs: dict[bytes, Pair] = {}
        """Those of which the value was read, too."""
        self.of_peers: dict[bytes, bytes] = {}
        """Of these, the ones that say whom a span calls."""
        self.heads: set[bytes] = set()
        """How those begin whose name means nothing to a row: all of it, once the name is noted."""
        self._peers: dict[tuple[bytes, ...], tuple[str, bool]] = {}

    def __missing__(self, raw: bytes) -> Tag | None:
        """The tag of an attribute that is met for the first time: of hostile data there is one in each span.

        Raises KeyError where it says more than its tag or has no room, DecodeError and Malformed.
        """
        if len(raw) > _MOST_BYTES or raw in self.pairs or len(self) >= _MOST:
            raise KeyError(raw)
        if self._is_idle_text(raw):
            self[raw] = None
            return None
        _read(raw, self, self._names)
        if raw not in self:
            raise KeyError(raw)
        return self[raw]

    def _is_idle_text(self, raw: bytes) -> bool:
        """Whether it is a short text under a name that means nothing to a row, and nothing else.

        A new number of a session in each span is the dearest that there is: this takes a third of what
        parsing it takes, in which its text is read, too, and thrown away.
        """
        size = len(raw)
        if not 6 <= size < _TWO_BYTES:
            return False
        at = 2 + raw[1]
        if raw[:at] not in self.heads or at + 4 > size:
            return False
        # The value, and in it the text, must end where the attribute does: then nothing stands beside it.
        if (
            (raw[at] != _VALUE or raw[at + 1] != size - at - 2)
            or (raw[at + 2] != _TEXT or raw[at + 3] != size - at - 4)
        ):  # fmt: skip
            return False
        # What frames a short text is ASCII, too.
        return raw.isascii() or _is_utf8(raw[at + 4 :])

    def note_head(self, raw: bytes, name: str) -> None:
        """Remember how an attribute of this name begins, if that is where its name stands."""
        spelled = name.encode()
        head = bytes((_NAME, len(spelled))) + spelled if len(spelled) < _TWO_BYTES else b""
        if head and raw.startswith(head):
            self.heads.add(head)

    def peer_of(self, kind: int, backwards: Sequence[bytes]) -> tuple[str, bool]:
        """`semantics.peer_of` a call whose attributes, the last first, are all in here."""
        of_peer = tuple(filter(None, map(self.of_peers.get, backwards)))
        found = self._peers.get(of_peer)
        if found is None:
            attributes = {pair.key: pair.value for pair in map(self.pairs.__getitem__, of_peer)}
            found = semantics.peer_of(kind, attributes)
            if len(self._peers) < _MOST_PEERS:
                self._peers[of_peer] = found
        return found


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


class KnownAttributes:
    """A cache that forgets nothing of the names. A request is decoded with one from beginning to end."""

    __slots__ = ("_until_s", "known", "names")

    def __init__(self) -> None:
        self.names = AttributeNames()
        """A name is added where an attribute is not in the cache, so that it costs nothing a span."""
        self.known = Known(self.names)
        """Another one takes its place when it is full. A span is decoded with one from beginning to end."""
        self._until_s = time.monotonic() + _LIFE_S

    @property
    def is_old(self) -> bool:
        """Whether another one should take its place, so that names which nobody sends any more go."""
        return time.monotonic() >= self._until_s


def tags_of(backwards: Sequence[bytes], known: Known) -> tuple[Tag, ...] | None:
    """The tags among a backend span's attributes, the last first.

    None where one of them says more than its tag, or cannot be kept: see `pairs_of`.
    Raises DecodeError and Malformed.
    """
    try:
        return tuple(filter(None, map(known.__getitem__, backwards)))
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
    known = attributes.known
    if len(raw) <= _MOST_BYTES and max(len(known), len(known.pairs)) >= _MOST:
        known = attributes.known = Known(attributes.names)
    return _read(raw, known, attributes.names)


def _read(raw: bytes, known: Known, names: AttributeNames) -> Pair:
    """Read an attribute, note its name, and keep what was found unless it is long."""
    pair = common_pb2.KeyValue.FromString(raw)
    key, value = pair.key, value_of(pair.value)
    names.add(key)
    tag = None
    if key in _PROMOTED and value is not None:
        tag = semantics.promoted_of({key: value}, _NO_ATTRIBUTES).get(key, "")
    found = Pair(key, value, tag)
    if len(raw) <= _MOST_BYTES:
        known.pairs[raw] = found
        if tag != "" and key not in _NEED_ALL:
            if key in semantics.OF_PEERS:
                known.of_peers[raw] = raw
            elif key not in _PROMOTED:
                known.note_head(raw, key)
            # The last: whoever finds it here finds the others, too.
            known[raw] = (key, tag) if tag else None
    return found
