"""The form of a row of `trace_parts`: the backend spans of a trace that came in one request, compressed.

A row for each span cost 6 to 7 µs and six times the space (docs/adr/031-trace-parts.md). What readers need
of a span without decoding its message stands beside the messages, in arrays; times and ids are in the bytes
in which the messages have them, so that they compress to nearly nothing. Numbers are stored in the byte
order of the machine.
"""

from __future__ import annotations

import sqlite3
import struct
import zlib
from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import accumulate, count
from operator import add, itemgetter
from typing import Any, Final, NamedTuple
from zlib import crc32

import orjson

from store.rows import SpanRow
from store.sqlite.table_layout import DATABASE_FLAG, ERROR_FLAG

MOST_SPANS: Final = 500
"""Of a part: one span of a long trace is read without the whole of it."""
MOST_BYTES: Final = 1_000_000
"""Of the messages of a part; a single one may be larger."""
ID_BYTES: Final = 8
_HEAD: Final = struct.Struct("=II")
"""How many spans, and the size of the JSON of their kinds."""
_LEVEL: Final = 1
"""Of zlib: 2 µs a span; level 6 takes twice as long for a tenth less."""
_LEAST_BYTES: Final = 1_500
"""A smaller part is not compressed: each call takes 20 µs, and saves a third of a single span."""
_HALF: Final = 1 << 31

_PLACE_BYTES: Final = 2
_SIZE_BYTES: Final = 4
_PER_SPAN: Final = 8 + 8 + 8 + 8 + _PLACE_BYTES + _SIZE_BYTES
"""Bytes in the arrays: id, parent, start, end, place of the kind, size of the message."""

_OWN, _PARENT = itemgetter(1), itemgetter(2)
"""The ids of a `SpanRow`."""

Origins = Mapping[bytes, tuple[int, int]]
"""Bodies of resources and scopes to their (id, CRC-32)."""


class DamagedPart(sqlite3.DatabaseError):
    """A part is not as it was written. The rest of the store is not concerned."""

    sqlite_errorname = "DAMAGED_PART"


class Kind(NamedTuple):
    """What many spans of a part have in common."""

    service: str
    name: str
    kind: int
    flags: int
    peer: str
    resource: int
    """As `origins.id`, like the scope."""
    scope: int
    resource_check: int
    """CRC-32 of its body, like the scope's."""
    scope_check: int


class PartSpan(NamedTuple):
    """A span of a part, as the columns of `spans` hold it, with its kind."""

    seq: int
    span_id: bytes
    parent: bytes
    """Empty for a root."""
    start: int
    duration: int
    kind: Kind
    raw: bytes


def can_hold(spans: Sequence[SpanRow]) -> bool:
    """Whether the ids of these, which are of one trace, have the lengths that a part needs."""
    return (
        len(spans[0][0]) == 2 * ID_BYTES
        and set(map(len, map(_OWN, spans))) == {ID_BYTES}
        and set(map(len, map(_PARENT, spans))) <= {0, ID_BYTES}
    )


def pack(spans: Sequence[SpanRow], origins: Origins) -> bytes:
    """The body of a part of these spans of one trace.

    Raises orjson.JSONEncodeError for texts that UTF-8 cannot encode.
    """
    # Columns by `zip` and `map`, without a step of Python for each span: half of the time.
    (
        _, ids, parents, services, names, kinds, starts, durations, errors, peers, databases, _, _, _,
        resources, scopes, raws, _,
    ) = zip(*spans, strict=True)  # fmt: skip
    place_of: defaultdict[tuple[Any, ...], int] = defaultdict(count().__next__)
    keys = zip(services, names, kinds, errors, databases, peers, resources, scopes, strict=True)
    places = array("H", map(place_of.__getitem__, keys))
    texts = orjson.dumps(
        [
            (
                *(service, name, kind, error * ERROR_FLAG | database * DATABASE_FLAG, peer),
                *(origins[resource][0], origins[scope][0], origins[resource][1], origins[scope][1]),
            )
            for service, name, kind, error, database, peer, resource, scope in place_of
        ]
    )
    body = b"".join(
        (
            _HEAD.pack(len(spans), len(texts)),
            *ids,
            *[parent or _NO_PARENT for parent in parents],
            array("Q", starts).tobytes(),
            array("Q", map(add, starts, durations)).tobytes(),
            places.tobytes(),
            array("I", map(len, raws)).tobytes(),
            texts,
            *raws,
        )
    )
    return zlib.compress(body, _LEVEL if len(body) >= _LEAST_BYTES else 0)


_NO_PARENT: Final = bytes(ID_BYTES)


class _Opened(NamedTuple):
    """The columns of a part."""

    ids: bytes
    parents: bytes
    starts: Sequence[int]
    ends: Sequence[int]
    places: Sequence[int]
    kinds: Sequence[Kind]
    raws: Sequence[bytes]


def unpack(first: int, body: bytes, holding: Sequence[bytes] = ()) -> list[PartSpan]:
    """The spans of a part whose first has this number. Raises DamagedPart.

    With `holding` only those whose message holds one of these bytes.
    """
    whole = _plain(first, body)
    # Most parts hold none: their columns need not be read.
    if holding and not any(text in whole for text in holding):
        return []
    part = _opened(first, whole)
    found = []
    columns = zip(part.starts, part.ends, part.places, part.raws, strict=True)
    for number, (start, end, place, raw) in enumerate(columns):
        if holding and not any(text in raw for text in holding):
            continue
        begin = number * ID_BYTES
        parent = part.parents[begin : begin + ID_BYTES]
        found.append(
            PartSpan(
                first + number,
                part.ids[begin : begin + ID_BYTES],
                b"" if parent == _NO_PARENT else parent,
                start,
                end - start,
                part.kinds[place],
                raw,
            )
        )
    return found


