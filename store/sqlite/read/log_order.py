"""Where the n-th log of several blocks is, of which each is in order: few of them are looked at. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

B = TypeVar("B")


@dataclass(slots=True)
class Stretch(Generic[B]):
    """Logs of a block."""

    first: int
    """No key of them is less, and none is greater than `last`."""
    last: int
    block: B
    places: Sequence[int]


class Counted(Generic[B]):
    """Stretches in the order of their first keys."""

    def __init__(self) -> None:
        self._stretches: list[Stretch[B]] = []
        self._open: list[Stretch[B]] = []
        """Those that may have logs behind the first one of the next stretch."""
        self._before = 0
        """How many logs are surely before it."""

    def add(self, stretch: Stretch[B]) -> None:
        """One more."""
        self._stretches.append(stretch)
        self._open.append(stretch)

    def are_before(self, key: int) -> int:
        """How many logs are at least not behind a key, which is not less than that of the call before."""
        left = []
        for stretch in self._open:
            if stretch.last <= key:
                self._before += len(stretch.places)
            else:
                left.append(stretch)
        self._open = left
        return self._before

    def nth(self, number: int, keys_of: Callable[[B, Sequence[int]], list[int]]) -> int | None:
        """The key of the log of this number, the first is 1; None if there are fewer."""
        stretches = self._stretches
        behind = list(accumulate([len(stretch.places) for stretch in stretches], initial=0))
        if behind[-1] < number:
            return None
        firsts = [stretch.first for stretch in stretches]
        keys: list[int] = []
        for stretch in stretches:
            # With all that may be before its last log, the number is not reached: it is before it as a whole.
            if behind[bisect_right(firsts, stretch.last)] >= number:
                keys += keys_of(stretch.block, stretch.places)
        keys.sort()
        skipped = behind[-1] - len(keys)
        return keys[number - skipped - 1]
