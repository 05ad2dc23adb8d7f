"""Meshes that nobody here made, drawn at random: retries, refusals, answers, odd names, broken trees."""

from __future__ import annotations

import random

from tests.fixtures.world import MS, Json, S, World, span

SERVER, CLIENT, PRODUCER, CONSUMER, INTERNAL = 2, 3, 4, 5, 1
_SERVICES = ("gate", "ledger", "../x", "a&b=c", "<b>bold</b>", "pigeon post", "")
_ANSWERS: tuple[Json, ...] = (
    {"http.status_code": 200},
    {"http.status_code": 401},
    {"http.response.status_code": 503},
    {"rpc.grpc.status_code": 14},
    {"_error": "timed out"},
)


def mesh(world: World, seed: int, traces: int = 60) -> World:
    """Adds so many traces of a mesh, spread over the last ten minutes, and a few logs of each."""
    chance = random.Random(seed)
    for number in range(traces):
        at = world.now_unix_nano - chance.randrange(5 * S, 600 * S)
        _Trace(world, chance, f"{seed * 100_000 + number + 1:032x}", at).draw()
    return world


class _Trace:
    def __init__(self, world: World, chance: random.Random, trace_id: str, at: int) -> None:
        self._world, self._chance, self._trace, self._at = world, chance, trace_id, at
        self._spans = 0

    def draw(self) -> None:
        """A request from outside, and what it leads to."""
        self._serve(self._chance.choice(_SERVICES), "", 0)

    def _add(self, service: str, parent: str, name: str, kind: int, **tags: object) -> str:
        self._spans += 1
        own = f"{self._spans:016x}"
        if self._chance.random() < 0.04:
            parent = self._chance.choice(("f" * 16, own, f"{self._spans + 1:016x}"))
        start = self._at + self._spans * self._chance.randrange(1, 30) * MS
        if self._chance.random() < 0.1:
            tags["_error"] = "broken"
        made = span(self._trace, own, parent, name, kind, start, self._chance.randrange(1, 400), **tags)
        self._world.backend(service, [made])
        if self._chance.random() < 0.3:
            severity = self._chance.choice((1, 5, 9, 13, 17, 21, 0))
            self._world.log(service, start, severity, "a line", _trace=self._trace, _span=own)
        return own

    def _serve(self, service: str, parent: str, depth: int) -> None:
        chance = self._chance
        versions = {"version": chance.choice(("v1", "v2"))}
        kind = chance.choice((SERVER, SERVER, CONSUMER))
        entry = self._add(service, parent, chance.choice(("GET /a", "POST /b", "Work")), kind, **versions)
        if chance.random() < 0.3:
            self._add(service, entry, "inside", INTERNAL, version="v3")
        for _ in range(chance.randrange(0, 4 if depth < 3 else 1)):
            self._call(service, entry, depth)

    def _call(self, service: str, entry: str, depth: int) -> None:
        chance = self._chance
        target = chance.choice(_SERVICES)
        peer: Json = {"peer.service": target} if target else {}
        way = chance.random()
        if way < 0.25:
            self._add(service, entry, "call", CLIENT, **peer, **chance.choice(_ANSWERS))
        elif way < 0.4:
            outside = chance.choice(
                ({"peer.service": "provider"}, {"db.system": "redis", "db.name": "carts"})
            )
            self._add(service, entry, "out", CLIENT, **outside, **chance.choice(_ANSWERS))
        elif way < 0.5:
            self._serve(target, entry, depth + 1)
        else:
            call = self._add(service, entry, "call", chance.choice((CLIENT, PRODUCER)), **peer)
            for _ in range(chance.choice((1, 1, 1, 2))):
                self._serve(target, call, depth + 1)