class Messages:
    """The messages of a part, found by bytes: a third of the cost of all its spans."""

    def __init__(self, first: int, body: bytes) -> None:
        """Raises DamagedPart."""
        self._whole = _plain(first, body)
        try:
            self._read_layout()
        except (struct.error, ValueError, TypeError, IndexError) as error:
            raise _damaged(first, error) from error

    def _read_layout(self) -> None:
        body = self._whole
        many, texts_bytes = _HEAD.unpack_from(body)
        texts_at = _HEAD.size + many * _PER_SPAN
        sizes_at = texts_at - many * _SIZE_BYTES
        self._places, sizes = array("H"), array("I")
        self._places.frombytes(body[sizes_at - many * _PLACE_BYTES : sizes_at])
        sizes.frombytes(body[sizes_at:texts_at])
        self._ends = list(accumulate(sizes, initial=texts_at + texts_bytes))
        """Where the messages begin, and where each ends."""
        kinds = orjson.loads(body[texts_at : texts_at + texts_bytes])
        self._origins: list[tuple[int, int]] = [(kind[5], kind[6]) for kind in kinds]
        if many == 0 or max(self._places) >= len(kinds) or self._ends[-1] != len(body):
            raise ValueError("its parts do not make up its length")

    def first_with(self, needles: Sequence[bytes]) -> tuple[tuple[int, int], bytes] | None:
        """((resource, scope), message) of one of the spans that hold one of these; None if there is none."""
        for needle in needles:
            at = self._whole.find(needle, self._ends[0])
            if at >= 0:
                place = bisect_right(self._ends, at) - 1
                return self._origins[self._places[place]], self._message(place)
        return None

    def divided(self, needle: bytes) -> tuple[list[tuple[int, int]], list[bytes]]:
        """((resource, scope), messages) of the spans whose message holds the bytes, then of the others.

        Of the others each pair once, with nothing in place of the message. Where the bytes begin at the end
        of a message and end in the next, the first counts as one that holds them.
        """
        whole, ends, places, origins = self._whole, self._ends, self._places, self._origins
        holding: dict[int, None] = {}
        at = whole.find(needle, ends[0])
        while at >= 0 and (place := bisect_right(ends, at) - 1) < len(places):
            holding[place] = None
            at = whole.find(needle, ends[place + 1])
        others = [kind for place, kind in enumerate(places) if place not in holding] if holding else places
        without = dict.fromkeys([origins[kind] for kind in dict.fromkeys(others)])
        messages = [self._message(place) for place in holding]
        return [*(origins[places[place]] for place in holding), *without], messages + [b""] * len(without)

    def _message(self, place: int) -> bytes:
        return self._whole[self._ends[place] : self._ends[place + 1]]


def _plain(first: int, body: bytes) -> bytes:
    try:
        return zlib.decompress(body)
    except zlib.error as error:
        raise _damaged(first, error) from error


def _damaged(first: int, error: Exception) -> DamagedPart:
    return DamagedPart(f"the spans from number {first} on are damaged: {error}")


def _kinds(first: int, body: bytes) -> list[Kind]:
    try:
        count, texts_bytes = _HEAD.unpack_from(body)
        at = _HEAD.size + count * _PER_SPAN
        return [Kind(*each) for each in orjson.loads(body[at : at + texts_bytes])]
    except (struct.error, ValueError, TypeError) as error:
        raise _damaged(first, error) from error


def _opened(first: int, body: bytes) -> _Opened:
    kinds = _kinds(first, body)
    try:
        part = _columns(body, kinds)
        if part.places and max(part.places) >= len(kinds):
            raise ValueError("a kind is missing")
    except (struct.error, ValueError) as error:
        raise _damaged(first, error) from error
    return part


def _columns(body: bytes, kinds: Sequence[Kind]) -> _Opened:
    count, texts_bytes = _HEAD.unpack_from(body)
    at = _HEAD.size
    ids, at = body[at : at + count * ID_BYTES], at + count * ID_BYTES
    parents, at = body[at : at + count * ID_BYTES], at + count * ID_BYTES
    columns = []
    for code, width in (("Q", 8), ("Q", 8), ("H", 2), ("I", 4)):
        column = array(code)
        column.frombytes(body[at : at + count * width])
        columns.append(column)
        at += count * width
    at += texts_bytes
    starts, ends, places, sizes = columns
    raws = []
    for size in sizes:
        raws.append(body[at : at + size])
        at += size
    if at != len(body):
        raise ValueError("its parts do not make up its length")
    return _Opened(ids, parents, starts, ends, places, kinds, raws)


def ids_in(packed: bytes) -> list[bytes]:
    """The ids of spans, of a row of `part_ids`."""
    return [packed[at : at + ID_BYTES] for at in range(0, len(packed), ID_BYTES)]


def part_check(seq: int, trace_id: bytes, count: int, body: bytes) -> int:
    """The checksum of a row of `trace_parts`."""
    return crc32(body, crc32(trace_id, crc32(b"%d %d" % (seq, count)))) - _HALF
