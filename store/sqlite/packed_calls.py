"""The form of `traces.calls`: the calls between services that a trace adds to the map's edges.

A trace has about half as many calls as spans, between few services: each pair of services stands once, and
the numbers in arrays. As JSON they took 70 bytes a call, and left a page of the file for each trace.
"""

from __future__ import annotations

import struct
import zlib
from array import array
from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from operator import itemgetter
from typing import Any, Final

import orjson

StoredCall = tuple[str, str, int, int, int, str]
"""(source, target, start, duration, error, flag), times in ns.

The flag is `REPORTED`, `UNANSWERED`, `INFERRED` or `INFERRED_DATABASE` of `table_layout`.
"""

_HEAD: Final = struct.Struct("=BII")
"""Whether the rest is compressed, how many calls, and the size of the JSON of their kinds."""
_PLACE, _TIME = "I", "q"
_PLACE_BYTES, _TIME_BYTES = array(_PLACE).itemsize, array(_TIME).itemsize
_KIND, _DURATION = itemgetter(0, 1, 4, 5), itemgetter(3)
"""Of a call, by functions of C."""
_LEAST_BYTES: Final = 400
"""A smaller body is not compressed: each call of zlib takes 10 µs."""


def pack_calls(calls: Sequence[StoredCall], trace_start: int) -> bytes:
    """The calls of a trace that begins at `trace_start`, in bytes; numbers in the machine's byte order."""
    place_of: defaultdict[tuple[Any, ...], int] = defaultdict(count().__next__)
    places = array(_PLACE, list(map(place_of.__getitem__, map(_KIND, calls))))
    kinds = orjson.dumps(list(place_of))
    body = b"".join(
        (
            kinds,
            places.tobytes(),
            array(_TIME, [call[2] - trace_start for call in calls]).tobytes(),
            array(_TIME, list(map(_DURATION, calls))).tobytes(),
        )
    )
    is_large = len(body) >= _LEAST_BYTES
    return _HEAD.pack(is_large, len(calls), len(kinds)) + (zlib.compress(body, 1) if is_large else body)


def unpack_calls(packed: bytes | str, trace_start: int) -> list[StoredCall]:
    """The calls as they were packed; of a file of schema 6, their list as JSON.

    Raises zlib.error, struct.error or ValueError for other bytes.
    """
    if isinstance(packed, str):
        return [tuple(call) for call in orjson.loads(packed)]
    is_large, number, size = _HEAD.unpack_from(packed)
    body = zlib.decompress(packed[_HEAD.size :]) if is_large else packed[_HEAD.size :]
    times = size + number * _PLACE_BYTES
    durations = times + number * _TIME_BYTES
    kinds = orjson.loads(body[:size])
    return [
        (*kinds[place][:2], trace_start + after, duration, *kinds[place][2:])
        for place, after, duration in zip(
            _numbers(_PLACE, body[size:times]),
            _numbers(_TIME, body[times:durations]),
            _numbers(_TIME, body[durations:]),
            strict=True,
        )
    ]


def _numbers(code: str, packed: bytes) -> array[int]:
    found: array[int] = array(code)
    found.frombytes(packed)
    return found
