"""The requests of many traces, one array for each column, and how some of them are cut out."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate, chain, compress, repeat
from operator import add, sub
from typing import Any

from store.queries import Window
from store.sqlite.packed_requests import OUTCOME_CODE, SET_CODE, START_CODE, PackedRequests, unpack

# In C: `_make` is a function of Python, and took a tenth of the time of a page.
packed_row = partial(tuple.__new__, PackedRequests)


class RequestColumns:
    """The requests of some traces, newest first, one array for each column. Shared: not to be changed."""

    __slots__ = ("begun", "ends", "lasts", "latest", "outcomes", "sets", "starts", "traces", "unbounded")

    def __init__(self, rows: Sequence[tuple[Any, ...]] = ()) -> None:
        """`rows` have the columns of `PackedRequests`."""
        begun, traces, lasts, sets, outcomes, starts, unbounded = (
            zip(*rows, strict=True) if rows else [()] * 7
        )
        self.begun = array("q", begun)
        """Start of each trace, Unix ns."""
        self.traces = array("q", traces)
        self.lasts = array("q", lasts)
        self.latest: int = max(lasts, default=0)
        # Outcomes take two bytes each.
        self.ends = array("i", accumulate([size // 2 for size in map(len, outcomes)]))
        """Behind which request each trace ends."""
        self.sets = unpack(SET_CODE, b"".join(sets))
        self.outcomes = unpack(OUTCOME_CODE, b"".join(outcomes))
        self.starts = unpack(START_CODE, b"".join(starts))
        self.unbounded: dict[int, str] = {
            place: text for place, text in enumerate(unbounded) if text is not None
        }
        """By the place of the trace."""

    def __len__(self) -> int:
        return len(self.begun)

    @property
    def bytes(self) -> int:
        """About what it takes in memory."""
        texts = sum([200 + len(text) for text in self.unbounded.values()])
        return 1_000 + 28 * len(self.begun) + 14 * len(self.outcomes) + texts

    def rows(self, places: Sequence[int] | None = None) -> Iterator[PackedRequests]:
        """Trace by trace; `places` names some of them, in order."""
        sets, outcomes, starts = memoryview(self.sets), memoryview(self.outcomes), memoryview(self.starts)
        ends, unbounded = self.ends, self.unbounded
        for place in range(len(self.begun)) if places is None else places:
            low, high = (ends[place - 1] if place else 0), ends[place]
            yield packed_row(
                (
                    self.begun[place],
                    self.traces[place],
                    self.lasts[place],
                    sets[low:high].tobytes(),
                    outcomes[low:high].tobytes(),
                    starts[low:high].tobytes(),
                    unbounded.get(place) if unbounded else None,
                )
            )

    def first(self, many: int) -> RequestColumns:
        """The first so many traces."""
        if many >= len(self):
            return self
        found, behind = RequestColumns(), self.ends[many - 1] if many else 0
        found.begun, found.traces, found.lasts = self.begun[:many], self.traces[:many], self.lasts[:many]
        found.ends = self.ends[:many]
        found.sets, found.outcomes = self.sets[:behind], self.outcomes[:behind]
        found.starts = self.starts[:behind]
        found.unbounded = {place: text for place, text in self.unbounded.items() if place < many}
        return found

    def sizes(self) -> Iterator[int]:
        """How many requests each trace has."""
        return map(sub, self.ends, chain((0,), self.ends))

    def times(self) -> Iterator[int]:
        """Start of each request, Unix ns."""
        return map(add, chain.from_iterable(map(repeat, self.begun, self.sizes())), self.starts)

    def some(self, flags: Sequence[bool]) -> RequestColumns:
        """The traces whose flag is set."""
        ends = self.ends
        runs = list(_runs(bytes(flags)))
        found = self._of_requests([(ends[low - 1] if low else 0, ends[high - 1]) for low, high in runs])
        found.begun, found.traces = _joined(self.begun, runs), _joined(self.traces, runs)
        found.lasts = _joined(self.lasts, runs)
        found.latest = max(found.lasts, default=0)
        found.ends = array("i", accumulate(compress(self.sizes(), flags)))
        if self.unbounded:
            places = list(accumulate(flags))
            found.unbounded = {places[at] - 1: text for at, text in self.unbounded.items() if flags[at]}
        return found

    def within(self, window: Window) -> RequestColumns:
        """All traces, each with those of its requests that begin in the window."""
        begin, end = window.from_unix_nano, window.to_unix_nano
        sizes, flags = list(self.sizes()), bytearray(b"\1" * len(self.starts))
        # Hardly a trace of them reaches over an end of the window.
        for place, (start, last) in enumerate(zip(self.begun, self.lasts, strict=True)):
            if start < begin or last >= end:
                high = self.ends[place]
                low = high - sizes[place]
                flags[low:high] = bytes([begin <= start + after < end for after in self.starts[low:high]])
                sizes[place] = sum(flags[low:high])
        found = self._of_requests(list(_runs(flags)))
        found.begun, found.traces, found.lasts = self.begun, self.traces, self.lasts
        found.latest, found.unbounded = self.latest, self.unbounded
        found.ends = array("i", accumulate(sizes))
        return found

    def _of_requests(self, runs: Sequence[tuple[int, int]]) -> RequestColumns:
        """The columns of the requests from each of these places to the one beside it."""
        found = RequestColumns()
        found.sets, found.outcomes = _joined(self.sets, runs), _joined(self.outcomes, runs)
        found.starts = _joined(self.starts, runs)
        return found

    def until(self, requests: int) -> int:
        """How many traces there are up to the one with which so many requests are reached."""
        return 0 if requests <= 0 else min(len(self), bisect_left(self.ends, requests) + 1)


def _runs(flags: bytes | bytearray) -> Iterator[tuple[int, int]]:
    """From where to where flags that stand next to each other are set."""
    high = 0
    while (low := flags.find(1, high)) >= 0:
        high = flags.find(0, low)
        if high < 0:
            high = len(flags)
        yield low, high


def _joined(column: array[int], runs: Sequence[tuple[int, int]]) -> array[int]:
    # Copied run by run: to take each number by itself took longer than all else that is done with them.
    found = array(column.typecode)
    for low, high in runs:
        found += column[low:high]
    return found


def joined(parts: Sequence[RequestColumns]) -> RequestColumns:
    """All of them, one behind the other."""
    if len(parts) == 1:
        return parts[0]
    found = RequestColumns()
    for part in parts:
        above, place = len(found.outcomes), len(found)
        found.begun += part.begun
        found.traces += part.traces
        found.lasts += part.lasts
        found.ends.extend([above + end for end in part.ends])
        found.sets += part.sets
        found.outcomes += part.outcomes
        found.starts += part.starts
        found.unbounded.update([(place + at, text) for at, text in part.unbounded.items()])
    return found
