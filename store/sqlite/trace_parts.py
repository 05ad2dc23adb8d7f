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
from collections.abc import Iterator, Mapping, Sequence
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
    """Whether the ids of these have the lengths that a part needs."""
    return {(len(span[0]), len(span[1]), len(span[2]) or ID_BYTES) for span in spans} <= {
        (16, ID_BYTES, ID_BYTES)
    }


def pack(spans: Sequence[SpanRow], origins: Origins) -> bytes:
    """The body of a part of these spans of one trace.

    Raises orjson.JSONEncodeError for texts that UTF-8 cannot encode.
    """
    kinds: dict[tuple[Any, ...], int] = {}
    places, ends, sizes = [], [], []
    for span in spans:
        # By place: attributes of a tuple with names take twice as long.
        start, duration, raw = span[6], span[7], span[16]
        flags = span[8] * ERROR_FLAG | span[10] * DATABASE_FLAG
        kind = span[3], span[4], span[5], flags, span[9], span[14], span[15]
        place = kinds.get(kind)
        if place is None:
            place = kinds[kind] = len(kinds)
        places.append(place)
        ends.append(start + duration)
        sizes.append(len(raw))
    texts = orjson.dumps(
        [
            (*kind[:5], origins[kind[5]][0], origins[kind[6]][0], origins[kind[5]][1], origins[kind[6]][1])
            for kind in kinds
        ]
    )
    parents = [span[2] or _NO_PARENT for span in spans]
    body = b"".join(
        (
            _HEAD.pack(len(spans), len(texts)),
            b"".join([span[1] for span in spans]),
            *parents,
            array("Q", [span[6] for span in spans]).tobytes(),
            array("Q", ends).tobytes(),
            array("H", places).tobytes(),
            array("I", sizes).tobytes(),
            texts,
            *[span[16] for span in spans],
        )
    )
    return zlib.compress(body, _LEVEL if len(body) >= _LEAST_BYTES else 0)


_NO_PARENT: Final = bytes(ID_BYTES)


def unpack(first: int, body: bytes) -> list[PartSpan]:
    """The spans of a part whose first has this number. Raises DamagedPart."""
    try:
        return list(_spans(first, zlib.decompress(body)))
    except (zlib.error, struct.error, ValueError, TypeError, IndexError) as error:
        raise DamagedPart(f"the spans from number {first} on are damaged: {error}") from error


def _spans(first: int, body: bytes) -> Iterator[PartSpan]:
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
    kinds = [Kind(*each) for each in orjson.loads(body[at : at + texts_bytes])]
    at += texts_bytes
    if at + sum(columns[3]) != len(body):
        raise ValueError("its parts do not make up its length")
    for place, (start, end, kind, size) in enumerate(zip(*columns, strict=True)):
        begin = place * ID_BYTES
        parent = parents[begin : begin + ID_BYTES]
        yield PartSpan(
            first + place,
            ids[begin : begin + ID_BYTES],
            b"" if parent == _NO_PARENT else parent,
            start,
            end - start,
            kinds[kind],
            body[at : at + size],
        )
        at += size


def ids_in(packed: bytes) -> list[bytes]:
    """The ids of spans, of a row of `part_ids`."""
    return [packed[at : at + ID_BYTES] for at in range(0, len(packed), ID_BYTES)]


def part_check(seq: int, trace_id: bytes, count: int, body: bytes) -> int:
    """The checksum of a row of `trace_parts`."""
    return crc32(body, crc32(trace_id, crc32(b"%d %d" % (seq, count)))) - _HALF
