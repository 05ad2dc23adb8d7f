"""Layout of a directed graph in layers from left to right (after Sugiyama). Pure and deterministic.

Cycles are opened by turning edges, layers come from longest paths, long edges get a dummy
node in every layer that they cross so that they pass between nodes, and sweeps of
barycentres reduce crossings. The order of the input does not matter.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

_SWEEPS = 8
"""Passes that reorder layers."""
_PULLS = 12
"""Passes that move nodes towards their neighbours."""
_SHELF = 6
"""Layers side by side before the next connected component goes below."""
_PASSING = 0.55
"""Rows between a node and an edge that passes it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Positions in layers and rows; rows are fractional and begin at 0."""

    layer_of: Mapping[str, int]
    row_of: Mapping[str, float]
    bends: Mapping[tuple[str, str], tuple[tuple[int, float], ...]]
    """(layer, row) of the points that a long edge passes, from its source on."""
    layers: int
    rows: float
    """How many rows the fullest layer needs."""


@dataclass(slots=True)
class _Graph:
    names: list[str]
    edges: list[tuple[str, str]]
    """Without cycles: an edge that would close one is turned round."""
    layer: dict[str, int] = field(default_factory=dict)
    columns: list[list[str]] = field(default_factory=list)
    before: dict[str, list[str]] = field(default_factory=dict)
    after: dict[str, list[str]] = field(default_factory=dict)


def arrange(nodes: Iterable[str], edges: Iterable[tuple[str, str]]) -> Layout:
    """The layout of a graph; edges to themselves or to unknown nodes are left out.

    Connected components are beside and below one another, the largest first.
    """
    names = sorted(set(nodes))
    known = set(names)
    kept = sorted({(a, b) for a, b in edges if a != b and a in known and b in known})
    parts = []
    for part in _parts(names, kept):
        inside = set(part)
        parts.append(_arrange_part(part, [edge for edge in kept if edge[0] in inside]))
    layer_of: dict[str, int] = {}
    row_of: dict[str, float] = {}
    bends: dict[tuple[str, str], tuple[tuple[int, float], ...]] = {}
    layers, rows = 0, 0.0
    for laid, (right, below) in zip(parts, _packed(parts), strict=True):
        layer_of.update({name: layer + right for name, layer in laid.layer_of.items()})
        row_of.update({name: row + below for name, row in laid.row_of.items()})
        for edge, points in laid.bends.items():
            bends[edge] = tuple((layer + right, row + below) for layer, row in points)
        layers = max(layers, right + laid.layers)
        rows = max(rows, below + laid.rows)
    return Layout(layer_of, row_of, bends, layers, rows)


def _packed(parts: Sequence[Layout]) -> list[tuple[int, float]]:
    """(layers to the right, rows below) of each part, on shelves: many small parts make a grid."""
    wide = max([_SHELF, *(part.layers for part in parts)])
    places: list[tuple[int, float]] = []
    right, below, tallest = 0, 0.0, 0.0
    for part in parts:
        if right + part.layers > wide:
            right, below, tallest = 0, below + tallest, 0.0
        places.append((right, below))
        right += part.layers
        tallest = max(tallest, part.rows)
    return places


def _parts(names: list[str], edges: list[tuple[str, str]]) -> list[list[str]]:
    """The connected components of a graph, the largest first."""
    leader = {name: name for name in names}

    def find(name: str) -> str:
        while leader[name] != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for a, b in edges:
        one, other = sorted((find(a), find(b)))
        leader[other] = one
    members: dict[str, list[str]] = {}
    for name in names:
        members.setdefault(find(name), []).append(name)
    return sorted(members.values(), key=lambda part: (-len(part), part[0]))


def _arrange_part(names: list[str], edges: list[tuple[str, str]]) -> Layout:
    straight, turned = _without_cycles(names, edges)
    graph = _Graph(names, straight)
    _assign_layers(graph)
    chains = _with_bends(graph)
    _untangle(graph)
    rows = _place(graph)
    bends = {}
    for edge, chain in chains.items():
        points = tuple((graph.layer[name], rows[name]) for name in chain)
        original = (edge[1], edge[0]) if edge in turned else edge
        bends[original] = tuple(reversed(points)) if edge in turned else points
    return Layout(
        layer_of={name: graph.layer[name] for name in names},
        row_of={name: rows[name] for name in names},
        bends=bends,
        layers=len(graph.columns),
        rows=max((rows[name] for name in graph.layer), default=0.0) + 1,
    )


def _without_cycles(
    names: list[str], edges: list[tuple[str, str]]
) -> tuple[list[tuple[str, str]], set[tuple[str, str]]]:
    """The edges, those that lead back turned round; and the turned ones."""
    targets: dict[str, list[str]] = {name: [] for name in names}
    incoming = dict.fromkeys(names, 0)
    for a, b in edges:
        targets[a].append(b)
        incoming[b] += 1
    state: dict[str, int] = {}
    back: set[tuple[str, str]] = set()
    for root in sorted(names, key=lambda name: (incoming[name] > 0, -len(targets[name]), name)):
        stack = [(root, iter(targets[root]))] if root not in state else []
        state.setdefault(root, 1)
        while stack:
            name, rest = stack[-1]
            child = next(rest, None)
            if child is None:
                state[name] = 2
                stack.pop()
            elif state.get(child) == 1:
                back.add((name, child))
            elif child not in state:
                state[child] = 1
                stack.append((child, iter(targets[child])))
    turned = {(b, a) for a, b in back}
    return sorted({edge for edge in edges if edge not in back} | turned), turned - set(edges)


def _assign_layers(graph: _Graph) -> None:
    """Longest path from a source; then a source moves up to just before its first target."""
    after: dict[str, list[str]] = {name: [] for name in graph.names}
    degree = dict.fromkeys(graph.names, 0)
    for a, b in graph.edges:
        after[a].append(b)
        degree[b] += 1
    sources = [name for name in graph.names if degree[name] == 0]
    graph.layer = dict.fromkeys(graph.names, 0)
    ready = list(sources)
    while ready:
        name = ready.pop()
        for target in after[name]:
            graph.layer[target] = max(graph.layer[target], graph.layer[name] + 1)
            degree[target] -= 1
            if degree[target] == 0:
                ready.append(target)
    for name in sources:
        if after[name]:
            graph.layer[name] = min(graph.layer[target] for target in after[name]) - 1


def _with_bends(graph: _Graph) -> dict[tuple[str, str], list[str]]:
    """Put a dummy node into every layer that an edge crosses; returns them by edge."""
    depth = max(graph.layer.values(), default=-1) + 1
    graph.columns = [[] for _ in range(depth)]
    chains: dict[tuple[str, str], list[str]] = {}
    for a, b in graph.edges:
        chain = []
        previous = a
        for layer in range(graph.layer[a] + 1, graph.layer[b]):
            dummy = f"\0{a}\0{b}\0{layer}"
            graph.layer[dummy] = layer
            chain.append(dummy)
            graph.after.setdefault(previous, []).append(dummy)
            graph.before.setdefault(dummy, []).append(previous)
            previous = dummy
        graph.after.setdefault(previous, []).append(b)
        graph.before.setdefault(b, []).append(previous)
        chains[a, b] = chain
    for name in sorted(graph.layer):
        graph.columns[graph.layer[name]].append(name)
    return chains


def _untangle(graph: _Graph) -> None:
    """Sort each layer by the mean rank of its neighbours, forwards and backwards; keep the best order."""
    best = [list(column) for column in graph.columns]
    fewest = _crossings(graph)
    for sweep in range(_SWEEPS):
        forwards = sweep % 2 == 0
        neighbours = graph.before if forwards else graph.after
        columns = graph.columns if forwards else graph.columns[::-1]
        for i in range(1, len(columns)):
            ranks = {name: rank for rank, name in enumerate(columns[i - 1])}
            current = {name: rank for rank, name in enumerate(columns[i])}
            middle = {}
            for name in columns[i]:
                near = [ranks[other] for other in neighbours.get(name, ()) if other in ranks]
                middle[name] = sum(near) / len(near) if near else float(current[name])
            columns[i].sort(key=lambda name: (middle[name], current[name], name))
        crossings = _crossings(graph)
        if crossings < fewest:
            fewest = crossings
            best = [list(column) for column in graph.columns]
    graph.columns = best


def _crossings(graph: _Graph) -> int:
    total = 0
    for left, right in itertools.pairwise(graph.columns):
        ranks = {name: rank for rank, name in enumerate(right)}
        ends = [ranks[to] for name in left for to in sorted(graph.after.get(name, ()), key=ranks.__getitem__)]
        total += sum(1 for i, end in enumerate(ends) for other in ends[i + 1 :] if other < end)
    return total


def _place(graph: _Graph) -> dict[str, float]:
    """Rows by pulling every node towards its neighbours while the order and the distances hold."""
    rows: dict[str, float] = {}
    tallest = max((len(column) for column in graph.columns), default=0)
    for column in graph.columns:
        at = (tallest - len(column)) / 2
        for name, gap in zip(column, _gaps(column), strict=True):
            at += gap
            rows[name] = at
    for pull in range(_PULLS):
        columns = graph.columns if pull % 2 else graph.columns[::-1]
        for column in columns:
            ideal = [_mean_row(graph, rows, name) for name in column]
            for name, row in zip(column, _spaced(ideal, _gaps(column)), strict=True):
                rows[name] = row
    lowest = min(rows.values(), default=0.0)
    return {name: row - lowest for name, row in rows.items()}


def _mean_row(graph: _Graph, rows: Mapping[str, float], name: str) -> float:
    """The mean row of a node's neighbours; its own if it has none."""
    near = [rows[other] for other in (*graph.before.get(name, ()), *graph.after.get(name, ()))]
    return sum(near) / len(near) if near else rows[name]


def _gaps(column: list[str]) -> list[float]:
    """The distance of each node from the one before it; a passing edge needs less room than a circle."""
    gaps = [0.0]
    for one, other in itertools.pairwise(column):
        gaps.append(_PASSING if _is_dummy(one) or _is_dummy(other) else 1.0)
    return gaps[: len(column)]


def _is_dummy(name: str) -> bool:
    return name.startswith("\0")


def _spaced(ideal: list[float], gaps: list[float]) -> list[float]:
    """The rows nearest to the ideal ones, in order and at least the gaps apart (pool adjacent violators)."""
    offsets = list(itertools.accumulate(gaps))
    blocks: list[tuple[float, int]] = []
    for row, offset in zip(ideal, offsets, strict=True):
        total, size = row - offset, 1
        while blocks and blocks[-1][0] / blocks[-1][1] > total / size:
            before, count = blocks.pop()
            total, size = total + before, size + count
        blocks.append((total, size))
    found: list[float] = []
    for total, size in blocks:
        begin = len(found)
        found.extend([total / size + offset for offset in offsets[begin : begin + size]])
    return found
