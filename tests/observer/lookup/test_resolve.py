"""What somebody typed leads to what was meant, to a list, or to what was tried."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from tests.fixtures.html import text
from tests.fixtures.scene import observing
from tests.fixtures.world import World, span

TRACE = "5b8efff798038103d269b633813fc60c"
TWIN = "5b8efff7980381030000000000000001"
SPAN = "eee19b7ec3c1b174"
SEAT = "Zo\u00eb Stra\u00dfer"


@pytest.fixture(scope="module", name="client")
def _client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    world = World(time.time_ns())
    now = world.now_unix_nano - 10**9
    order = {"enduser.id": SEAT, "orderId": "Ord-77AA-xyz"}
    world.backend("PaymentService", [span(TRACE, SPAN, "", "POST /pay", 2, now, 5, **order)])
    world.backend("other", [span(TWIN, "eee19b7ec3c1b175", "", "GET /", 2, now, 5)])
    load = {"_ms": 20, "component": "document-load"}
    world.browser("my-Session-0001", 1, "documentLoad", now, **load, **{"enduser.id": SEAT})
    world.browser("my-Session-0002", 2, "documentLoad", now, **load)
    with observing(world, tmp_path_factory.mktemp("resolve")) as client:
        yield client


def resolved(client: FlaskClient, typed: str) -> dict[str, object]:
    answer = client.get("/api/v1/resolve", query_string={"id": typed})
    assert answer.status_code == 200, answer.get_data(as_text=True)
    found: dict[str, object] = answer.get_json()
    return found


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        (SEAT, "seat"),
        ("ZOE\u0308", "seat"),
        (unicodedata.normalize("NFD", SEAT.lower()), "seat"),
        ("strasser", "seat"),
        ("PAYMENT", "service"),
        ("mentserv", "service"),
        ("ord-77aa", "order"),
        ("77AA", "order"),
        ("session-0001", "session"),
        ("MY-SESSION-0002", "session"),
        (TRACE[:20], "trace"),
        (TRACE[-8:], "trace"),
        (SPAN, "span"),
        (f'Server-Timing: traceparent;desc="00-{TRACE}-{SPAN}-01"', "trace"),
        (f"http://elsewhere:8090/apm/traces/{TRACE}?errors=root", "trace"),
        ("http://elsewhere/rum/sessions?since=1h", "page"),
    ],
)
def test_one_thing_that_fits_is_opened(client: FlaskClient, typed: str, kind: str) -> None:
    found = resolved(client, typed)
    assert (found["kind"], found["truncated"]) == (kind, False)
    page = client.get("/search", query_string={"q": typed})
    assert page.status_code == 303
    assert client.get(page.headers["Location"]).status_code == 200


def test_a_link_keeps_what_it_says(client: FlaskClient) -> None:
    link = f"https://elsewhere/apm/traces/{TRACE}?errors=root&since=1h"
    assert client.get("/search", query_string={"q": link, "since": "5m"}).headers["Location"] == (
        f"/apm/traces/{TRACE}?errors=root&since=1h"
    )


@pytest.mark.parametrize("typed", ["5b8efff7", "eee19b7e", "my-session"])
def test_several_that_fit_are_a_list(client: FlaskClient, typed: str) -> None:
    found = resolved(client, typed)
    matches = found["matches"]
    assert isinstance(matches, list)
    assert (found["kind"], len(matches)) == ("several", 2)
    page = client.get("/search", query_string={"q": typed})
    links = [node.attributes["href"] for node in HTMLParser(page.get_data(as_text=True)).css("#matches a")]
    assert links == [match["url"] for match in matches]
    assert all(client.get(link or "").status_code == 200 for link in links)


def test_the_page_of_a_seat_shows_its_session(client: FlaskClient) -> None:
    location = client.get("/search", query_string={"q": "ZOE\u0308"}).headers["Location"]
    assert "my-Session-0001" in client.get(location).get_data(as_text=True)


@pytest.mark.parametrize("typed", ["nobody at all", "123456789abcdef0", "%", "<script>", "\u202e"])
def test_where_nothing_fits_it_says_what_was_tried(client: FlaskClient, typed: str) -> None:
    answer = client.get("/api/v1/resolve", query_string={"id": typed})
    page = HTMLParser(client.get("/search", query_string={"q": typed}).get_data(as_text=True))
    assert answer.status_code in (400, 404)
    if typed.strip("\u202e"):
        assert "Tried:" in answer.get_json()["error"]["message"]
        assert "It was looked for as" in text(page)
    assert not page.css("main script")


def test_nothing_sent_from_outside_becomes_an_address_elsewhere(client: FlaskClient) -> None:
    for typed in ("//evil.example/apm", "http://h//evil.example/apm", "https://evil.example/logs?q=1"):
        location = client.get("/search", query_string={"q": typed}).headers["Location"]
        assert location.startswith("/")
        assert not location.startswith("//")
        assert "evil" not in location


def test_the_shortest_parts_are_no_query_of_everything(client: FlaskClient) -> None:
    assert client.get("/api/v1/resolve", query_string={"id": "o"}).status_code == 404
