"""Which logs of a block match, and how many of any stretch of them have each severity: noted once.

A histogram asks for the same blocks with each page, and a part never changes. Knows no question.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from store.sqlite.log_parts import Table
from store.sqlite.read.shared import BoundedCache

_FOUND_BYTES: Final = 4 * 1024**2


class Tally(NamedTuple):
    """The severities of logs that are numbered from 0 in order of time."""

    usual: int
    """The severity of those that are not among `others`: mostly all but a few."""
    others: tuple[tuple[int, array[int]], ...]
    """(severity, the numbers of the logs that have it, in order)."""

    def between(self, begin: int, end: int) -> list[tuple[int, int]]:
        """(severity, how many have it) of the logs from `begin` to before `end`."""
        found, left = [], end - begin
        for severity, numbers in self.others:
            first = bisect_left(numbers, begin)
            if n := bisect_left(numbers, end, first) - first:
                found.append((severity, n))
                left -= n
        if left:
            found.append((self.usual, left))
        return found


class Found:
    """Which logs of a block match, whatever their time."""

    __slots__ = ("all", "places", "tally")

    def __init__(self, places: Sequence[int]) -> None:
        self.places = places
        """In order."""
        self.tally: Tally | None = None
        """Of the logs at `places`, once it was asked for."""
        self.all: list[tuple[int, int]] = []
        """What it says of all of them."""

    def tallied(self, table: Table) -> Tally:
        """Their severities, by the columns of their block."""
        if self.tally is None:
            tally = tally_of(table, self.places)
            self.all = tally.between(0, len(self.places))
            self.tally = tally
        return self.tally


NOTHING: Final = Found(())


def tally_of(table: Table, places: Sequence[int]) -> Tally:
    """The severities of the logs at these places, of which there is one at least."""
    severities = [kind.severity for kind in table.kinds]
    if len(set(severities)) == 1:
        return Tally(severities[0], ())
    column = [severities[kind] for kind in map(table.places.__getitem__, places)]
    if column.count(column[0]) == len(column):
        return Tally(column[0], ())
    counts = Counter(column).most_common()
    return Tally(
        counts[0][0],
        tuple(
            (severity, array("H", [number for number, each in enumerate(column) if each == severity]))
            for severity, _ in counts[1:]
        ),
    )


class KnownFound(BoundedCache[tuple[bytes, int], Found]):
    """Which logs of a part match, by the digest of the conditions and the part: neither changes."""

    def __init__(self) -> None:
        super().__init__(_FOUND_BYTES, _bytes_of)


def _bytes_of(found: Found) -> int:
    """With the tally that it may get: that is two bytes for each place at most."""
    places = found.places
    return 400 + (2 if isinstance(places, range) else 4) * len(places)
