"""The form of a trace: what follows from which span stands under which, from their kinds and services alone.

Traces of one operation have the same form again and again, whatever their times and ids: it is found out once
and kept. Nobody may change what is kept.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import lt
from typing import Final

from signals.model import SpanKind

ABSENT: Final = -1
"""No parent; numbers below it stand for a missing parent each, the same number for the same one."""
SERVES: Final = frozenset({int(SpanKind.SERVER), int(SpanKind.CONSUMER)})
CALLS: Final = frozenset({int(SpanKind.CLIENT), int(SpanKind.PRODUCER)})
_KEPT: Final = 128
_MOST_SPANS: Final = 100
"""Of a form that is kept: all together are a few megabytes."""


@dataclass(frozen=True, slots=True)
class Form:
    """What `signals.trace_tree.Outline` says of a trace without its times and errors; places are by start."""

    parents: list[int]
    """ABSENT also where a parent is missing or was cut off."""
    children: list[list[int]]
    circular: list[bool]
    entries: list[int]
    initiating: int
    lost: list[bool]
    members: list[tuple[int, list[int]]]
    """(place of an entry, places of its spans), by start of the entries."""
    counts: list[tuple[str, int]]
    """(service, spans), in order of first start."""
    calls: list[tuple[int, str, str | None]]
    """(place of the span that measures it, source, target) of each call; the target is None where a calling
    span has none below it: its peer may be one."""
    _walked: list[tuple[list[int], list[int]]] = field(default_factory=list, repr=False, compare=False)
    """Order and depths, once somebody asked: settling does not."""

    @property
    def order(self) -> list[int]:
        return self._walk()[0]

    @property
    def depths(self) -> list[int]:
        return self._walk()[1]

    def _walk(self) -> tuple[list[int], list[int]]:
        if not self._walked:
            self._walked.append(_walk(self.parents, self.children))
        return self._walked[0]


def form_of(parents: Sequence[int], kinds: Sequence[int], services: Sequence[str]) -> Form:
    """The form of spans in order of their starts. Shared."""
    make = _kept if len(parents) <= _MOST_SPANS else _made
    return make(tuple(parents), tuple(kinds), tuple(services))


def _made(named: tuple[int, ...], kinds: tuple[int, ...], services: tuple[str, ...]) -> Form:
    parents = [max(parent, ABSENT) for parent in named]
    circular = _cut_cycles(parents)
    children: list[list[int]] = [[] for _ in parents]
    for place, parent in enumerate(parents):
        if parent != ABSENT:
            children[parent].append(place)
    order = range(len(parents)) if _is_ordered(parents) else _walk(parents, children)[0]
    entries = _entries(parents, named, order, kinds, services)
    initiating = _initiating(parents, named, kinds)
    return Form(
        parents,
        children,
        circular,
        entries,
        initiating,
        _lost(named, kinds, initiating),
        _members(entries),
        list(Counter(services).items()),
        _calls(children, kinds, services),
    )


_kept = lru_cache(_KEPT)(_made)


def _is_ordered(parents: list[int]) -> bool:
    """Whether each stands behind its parent: most often, as places are by start."""
    return all(map(lt, parents, range(len(parents))))


def _cut_cycles(parents: list[int]) -> list[bool]:
    """Make a forest of the links: in each cycle, the earliest span loses its parent."""
    cut = [False] * len(parents)
    if _is_ordered(parents):
        # No way leads back.
        return cut
    seen = [0] * len(parents)
    for begin in range(len(parents)):
        walk = begin + 1
        place = begin
        while place != ABSENT and not seen[place]:
            seen[place] = walk
            place = parents[place]
        if place == ABSENT or seen[place] != walk:
            continue
        earliest = at = place
        while parents[at] != place:
            at = parents[at]
            earliest = min(earliest, at)
        cut[earliest] = True
        parents[earliest] = ABSENT
    return cut


def _walk(parents: list[int], children: list[list[int]]) -> tuple[list[int], list[int]]:
    depths = [0] * len(parents)
    order = []
    pending = [place for place in range(len(parents) - 1, -1, -1) if parents[place] == ABSENT]
    while pending:
        place = pending.pop()
        order.append(place)
        below = children[place]
        if below:
            depth = depths[place] + 1
            for child in reversed(below):
                depths[child] = depth
                pending.append(child)
    return order, depths


def _entries(
    parents: list[int],
    named: Sequence[int],
    order: Sequence[int],
    kinds: Sequence[int],
    services: Sequence[str],
) -> list[int]:
    """For each span the place of the entry above it; `order` has each behind its parent, tops by start.

    Spans of one service that name the same missing parent are one request, not
    several: the parent ends after them, so that it often arrives after them.
    """
    entries = [ABSENT] * len(parents)
    waiting: dict[tuple[str, int], int] = {}
    for place in order:
        parent = parents[place]
        if kinds[place] in SERVES:
            entries[place] = place
        elif parent != ABSENT:
            entries[place] = entries[parent] if services[parent] == services[place] else place
        elif named[place] < ABSENT:
            entries[place] = waiting.setdefault((services[place], named[place]), place)
        else:
            entries[place] = place
    return entries


def _initiating(parents: list[int], named: Sequence[int], kinds: Sequence[int]) -> int:
    """The earliest root; without a root, the earliest served span; else the earliest of all tops."""
    tops = [place for place, parent in enumerate(parents) if parent == ABSENT]
    if not tops:
        return ABSENT
    roots = [place for place in tops if named[place] >= ABSENT]
    return roots[0] if roots else min(tops, key=lambda place: (kinds[place] not in SERVES, place))


def _lost(named: Sequence[int], kinds: Sequence[int], initiating: int) -> list[bool]:
    """Missing parents, except the remote parent of the initiating entry.

    If it is the parent of more than one span, it is missed: an outside caller makes a trace for each call.
    """
    lost = [parent < ABSENT for parent in named]
    if initiating != ABSENT and kinds[initiating] in SERVES and named.count(named[initiating]) == 1:
        lost[initiating] = False
    return lost


def _members(entries: list[int]) -> list[tuple[int, list[int]]]:
    members: dict[int, list[int]] = {}
    for place, entry in enumerate(entries):
        known = members.get(entry)
        if known is None:
            members[entry] = [place]
        else:
            known.append(place)
    return sorted(members.items())


def _calls(
    children: list[list[int]], kinds: Sequence[int], services: Sequence[str]
) -> list[tuple[int, str, str | None]]:
    """See `signals.trace_tree.calls_of`."""
    calls: list[tuple[int, str, str | None]] = []
    for place, below in enumerate(children):
        own, calling = services[place], kinds[place] in CALLS
        if calling and not below:
            calls.append((place, own, None))
        elif calling:
            calls += [(place, own, target) for target in sorted({services[child] for child in below} - {own})]
        else:
            calls += [(child, own, services[child]) for child in below if services[child] != own]
    return calls
