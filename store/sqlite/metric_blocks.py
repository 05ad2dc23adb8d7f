"""Runs of metric points as they are stored: chunks of times, blocks of values.

A chunk holds the times of a while of a process's exports, a block the values of one of its metrics.

A process exports all its series with one time, so times are stored once for all of them. Each body
is compressed: the length of a header in JSON, the header, columns (store/sqlite/metric_columns.py).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import orjson

from store.metric_points import DOUBLE, Run, Shape, Spots, doubles_of
from store.sqlite.metric_columns import (
    column_between,
    column_bytes,
    read_column,
    read_doubles,
    write_column,
    write_doubles,
)

_LENGTH: Final = struct.Struct("<I")
_COMPRESSION: Final = 6

SeriesRun = tuple[int, Run]
"""(id of the series, points)"""


class Written(NamedTuple):
    """A chunk and its blocks."""

    chunk: bytes
    blocks: Mapping[int, bytes]
    """By the id of the metric."""


def write_chunk(runs_of_metrics: Mapping[int, Sequence[SeriesRun]]) -> Written:
    """All the runs of one resource, by metric."""
    places: dict[tuple[int, ...], int] = {}

    def place_of(numbers: Sequence[int]) -> int:
        return places.setdefault(tuple(numbers), len(places))

    blocks = {metric: _block_of(runs, place_of) for metric, runs in runs_of_metrics.items()}
    header = [len(numbers) for numbers in places]
    return Written(_packed(header, [write_column(numbers) for numbers in places]), blocks)


def _block_of(runs: Sequence[SeriesRun], place_of: Any) -> bytes:
    shapes: dict[Shape, int] = {}
    entries, columns = [], []
    for series, run in runs:
        written = b"".join(
            write_doubles(run.column(place)) if letter == DOUBLE else write_column(run.column(place))  # type: ignore[arg-type]  # integers, as the letter says
            for place, letter in enumerate(doubles_of(run.shape))
        )
        columns.append(written)
        shape = shapes.setdefault(run.shape, len(shapes))
        entries.append((series, place_of(run.times), place_of(run.starts), shape, len(written)))
    return _packed([list(shapes), entries], columns)


def _packed(header: object, columns: Sequence[bytes]) -> bytes:
    head = orjson.dumps(header)
    return zlib.compress(_LENGTH.pack(len(head)) + head + b"".join(columns), _COMPRESSION)


def _unpacked(body: bytes) -> tuple[Any, bytes, int]:
    """(header, everything, where the columns begin)."""
    whole = zlib.decompress(body)
    (length,) = _LENGTH.unpack_from(whole)
    begin = _LENGTH.size + length
    return orjson.loads(whole[_LENGTH.size : begin]), whole, begin


class ChunkTimes:
    """The times of a chunk, each column decoded when it is asked for first."""

    def __init__(self, body: bytes) -> None:
        self._lengths, self._body, at = _unpacked(body)
        self._places = []
        for length in self._lengths:
            self._places.append(at)
            at += column_bytes(self._body, at, length)
        self._known: dict[int, list[int]] = {}

    def column(self, place: int) -> list[int]:
        """The times at this place; the same object each time."""
        found = self._known.get(place)
        if found is None:
            found = read_column(self._body, self._places[place], self._lengths[place])
            self._known[place] = found
        return found


class StoredRun:
    """A run in a block; its columns are decoded when they are asked for."""

    __slots__ = ("_at", "_begin", "_body", "_known", "_letters", "shape", "starts", "times")

    def __init__(
        self, shape: Shape, times: Sequence[int], starts: Sequence[int], body: bytes, at: int
    ) -> None:
        self.shape = shape
        self.times = times
        self.starts = starts
        self._body = body
        self._letters = doubles_of(shape)
        self._begin = at
        self._at: list[int] = []
        """Where each column begins, once one was asked for."""
        self._known: dict[int, Sequence[float]] = {}

    def column(self, place: int) -> Sequence[float]:
        """See `metric_points.Run`."""
        found = self._known.get(place)
        if found is None:
            read = read_doubles if self._letters[place] == DOUBLE else read_column
            found = self._known[place] = read(self._body, self._begins()[place], len(self.times))
        return found

    def between(self, place: int, spots: Spots) -> list[float]:
        """See `metric_points.Run`."""
        if place in self._known or self._letters[place] == DOUBLE:
            return spots.of(self.column(place))
        at = self._at or self._begins()
        return column_between(self._body, at[place], len(self.times), spots)

    def _begins(self) -> list[int]:
        if not self._at:
            at, body, n = self._begin, self._body, len(self.times)
            for _ in self._letters:
                self._at.append(at)
                at += column_bytes(body, at, n)
        return self._at


def read_block(
    body: bytes, times: ChunkTimes, selected: Container[int] | None = None
) -> Iterator[tuple[int, StoredRun]]:
    """The runs of a block, of all series or of the selected ones."""
    (shapes, entries), whole, at = _unpacked(body)
    known = [_hashable(shape) for shape in shapes]
    for series, times_at, starts_at, shape, length in entries:
        if selected is None or series in selected:
            run = StoredRun(known[shape], times.column(times_at), times.column(starts_at), whole, at)
            yield series, run
        at += length


def _hashable(shape: list[Any]) -> Shape:
    return tuple(tuple(part) if isinstance(part, list) else part for part in shape)
