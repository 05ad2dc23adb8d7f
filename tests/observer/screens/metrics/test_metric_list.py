"""The list of metrics: what there is, of whom, how many series, what it is now; found by any part of it."""

from __future__ import annotations

import re
from pathlib import Path

from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from tests.fixtures.foreign_metrics import ODD_NAMES, QUEUES
from tests.fixtures.html import attribute, first, one, text
from tests.fixtures.scene import observing
from tests.fixtures.world import S, World
from tests.observer.screens import Screens
from tests.observer.screens.metrics.conftest import Page
from tests.observer.updates import announced, updates_address

DURATION = "http.server.request.duration"


def _row(page: LexborHTMLParser, name: str) -> dict[str, str]:
    row = next(row for row in page.css("tr[data-row]") if text(first(row, "a[data-main]")) == name)
    return {attribute(cell, "data-label"): text(cell) for cell in row.css("td")}


def _names(page: LexborHTMLParser) -> list[str]:
    return [text(link) for link in page.css("a[data-main]")]


def test_a_row_says_kind_unit_services_series_and_newest_value(page: Page) -> None:
    found = page("/metrics")
    duration = _row(found, DURATION)
    assert (duration["Kind"], duration["Unit"], duration["Series"]) == ("histogram", "seconds", "2")
    assert duration["Services"].replace(" ,", ",") == "checkoutservice, frontend"
    assert duration["Newest"].endswith("ms P95")
    orders = _row(found, "shop.orders")
    assert (orders["Kind"], orders["Unit"], orders["Newest"]) == ("counter", "orders", "1 orders/s")
    assert _row(found, "queue.size")["Series"] == str(QUEUES)
    assert first(found, "svg.sparkline polyline")
    assert "Duration of HTTP server requests." in text(found)


def test_metrics_are_found_by_name_unit_description_and_service(page: Page) -> None:
    assert _names(page("/metrics", q="REQUEST.dur")) == [DURATION]
    assert _names(page("/metrics", q="of http server")) == [DURATION]
    assert _names(page("/metrics", q="{message}")) == ["queue.size"]
    assert _names(page("/metrics", q="\uff51ueue")) == ["queue.size"], "full width"
    assert _names(page("/metrics", service="FRONTEND", q="request")) == [DURATION]
    narrowed = page("/metrics", service="frontend", q="request")
    assert _row(narrowed, DURATION)["Services"] == "frontend"
    assert "attr=service.name" in attribute(one(narrowed, "a[data-main]"), "href")
    chips = [text(chip) for chip in narrowed.css(".chip code")]
    assert chips == ["text contains request", "service = frontend"]


def test_streams_of_one_name_are_entries_of_their_own(client: FlaskClient, page: Page) -> None:
    found = page("/metrics", q="two.")
    rows = found.css("tr[data-row]")
    assert len(rows) == 4
    assert len({attribute(row, "id") for row in rows}) == 4
    drawn = {}
    for link in found.css("a[data-main]"):
        shown = LexborHTMLParser(client.get(attribute(link, "href")).text)
        facts = [text(each) for each in shown.css("dl.facts dd")][:2]
        drawn[attribute(link, "href")] = facts
    assert sorted(drawn.values()) == [
        ["delta histogram", "milliseconds ms"],
        ["gauge", "no unit"],
        ["gauge", "seconds s"],
        ["histogram", "milliseconds ms"],
    ]


def test_every_link_of_the_list_leads_to_its_metric(client: FlaskClient, page: Page) -> None:
    """Whatever the name: 10,000 characters, slashes, dots, markup, another direction, a dash."""
    found = page("/metrics")
    links = {attribute(link, "href") for link in found.css("a[data-main]")}
    assert len(links) >= len(ODD_NAMES) + 6
    for href in links:
        assert len(href) < 4_000
        shown = LexborHTMLParser(client.get(href).text)
        assert one(shown, "table[data-metric-values]"), href
    assert not found.css("main script, main b")


