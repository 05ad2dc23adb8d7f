"""Columns of numbers in few bytes, written and read without a loop over the values in Python.

A column holds the differences of neighbours in the narrowest integers that hold them, all first bytes
together, then all second bytes: what changes little becomes runs of zeros, which the compression of a
whole block removes. Doubles are the same with their bits read as integers: no digit is lost, NaN included.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterable, Sequence
from itertools import accumulate, islice
from operator import add, mul, sub
from typing import Final

from store.metric_points import Spots

_CONSTANT: Final = ord("c")
_SIGNED: Final = ord("R")
_UNSIGNED: Final = ord("Q")
_BYTES: Final = ord("b")
_SUMMED: Final = (_BYTES, ord("h"))
"""Narrow enough that sums of slices are faster than all values."""
_WIDTHS: Final = {ord("b"): 1, ord("h"): 2, ord("i"): 4, ord("q"): 8}
_BOUNDS: Final = (("b", 1 << 7), ("h", 1 << 15), ("i", 1 << 31), ("q", 1 << 63))
_HEAD: Final = struct.Struct("<q")
_HEAD_BYTES: Final = 1 + _HEAD.size
_SWAPPED: Final = sys.byteorder == "big"


def write_column(values: Sequence[int]) -> bytes:
    """A column of at least one integer, each of 64 bits with a sign or without."""
    first = values[0]
    differences = list(map(sub, values[1:], values))
    low, high = min(differences, default=0), max(differences, default=0)
    if first < 1 << 63:
        if not low and not high:
            return b"c" + _HEAD.pack(first)
        for code, bound in _BOUNDS:
            if -bound <= low and high < bound:
                return (
                    code.encode() + _HEAD.pack(first) + _by_place(_bytes_of(array(code, differences)), bound)
                )
    return b"R" + _bytes_of(array("q", values)) if min(values) < 0 else b"Q" + _bytes_of(array("Q", values))


def write_doubles(values: Sequence[float]) -> bytes:
    """A column of at least one double."""
    bits = array("q")
    bits.frombytes(array("d", values).tobytes())
    return write_column(bits.tolist())


def column_bytes(body: bytes, at: int, n: int) -> int:
    """How many bytes the column of n numbers takes that begins at this place."""
    tag = body[at]
    if tag == _CONSTANT:
        return _HEAD_BYTES
    width = _WIDTHS.get(tag)
    return 1 + 8 * n if width is None else _HEAD_BYTES + width * (n - 1)


def read_column(body: bytes, at: int, n: int) -> list[int]:
    """The n integers of the column that begins at this place."""
    tag = body[at]
    if tag in (_SIGNED, _UNSIGNED):
        return _array_of("q" if tag == _SIGNED else "Q", body[at + 1 : at + 1 + 8 * n]).tolist()
    (first,) = _HEAD.unpack_from(body, at + 1)
    if tag == _CONSTANT:
        return [first] * n
    width = _WIDTHS[tag]
    raw = body[at + _HEAD_BYTES : at + _HEAD_BYTES + width * (n - 1)]
    if width > 1:
        together = bytearray(len(raw))
        for place in range(width):
            together[place::width] = raw[place * (n - 1) : (place + 1) * (n - 1)]
        raw = bytes(together)
    return list(accumulate(_array_of(chr(tag), raw), initial=first))


def read_doubles(body: bytes, at: int, n: int) -> list[float]:
    """The n doubles of the column that begins at this place."""
    doubles = array("d")
    if body[at] == _CONSTANT:
        doubles.frombytes(array("q", read_column(body, at, 1)).tobytes())
        return doubles.tolist() * n
    doubles.frombytes(array("q", read_column(body, at, n)).tobytes())
    return doubles.tolist()


def column_between(body: bytes, at: int, n: int, spots: Spots) -> list[float]:
    """What `read_column` has at these spots between its points; what lies between is summed, not decoded."""
    points, parts, steps = spots
    tag = body[at]
    if tag == _CONSTANT:
        return list(_HEAD.unpack_from(body, at + 1)) * len(points)
    if tag not in _SUMMED:
        return spots.of(read_column(body, at, n))
    begin, width = at + _HEAD_BYTES, n - 1
    (value,) = _HEAD.unpack_from(body, at + 1)
    raw = body[begin : begin + width]
    if tag == _BYTES:
        low = _signed(raw)
        # Sums of slices of bytes make no objects: several times as fast as adding up in Python.
        rises: Iterable[int] = map(sum, map(low.__getitem__, steps))
        steepness: Iterable[int] = map(low.__getitem__, points)
    else:
        high = _signed(body[begin + width : begin + 2 * width])
        rises = [sum(raw[step]) + (sum(high[step]) << 8) for step in steps]
        steepness = [raw[point] + (high[point] << 8) for point in points]
    values = islice(accumulate(rises, initial=value), 1, None)
    return list(map(add, values, map(mul, steepness, parts)))


def _signed(raw: bytes) -> Sequence[int]:
    return raw if raw.isascii() else array("b", raw)


def _by_place(raw: bytes, bound: int) -> bytes:
    width = bound.bit_length() // 8
    return raw if width == 1 else b"".join([raw[place::width] for place in range(width)])


def _bytes_of(numbers: array[int]) -> bytes:
    if _SWAPPED:
        numbers.byteswap()
    return numbers.tobytes()


def _array_of(code: str, raw: bytes) -> array[int]:
    numbers: array[int] = array(code)
    numbers.frombytes(raw)
    if _SWAPPED:
        numbers.byteswap()
    return numbers
