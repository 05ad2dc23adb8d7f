"""What OTLP carries is shown on the screens, every type of value told from the others."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from observer.components.carried import dropped_words, flag_words, of_log, of_span
from observer.components.safe_text import typed
from signals.model import Attribute, Dropped, Log, Severity
from tests.fixtures.html import text
from tests.fixtures.scene import observing
from tests.fixtures.world import World, pairs, span
from tests.store import build

TRACE = "5b8efff798038103d269b633813fc60c"
OTHER = "6b8efff798038103d269b633813fc60c"
SPAN = "eee19b7ec3c1b174"
BIG = 2**53 + 1


@pytest.fixture(scope="module", name="client")
def _client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    world = World(time.time_ns())
    now = world.now_unix_nano - 10**9
    made: dict[str, Any] = span(TRACE, SPAN, "", "POST /pay", 2, now, 5, big=BIG)
    made |= {
        "traceState": "vendor=abc",
        "flags": 0x301,
        "droppedAttributesCount": 7,
        "events": [
            {
                "name": "cache.miss",
                "timeUnixNano": str(now),
                "attributes": pairs({"k": 1}),
                "droppedAttributesCount": 3,
            }
        ],
        "links": [
            {"traceId": OTHER, "spanId": SPAN, "attributes": pairs({"why": "batch"}), "traceState": "l=1"}
        ],
    }
    world.backend("pay", [made])
    scope = {"name": "io.example", "version": "1.2.3", "attributes": pairs({"team": "blue"})}
    world.resource_spans[0]["scopeSpans"][0] |= {"scope": scope, "schemaUrl": "https://example.org/1.27"}
    world.log("pay", now, 9, "hello", _event="order.placed", big=BIG)
    record = world.resource_logs[0]["scopeLogs"][0]["logRecords"][0]
    record |= {"observedTimeUnixNano": str(now + 1_500_000), "flags": 1, "droppedAttributesCount": 2}
    with observing(world, tmp_path_factory.mktemp("carried")) as client:
        yield client


def test_the_panel_of_a_span_shows_all_that_it_carries(client: FlaskClient) -> None:
    page = HTMLParser(client.get(f"/apm/traces/{TRACE}?span={SPAN}").get_data(as_text=True))
    panel = " ".join(text(node) for node in page.css(".span-detail"))
    for shown in (
        *("vendor=abc", "0x301: sampled", "7 attributes", "io.example", "1.2.3", "https://example.org/1.27"),
        *("cache.miss", "3 attributes left out", "batch", "l=1", "blue", str(BIG)),
    ):
        assert shown in panel, shown
    links = [node.attributes["href"] for node in page.css(".span-detail a")]
    assert f"/apm/traces/{OTHER}?span={SPAN}" in links


def test_the_detail_of_a_log_shows_all_that_it_carries(client: FlaskClient) -> None:
    found = client.get("/api/v1/logs?attr=event.name:order.placed").get_json()["logs"]
    assert len(found) == 1
    page = HTMLParser(client.get(f"/logs?log={found[0]['log_id']}").get_data(as_text=True))
    detail = " ".join(text(node) for node in page.css("#log-detail"))
    for shown in ("order.placed", "1.5 ms later", "0x1: sampled", "2 attributes", "structlog", str(BIG)):
        assert shown in detail, shown


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        ("", "empty text"),
        (b"", "empty bytes"),
        (b"\x00\xff", '00ff</bdi> <span class="soft">2 bytes, hexadecimal</span>'),
        ([], "empty list"),
        ({}, "empty map"),
        (math.nan, 'NaN</bdi> <span class="soft">number</span>'),
        (-math.inf, '-Infinity</bdi> <span class="soft">number</span>'),
        ("NaN", "<bdi>NaN</bdi>"),
        (BIG, f"<bdi>{BIG}</bdi>"),
    ],
)
def test_values_that_look_alike_are_told_apart(value: Attribute, words: str) -> None:
    assert words in typed(value)


def test_flags_and_counts_are_words() -> None:
    assert flag_words(0) == ""
    assert flag_words(0x100) == "0x100: not sampled, parent in the same process"
    assert dropped_words(Dropped(1, 0, 2)) == "1 attribute, 2 links"


def test_what_lost_its_types_says_so() -> None:
    """`500` beside an attribute does not tell a number from a text where a store keeps texts only."""
    made = build.span(1, attributes={"code": "500"})
    first = of_span(replace(made, as_text=True))[0]
    assert (first.name, first.value) == ("Attributes", "as text: this store keeps no types")
    assert "Attributes" not in [one.name for one in of_span(made)]
    log = Log("1", 0, Severity.INFO, 9, "", "", None, None, None, {}, {}, "", as_text=True)
    assert of_log(log)[0].name == "Attributes"
