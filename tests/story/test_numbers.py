"""What is counted in several places is the same number, or words say why not: seeded, foreign, hostile, live."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from store.api import Window
from tests.fixtures.scene import observing
from tests.fixtures.seed import hostile, story
from tests.fixtures.world import S, World
from tests.story.numbers import NUMBERS, Api, Comparison, Number
from tests.story.strangers import mesh

_WORLDS: dict[str, Callable[[World], World]] = {
    "story": lambda world: story(world.now_unix_nano),
    "hostile": lambda world: hostile(story(world.now_unix_nano)),
    **{f"mesh {seed}": lambda world, seed=seed: mesh(world, seed) for seed in (1, 2, 3)},  # type: ignore[misc]
}


@pytest.fixture(scope="module", params=_WORLDS)
def comparison(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Comparison]:
    """Every number of a store that was filled once, over a fixed window."""
    world = _WORLDS[request.param](World(time.time_ns()))
    with observing(world, tmp_path_factory.mktemp("numbers")) as client:

        def read(address: str) -> str:
            answer = client.get(address)
            assert answer.status_code == 200, f"{address} answered {answer.status_code}"
            return answer.text

        yield Comparison(read, Window(world.now_unix_nano - 900 * S, world.now_unix_nano))


def test_the_same_thing_has_the_same_number_everywhere(comparison: Comparison) -> None:
    assert comparison.differences(NUMBERS) == []


def test_one_wrong_number_is_found(comparison: Comparison) -> None:
    """The comparison is no ornament: each kind of place notices a number that is off by one."""
    right = Number("nodes", "/api/v1/apm/map", Api("nodes.requests"))
    for place in (Api("nodes.requests", plus="nodes.inferred"), Api("nodes.errors")):
        wrong = Number("nodes", "/api/v1/apm/map", place)
        if right.place.read(comparison.body(right.address), {}) != place.read(
            comparison.body(right.address), {}
        ):
            assert len(comparison.differences((right, wrong))) == 1
    assert comparison.differences((right, right)) == []
