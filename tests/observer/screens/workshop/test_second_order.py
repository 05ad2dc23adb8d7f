"""The lesson page of a student who orders again: nothing that had arrived goes away."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

import incidents
import store
from observer.app import create_app
from observer.settings import Settings
from signals.model import TraceId
from tests.fixtures import seed
from tests.fixtures.world import S, World
from tests.helpers import eventually

SESSION, SECOND_SESSION = "5e551011c00000000000000000000001", "5e551011c00000000000000000000002"
FIRST, SECOND = "f1" * 16, "52" * 16
SEAT = "anna"
FINDING = ".lesson:first-of-type h3"
"""The titles of the steps before the first repair."""
Lesson = Callable[[str], LexborHTMLParser]


@contextmanager
def lesson_of(world: World, folder: Path, began_unix_nano: int, traces: list[str]) -> Iterator[Lesson]:
    """The workshop page of the seat, by incident, in a lab whose flag file was written at this moment."""
    path, flags = folder / "store.sqlite3", folder / "flags.json"
    flags.write_text("{}", "utf-8")
    os.utime(flags, ns=(began_unix_nano, began_unix_nano))
    writer = store.open_writer(path)
    world.send(writer)
    writer.close()
    reader = store.open_reader(path)
    try:
        settings = Settings(shop_url=seed.SHOP, flags_file=str(flags))
        client = create_app(reader, settings, clock=lambda: world.now_unix_nano).test_client()
        wanted = [TraceId(trace) for trace in traces]
        eventually(lambda: len(reader.trace_summaries(wanted)) == len(traces), "the seeded traces")
        yield lambda name: LexborHTMLParser(client.get(f"/workshop?seat={SEAT}&incident={name}").text)
    finally:
        reader.close()


def arrived(page: LexborHTMLParser) -> tuple[int, int]:
    """Of how many steps the data is there, and of how many it could be: those before the first repair."""
    found = re.search(r"The data of (\d+) steps", page.css_first("#arrived").text())  # type: ignore[union-attr]
    assert found
    return int(found[1]), len(page.css(FINDING))


def links(page: LexborHTMLParser) -> list[str]:
    return [node.attributes.get("href") or "" for node in page.css(f"{FINDING} a")]


def order(world: World, session: str, trace: str, ago_s: int, *, fails: bool) -> None:
    """A visit to shop and cart and an order, which is placed this long ago."""
    ready = seed.visit(world, session, SEAT, world.now_unix_nano - (ago_s + 14) * S)
    seed.checkout(world, session, SEAT, trace, ready, fails=fails)


@pytest.mark.parametrize("second", [SESSION, SECOND_SESSION])
def test_a_second_failed_order_keeps_the_lesson_whole(tmp_path: Path, second: str) -> None:
    """In the same session or another: what had arrived stays, and the links are those of the second order."""
    world = World(time.time_ns())
    order(world, SESSION, FIRST, 200, fails=True)
    with lesson_of(world, tmp_path, world.now_unix_nano - 600 * S, [FIRST]) as lesson:
        page = lesson("invalid-token")
        once = arrived(page)
        steps = [step.repair for step in incidents.load("invalid-token").steps]
        before_repairs = steps.index(next(filter(None, steps)))
        assert once[0] >= before_repairs - 2 >= 6, "all but the visit itself, and one"
        assert f"/apm/traces/{FIRST}" in links(page)

    order(world, second, SECOND, 60, fails=True)
    (tmp_path / "twice").mkdir()
    with lesson_of(world, tmp_path / "twice", world.now_unix_nano - 600 * S, [FIRST, SECOND]) as lesson:
        page = lesson("invalid-token")

        assert arrived(page) == once
        assert len(links(page)) == len(page.css(FINDING))
        assert f"/apm/traces/{SECOND}" in links(page)
        assert f"/rum/sessions/{second}" in links(page)
        assert not any(FIRST in link for link in links(page))


def test_the_older_session_is_followed_while_the_newer_has_no_order(tmp_path: Path) -> None:
    """A second tab in which a student only looks around takes no link away."""
    world = World(time.time_ns())
    order(world, SESSION, FIRST, 200, fails=True)
    seed.visit(world, SECOND_SESSION, SEAT, world.now_unix_nano - 60 * S)
    with lesson_of(world, tmp_path, world.now_unix_nano - 600 * S, [FIRST]) as lesson:
        page = lesson("invalid-token")

        assert len(links(page)) == len(page.css(FINDING))
        assert f"/rum/sessions/{SESSION}" in links(page)
        assert f"/apm/traces/{FIRST}" in links(page)


def test_after_a_switch_only_what_came_since_counts(tmp_path: Path) -> None:
    """Before the first order under the new incident nothing of it has arrived; then its own order counts."""
    world = World(time.time_ns())
    order(world, SESSION, FIRST, 300, fails=True)
    with lesson_of(world, tmp_path, world.now_unix_nano - 200 * S, [FIRST]) as lesson:
        assert arrived(lesson("invalid-token"))[0] == 0

    again = World(world.now_unix_nano)
    order(again, SESSION, FIRST, 300, fails=True)
    seed.checkout(again, SESSION, SEAT, SECOND, again.now_unix_nano - 60 * S, fails=False)
    (tmp_path / "again").mkdir()
    with lesson_of(again, tmp_path / "again", again.now_unix_nano - 200 * S, [FIRST, SECOND]) as lesson:
        page = lesson("none")

        assert f"/apm/traces/{SECOND}" in links(page)
        done = {node.attributes["id"] for node in page.css("li:has(.marks .yes)")}
        assert {"step-session", "step-trace", "step-logs"} <= done
