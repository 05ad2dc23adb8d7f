"""What some traces say of requests that match a question: those that failed, and those that went through."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import compress
from typing import Literal, NamedTuple

from store.change_results import Operation
from store.reach import Side, Try
from store.sqlite.packed_requests import split
from store.sqlite.read.request_columns import RequestColumns
from store.sqlite.read.tag_set_search import KnownSet, matching_sets


class AskedSets:
    """What the tag sets of some requests say."""

    def __init__(
        self,
        sets: Mapping[int, KnownSet],
        service: str | None,
        where: Mapping[str, str],
        environment: str | None,
    ) -> None:
        self._sets = sets
        self.matching = frozenset(matching_sets(sets, service, where, environment))
        self.synthetic = frozenset([number for number, tags in sets.items() if tags.synthetic])
        self.operation = {number: sets[number].of for number in self.matching}

    def person(self, numbers: Iterable[int]) -> str:
        """The first person whom these sets name; empty if there is none."""
        return next((tags.person for tags in map(self._sets.get, numbers) if tags and tags.person), "")


class Counted(NamedTuple):
    """What was counted of some traces."""

    traces: int
    """Those that may match."""
    all_requests: int
    """Of these traces, those that do not match included."""
    requests: tuple[int, int]
    """Those that match, of people and of programs."""
    recovered_inside: tuple[int, int]
    failures: tuple[Try, ...]
    successes: tuple[Try, ...]
    """The newest request of each trace and operation that went through."""


def count(columns: RequestColumns, sets: AskedSets, error: Literal["any", "origin"]) -> Counted:
    """What these traces say."""
    sides = Side(), Side()
    failures: list[Try] = []
    successes: list[Try] = []
    for one in _matched(columns, sets):
        failures += _failures(one, sets, sides, error)
        successes += _successes(one, sets, error)
    return Counted(
        len(columns),
        len(columns.outcomes),
        (sides[0].requests, sides[1].requests),
        (sides[0].recovered_inside, sides[1].recovered_inside),
        tuple(failures),
        tuple(successes),
    )


class _Matched(NamedTuple):
    """A trace with a request that matches."""

    columns: RequestColumns
    place: int
    low: int
    high: int
    """Its requests are those from the first to before the second of all traces."""
    own: Sequence[int]
    """Those that match."""
    bad: Sequence[int]
    """Those that failed, or under which something failed."""

    @property
    def numbers(self) -> Sequence[int]:
        """The tag sets of its requests."""
        return self.columns.sets[self.low : self.high]


def _matched(columns: RequestColumns, sets: AskedSets) -> Iterator[_Matched]:
    # Passed over in C, all traces at once: of a trace's requests few match, and fewer failed.
    matching = map(sets.matching.__contains__, columns.sets)
    own = list(compress(range(len(columns.sets)), matching))
    # An outcome's last three bits are 0 where nothing failed.
    bad = [at for at, outcome in enumerate(columns.outcomes) if outcome & 7]
    low = first = first_bad = 0
    for place, high in enumerate(columns.ends):
        behind = bisect_left(own, high, first)
        if behind > first:
            first_bad = bisect_left(bad, low, first_bad)
            behind_bad = bisect_left(bad, high, first_bad)
            yield _Matched(columns, place, low, high, own[first:behind], bad[first_bad:behind_bad])
            first, first_bad = behind, behind_bad
        low = high


def _failures(
    one: _Matched, sets: AskedSets, sides: tuple[Side, Side], error: Literal["any", "origin"]
) -> Iterator[Try]:
    """The failed requests of a trace; counts all matching ones into their side."""
    columns = one.columns
    synthetic = bool(sets.synthetic) and not sets.synthetic.isdisjoint(one.numbers)
    side = sides[synthetic]
    side.requests += len(one.own)
    if not one.bad:
        return
    # The place in what `split` returns.
    which = 1 if error == "any" else 2
    failed = [at for at in one.own if columns.outcomes[at] & 7 and split(columns.outcomes[at])[which]]
    side.recovered_inside += _recovered_inside(one, failed)
    if failed:
        person = sets.person([columns.sets[at] for at in failed]) or sets.person(one.numbers)
        trace, begun = columns.traces[one.place], columns.begun[one.place]
        for at in failed:
            yield Try(trace, synthetic, person, sets.operation[columns.sets[at]], begun + columns.starts[at])


def _recovered_inside(one: _Matched, failed: Sequence[int]) -> int:
    """The matching requests that went through with something failed under them, of a trace with any failure.

    Of a request in the middle of a trace that is known of its own service only, of one that begins it
    of all services.
    """
    outcomes, starts = one.columns.outcomes, one.columns.starts
    return len(
        [
            at
            for at in one.own
            if not outcomes[at] & 1 and at not in failed and (outcomes[at] & 7 or starts[at] == 0)
        ]
    )


def _successes(one: _Matched, sets: AskedSets, error: Literal["any", "origin"]) -> Iterator[Try]:
    """The newest matching request of each operation of a trace that went through."""
    origin = error == "origin"
    columns, of = one.columns, sets.operation
    latest: dict[Operation, int] = {}
    for at in one.own:
        outcome, start, operation = columns.outcomes[at], columns.starts[at], of[columns.sets[at]]
        # The last bit of an outcome is the error of the request itself.
        if (
            not outcome & 1
            and not (origin and outcome & 7 and split(outcome)[2])
            and start >= latest.get(operation, 0)
        ):
            latest[operation] = start
    if latest:
        person = sets.person(one.numbers)
        trace, begun = columns.traces[one.place], columns.begun[one.place]
        for operation, start in latest.items():
            yield Try(trace, False, person, operation, begun + start)
