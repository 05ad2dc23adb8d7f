"""What is counted in several places is the same number, or words say why not: seeded, foreign, live."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import cache

import pytest
from selectolax.lexbor import LexborHTMLParser

from store.api import Window
from tests.fixtures.html import text
from tests.fixtures.scene import observing
from tests.fixtures.seed import hostile, story
from tests.fixtures.world import S, World
from tests.helpers import REPO, eventually
from tests.story.bench import Bench
from tests.story.not_compared import COUNTED_ELSEWHERE, NOT_COUNTS
from tests.story.number_places import Cell, Fact
from tests.story.numbers import NUMBERS, Comparison, Read
from tests.story.strangers import mesh

_WORLDS: dict[str, Callable[[World], World]] = {
    "story": lambda world: story(world.now_unix_nano),
    "hostile": lambda world: hostile(story(world.now_unix_nano)),
    **{f"mesh {seed}": lambda world, seed=seed: mesh(world, seed) for seed in (1, 2)},  # type: ignore[misc]
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


@pytest.mark.parametrize(
    ("address", "right", "wrong"),
    [
        ("/api/v1/apm/services", b'"requests":', b'"requests":1'),
        ("/api/v1/apm/series", b'"errors":', b'"errors":1'),
        ("/apm/services?", b'data-label="Requests">', b'data-label="Requests">1'),
        ("/apm?from", b'data-label="No answer">', b'data-label="No answer">7'),
        ("/apm/services/-", b"<dt>Errors</dt><dd>", b"<dt>Errors</dt><dd>3"),
        ("/logs?from", b"</span>info ", b"</span>info 1"),
    ],
)
def test_one_broken_number_fails_the_comparison(
    seeded: tuple[World, Read], address: str, right: bytes, wrong: bytes
) -> None:
    """The comparison is no ornament."""
    world, read = seeded

    addresses = []

    def broken(asked: str) -> str:
        addresses.append(asked)
        body = read(asked)
        return body.replace(right.decode(), wrong.decode()) if asked.startswith(address) else body

    assert Comparison(broken, window_of(world)).differences(NUMBERS)
    assert any(asked.startswith(address) and right.decode() in read(asked) for asked in addresses)


@pytest.mark.parametrize(
    "page",
    [
        "/apm",
        "/apm?service=checkoutservice",
        "/apm/services",
        "/apm/services/frontend",
        "/apm/tags",
        "/apm/traces",
    ],
)
def test_every_count_of_the_pages_is_in_the_table(seeded: tuple[World, Read], page: str) -> None:
    """A new column cannot be forgotten: it is compared with something, or a reason is given."""
    tree = LexborHTMLParser(seeded[1](page))
    labels = {place.label for number in NUMBERS if isinstance(place := number.place, Cell)}
    terms = {place.term for number in NUMBERS if isinstance(place := number.place, Fact)}
    read_otherwise = {"Spans"}
    for part in {part for _, part, _ in COUNTED_ELSEWHERE}:
        for node in tree.css(part):
            for cell in node.css("[data-label]"):
                if (page.partition("?")[0], part, cell.attributes["data-label"]) in COUNTED_ELSEWHERE:
                    del cell.attrs["data-label"]
    found = {cell.attributes["data-label"] for cell in tree.css("td[data-label]")}
    assert found - labels - NOT_COUNTS - read_otherwise == set()
    assert {text(term) for term in tree.css("dl.facts.red dt")} - terms - NOT_COUNTS == set()


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Read]]:
    """The story in a store of its own."""
    world = story(time.time_ns())
    with observing(world, tmp_path_factory.mktemp("seeded")) as client:
        yield world, cache(lambda address: client.get(address).text)


def window_of(world: World) -> Window:
    return Window(world.now_unix_nano - 900 * S, world.now_unix_nano)


@pytest.mark.lab
@pytest.mark.timeout(150)
def test_a_live_lab_has_the_same_number_everywhere(bench: Bench) -> None:
    """Load for some seconds, then every number over the frozen time of it."""
    from_unix_nano = time.time_ns() - 5 * S

    def load(*arguments: str) -> None:
        command = [sys.executable, "-m", "lab", "load", *arguments]
        environment = {**os.environ, "LAB_RUN_DIR": str(bench.run_dir)}
        subprocess.run(command, cwd=REPO, env=environment, check=True, capture_output=True, timeout=40)

    def ordered() -> bool:
        edges = bench.ask("/apm/map?since=15m")["edges"]
        return any(edge["errors"] and edge["to"] == "paymentservice" for edge in edges)

    bench.checkout("numbers")
    load("--users", "6")
    try:
        eventually(ordered, "orders were placed", within_s=30)
    finally:
        load("--stop")
    # The pace of the load is the machine's: what it sent is whole once nothing comes any more.
    last, since = stored(bench), time.monotonic()

    def quiet() -> bool:
        nonlocal last, since
        if (now := stored(bench)) != last:
            last, since = now, time.monotonic()
        return time.monotonic() - since > 3

    eventually(quiet, "the last of it is stored", within_s=30)
    window = Window(from_unix_nano, time.time_ns())

    def read(address: str) -> str:
        with urllib.request.urlopen(f"{bench.urls['observer']}{address}", timeout=20) as answer:
            body: bytes = answer.read()
        return body.decode()

    assert Comparison(read, window).differences(NUMBERS) == []


def stored(bench: Bench) -> tuple[int, int]:
    counts = bench.ask("/status")["counts"]
    return counts["spans"], counts["logs"]
