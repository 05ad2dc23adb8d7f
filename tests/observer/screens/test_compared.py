"""Data that began within the period before: every screen that compares says with how much of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from tests.fixtures.html import one, text
from tests.fixtures.scene import observing
from tests.fixtures.world import S, World, span

NOW = 1_800_000_900 * S
PART = "of the 15 min before that have data, from "


def world() -> World:
    """A shop and its pages of nineteen minutes: one request and one page view each ten seconds."""
    made = World(NOW)
    for number in range(1, 19 * 6):
        at = NOW - number * 10 * S
        trace, own, child = f"{number + 0xC000:032x}", f"{number:016x}", f"{number + 0x900:016x}"
        made.backend("shop", [
            span(trace, own, "", "POST /order", 2, at, 90),
            span(trace, child, own, "Pay", 3, at, 80, **{"peer.service": "bank"}),
        ])  # fmt: skip
        made.browser(
            f"{number // 8 + 1:032x}", 1, "documentLoad", at, _ms=700, **{"location.href": "http://shop/cart"}
        )
    return made


@pytest.fixture(scope="module", name="client")
def a_client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    with observing(world(), tmp_path_factory.mktemp("young")) as found:
        yield found


@pytest.mark.parametrize("path", ["/", "/rum", "/apm"])
def test_a_screen_that_compares_names_the_part_that_has_data(client: FlaskClient, path: str) -> None:
    words = text(one(LexborHTMLParser(client.get(path).text), "main"))
    assert PART in words
    assert "compared with the 15 min before" not in words


def test_counts_are_per_minute_where_the_period_before_is_not_whole(client: FlaskClient) -> None:
    """90 page views against the 23 of the first four minutes are no `+291 %`."""
    page = LexborHTMLParser(client.get("/rum").text)
    (views,) = [node for node in page.css(".stat") if "Page views" in text(node)]
    delta = text(one(views, ".delta"))
    assert "per minute (was " in delta
    change = re.search(r"([+-]?\d+)\s%", delta)
    assert change is None or abs(int(change[1])) < 50, delta


@pytest.mark.parametrize("path", ["/rum/measures", "/apm/map", "/apm/slowest"])
def test_the_api_says_how_much_of_both_periods_has_data(client: FlaskClient, path: str) -> None:
    found = client.get(f"/api/v1{path}?since=15m").get_json()
    assert found["covered_ns"] == 900 * S
    assert 200 * S < found["before_covered_ns"] < 300 * S