def test_a_long_list_has_pages(client: FlaskClient, tmp_path: Path) -> None:
    world = World(1_800_000_000 * S)
    for number in range(50):
        at = str(world.now_unix_nano - 30 * S)
        world.metric("many", name=f"m{number:02}", gauge={"dataPoints": [{"timeUnixNano": at, "asInt": "1"}]})
    with observing(world, tmp_path) as other:
        begin = LexborHTMLParser(other.get("/metrics").text)
        assert len(begin.css("tr[data-row]")) == 40
        more = one(begin, "#show-more")
        assert text(more) == "Show 10 more"
        rest = LexborHTMLParser(other.get(attribute(more, "href")).text)
        assert _names(rest)[-1] == "m49"
        assert text(first(rest, ".page-head p")).startswith("50 metrics, 50 series")


def test_an_empty_list_says_why_and_what_to_do(bare: Screens, page: Page) -> None:
    never = bare.page("/metrics")
    assert "No metric has arrived yet" in text(one(never, ".empty"))
    assert "OTEL_METRIC_EXPORT_INTERVAL" in text(one(never, ".empty"))
    nothing = page("/metrics", q="nothing.like.this")
    assert "No metric that fits" in text(one(nothing, ".empty"))
    early = page("/metrics", **{"from": "2001-01-01", "to": "2001-01-02"})
    assert "No metric has a point in this time range" in text(one(early, ".empty"))


def test_newer_points_are_announced(tmp_path: Path) -> None:
    world = World(1_800_000_000 * S)
    for age_s in (30, 5):
        at = str(world.now_unix_nano - age_s * S)
        world.metric("s", name=f"m{age_s}", gauge={"dataPoints": [{"timeUnixNano": at, "asInt": "1"}]})
    with observing(world, tmp_path) as other:
        for address in ("/metrics", "/metrics/m5"):
            asks = updates_address(LexborHTMLParser(other.get(address).text))
            assert asks.startswith("/metrics/-/updates?")
            assert announced(other, asks) == ""
            earlier = re.sub(r"after=\d+", f"after={world.now_unix_nano - 60 * S}", asks)
            of = "2 metrics" if address == "/metrics" else "1 series"
            assert announced(other, earlier) == f"new points of {of}"
        assert updates_address(LexborHTMLParser(other.get("/metrics?live=0").text)) == ""


def test_the_list_is_narrowed_to_the_headers_environment(tmp_path: Path) -> None:
    """Rows, numbers, services, links and what is announced; an environment without any says so."""
    world = World(1_800_000_000 * S)
    at = str(world.now_unix_nano - 30 * S)
    for service, environment in (("cart", "prod"), ("shop", "prod"), ("trial", "dev"), ("own", "")):
        for name in ("queue.size", f"{service}.only"):
            world.metric(
                service, environment, name=name, gauge={"dataPoints": [{"timeUnixNano": at, "asInt": "1"}]}
            )
    with observing(world, tmp_path) as other:
        found = LexborHTMLParser(other.get("/metrics?env=prod").text)
        assert _names(found) == ["cart.only", "queue.size", "shop.only"]
        assert _row(found, "queue.size")["Services"].replace(" ,", ",") == "cart, shop"
        assert _row(found, "queue.size")["Series"] == "2"
        assert {attribute(each, "value") for each in found.css("#metric-services option")} == {"cart", "shop"}
        link = next(a for a in found.css("a[data-main]") if text(a) == "queue.size")
        shown = LexborHTMLParser(other.get(attribute(link, "href")).text)
        assert "trial" not in text(one(shown, "main"))
        asks = updates_address(found)
        earlier = re.sub(r"after=\d+", f"after={world.now_unix_nano - 60 * S}", asks)
        assert announced(other, earlier) == "new points of 3 metrics"
        assert len(_names(LexborHTMLParser(other.get("/metrics").text))) == 5
        nothing = LexborHTMLParser(other.get("/metrics?env=elsewhere").text)
        assert "Show all environments" in text(one(nothing, ".empty"))
