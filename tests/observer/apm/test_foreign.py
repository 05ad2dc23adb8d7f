"""Telemetry that nobody here made: its names, shapes and habits come out right on the APM pages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from tests.browser.world import S
from tests.browser.world import World
from tests.browser.world import span
from tests.observer.html import attribute
from tests.observer.html import first
from tests.observer.html import text
from tests.observer.scene import observing

SERVER, CLIENT = 2, 3
ODD_NAMES = ("../x", "..", ".", "/lead", "a//b", "a/b?c#d", "end\n", "-", " led", "%2e%2e", "a&b=c", "ünï;x")
"""What a browser or a server would change in a path, and what it would not."""


def _odd_names(world: World) -> None:
    for number, name in enumerate(ODD_NAMES, 1):
        trace = f"{number:032x}"
        at = world.now_unix_nano - 60 * S + number * S
        world.backend(name, [span(trace, f"{number:016x}", "", "GET /op", SERVER, at, 50)])


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    world = World(time.time_ns())
    _odd_names(world)
    with observing(world, tmp_path_factory.mktemp("foreign")) as found:
        yield found


def _page(client: FlaskClient, path: str) -> LexborHTMLParser:
    answer = client.get(path)
    assert answer.status_code == 200, f"{path} answered {answer.status_code}"
    return LexborHTMLParser(answer.text)


def test_every_name_of_a_service_leads_to_its_page(client: FlaskClient) -> None:
    """`..` and its like were resolved by the browser, slashes merged by the server: a page of nobody."""
    links = _page(client, "/apm/services").css("tbody a[data-main]")
    assert len(links) == len(ODD_NAMES)
    for link in links:
        resolved = urljoin("http://observer/apm/services", attribute(link, "href"))
        there = _page(client, resolved.removeprefix("http://observer"))
        assert text(first(there, "h1")) == text(link)
        assert not there.css(".empty h2"), "its endpoints are its own"


def test_the_links_from_a_trace_to_its_service_hold_too(client: FlaskClient) -> None:
    for number, name in enumerate(ODD_NAMES, 1):
        tree = _page(client, f"/apm/traces/{number:032x}")
        there = _page(client, attribute(first(tree, ".trace-side .entry a"), "href"))
        assert text(first(there, "h1")) == text(first(tree, ".trace-side .entry b")), name
