"""Beacons without a browser have the shape of beacons with one."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from loadgen.agent import AgentConfig, Browser, Exchange, ScriptError
from loadgen.rum_beacons import SESSION_COOKIE, PageView, RumSession, by_id

PAYLOADS = Path(__file__).parent.parent / "data" / "rum-payloads"
LINK = 'app;dur=3, traceparent;desc="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"'
START_US = 1_795_343_000_000_000
CONFIG = AgentConfig("/v1/rum", "shop", "tests", "1.0", "", {"enduser.id": "anna"})


class Clock:
    """A millisecond passes whenever it is looked at."""

    def __init__(self) -> None:
        self.now_us = START_US

    def __call__(self) -> int:
        self.now_us += 1000
        return self.now_us


@pytest.fixture
def session() -> RumSession:
    return RumSession(Browser(), random.Random(7), Clock())


def document(**changes: Any) -> Exchange:
    values: dict[str, Any] = {
        "url": "http://shop/cart",
        "start_us": START_US,
        "end_us": START_US + 40_000,
        "status": 200,
        "body_bytes": 900,
        "server_timing": LINK,
    }
    return Exchange(**{**values, **changes})


def everything(session: RumSession) -> PageView:
    """A page on which all happens that the recordings have."""
    page = session.open_page(CONFIG, document(), "http://shop/")
    page.resource(document(url="http://shop/x.js", server_timing=""))
    page.long_task(START_US, 143)
    page.loaded()
    page.vital("lcp", 512)
    page.thrown(ScriptError("TypeError", "no price", "TypeError: no price\n    at http://shop/x.js:1:1"))
    action = page.action("click", "button", by_id("buy"))
    page.logged(ScriptError("String", "oh", "Error: oh"), action)
    fetch = action.fetch()
    fetch.end(document(url="http://shop/api/price?x=1", method="POST"))
    page.custom("AddToCart", {"workflow.name": "AddToCart"}, START_US, parent=action)
    action.end()
    page.action("submit", "form", by_id("f"), interactive=False).end()
    return page


def spans(session: RumSession) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while body := session.beacon():
        found += json.loads(body)
    return found


def shapes(found: list[dict[str, Any]]) -> dict[tuple[str, str], set[str]]:
    """For every kind of span all keys that any of them has: of the span, and of its tags."""
    kinds: dict[tuple[str, str], set[str]] = {}
    for span in found:
        keys = {key for key in span if key != "tags"} | {f"tags.{key}" for key in span["tags"]}
        kinds.setdefault((span["name"], span["tags"].get("component", "")), set()).update(keys)
    return kinds


def test_every_kind_of_span_has_the_keys_of_the_recorded_one(session: RumSession) -> None:
    recorded: list[dict[str, Any]] = []
    for path in sorted(PAYLOADS.glob("zipkin-*.json")):
        recorded += json.loads(path.read_text())["body"]
    theirs = shapes(recorded)
    everything(session)
    ours = shapes(spans(session))
    # Values that these visits did not happen to have.
    not_here = {"tags.inp", "tags.cls", "tags.enduser.role"}
    for kind, keys in ours.items():
        assert kind in theirs, f"the agent makes no span like {kind}"
        missing, extra = theirs[kind] - keys - not_here, keys - theirs[kind]
        assert (missing, extra) == (set(), set()), kind
    assert len(ours) == 12


def test_every_value_is_text_and_ids_are_hexadecimal(session: RumSession) -> None:
    everything(session)
    for span in spans(session):
        assert all(isinstance(value, str) for value in span["tags"].values())
        assert (len(bytes.fromhex(span["traceId"])), len(bytes.fromhex(span["id"]))) == (16, 8)
        assert isinstance(span["timestamp"], int)
        assert span["duration"] >= 0


def test_the_document_is_linked_to_its_backend_trace(session: RumSession) -> None:
    everything(session)
    found = {span["name"]: span for span in spans(session)}
    fetch, load = found["documentFetch"], found["documentLoad"]
    assert (fetch["traceId"], fetch["parentId"]) == (load["traceId"], load["id"])
    assert fetch["tags"]["link.traceId"] == "0af7651916cd43dd8448eb211c80319c"
    assert fetch["tags"]["link.spanId"] == "b7ad6b7169203331"
    assert "link.traceId" not in load["tags"]
    assert found["resourceFetch"]["tags"].get("link.traceId") is None


@pytest.mark.parametrize(
    "header",
    ["", "app;dur=1", LINK.replace("-01", "-00"), LINK.replace('"', ""), LINK.upper(), LINK[:60]],
)
def test_a_broken_server_timing_makes_no_link(session: RumSession, header: str) -> None:
    page = session.open_page(CONFIG, document(server_timing=header))
    page.loaded()
    assert not any("link.traceId" in span["tags"] for span in spans(session))


def test_a_fetch_sends_its_own_ids_as_trace_context(session: RumSession) -> None:
    page = session.open_page(CONFIG, document())
    action = page.action("submit", "form", by_id("checkout"))
    fetch = action.fetch()
    fetch.end(document(method="POST", status=500))
    span = next(span for span in spans(session) if span["name"] == "HTTP POST")
    assert fetch.headers == {"traceparent": f"00-{span['traceId']}-{span['id']}-01"}
    assert (span["parentId"], span["kind"]) == (action.span_id, "CLIENT")
    assert (span["tags"]["http.status_code"], span["tags"]["http.status_text"]) == (
        "500",
        "Internal Server Error",
    )
    assert "error" not in span["tags"]


def test_a_fetch_that_nobody_answers(session: RumSession) -> None:
    page = session.open_page(CONFIG, document())
    page.action("click", "button", by_id("x")).fetch().end(document(status=0, server_timing=""))
    tags = next(span for span in spans(session) if span["name"] == "HTTP GET")["tags"]
    assert (tags["http.status_code"], tags["http.status_text"]) == ("0", "Failed to fetch")


def test_a_session_is_announced_once_and_pages_differ(session: RumSession) -> None:
    for _ in range(2):
        session.open_page(CONFIG, document()).loaded()
    found = spans(session)
    assert [span["name"] for span in found].count("session.start") == 1
    assert {span["tags"]["splunk.rumSessionId"] for span in found} == {session.id}
    assert len({span["tags"]["splunk.scriptInstance"] for span in found}) == 2
    assert {span["tags"]["enduser.id"] for span in found} == {"anna"}


def test_attributes_of_the_visitor_are_on_every_span() -> None:
    session = RumSession(Browser(), random.Random(7), Clock(), {"user_agent.synthetic.type": "test"})
    everything(session)
    assert {span["tags"]["user_agent.synthetic.type"] for span in spans(session)} == {"test"}


def test_beacons_are_bounded(session: RumSession) -> None:
    page = session.open_page(CONFIG, document())
    for _ in range(120):
        page.vital("cls", 0.1)
    sizes = []
    while body := session.beacon():
        sizes.append(len(json.loads(body)))
    assert sizes == [50, 50, 21]


def test_the_cookie_is_the_agents(session: RumSession) -> None:
    state = json.loads(unquote(session.cookies()[SESSION_COOKIE]))
    assert state["id"] == session.id
    assert state["expiresAt"] - state["startTime"] >= 15 * 60 * 1000


def test_the_same_generator_makes_the_same_session() -> None:
    made = []
    for _ in range(2):
        session = RumSession(Browser(), random.Random(7), Clock())
        everything(session)
        made.append(spans(session))
    assert made[0] == made[1]


def test_options_are_those_of_the_agent() -> None:
    config = AgentConfig.from_init(
        {
            "beaconEndpoint": "/v1/rum",
            "applicationName": "a",
            "rumAccessToken": "b c",
            "globalAttributes": {"n": 1},
        }
    )
    assert config.beacon_url == "/v1/rum?auth=b%20c"
    assert (config.application, config.environment, config.global_attributes) == ("a", "", {"n": "1"})
    with pytest.raises(KeyError):
        AgentConfig.from_init({})
