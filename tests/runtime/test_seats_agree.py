"""Command line, screens and shop take the same texts for seat names, and sign the same links."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask, Request, Response
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser
from werkzeug.test import EnvironBuilder

from frontend.request_intake import SIGNATURE_KEY
from frontend.visit import Visit, Visits
from lab.commands import seats as command_line
from lab.errors import UsageError
from observer.app import create_app
from observer.components import seat_links as screens
from observer.request.errors import Malformed
from observer.settings import Settings
from runtime import seats
from services.common.seat import Shopper
from store import open_reader, open_writer
from store.api import Reader
from tests.runtime.test_seats import NAMES, OTHERS

SECRET = "a secret of the class"
SHOP = "http://shop.test"
LETTERS = "abcXYZ019 -_.'éßŁþЖ山ीا٣\u0301\u00a0\u2019\u3164\ufe0f\u202e\n\t/<>&\"%;,@\\💺"
MANY = 300


def texts() -> list[str]:
    """The tables of the rule's own test, and texts drawn from letters that are near its edges."""
    chance = random.Random(20_240_214)
    drawn = ["".join(chance.choices(LETTERS, k=chance.randint(1, 6))) for _ in range(MANY)]
    drawn += ["".join(chance.choices("aé \u0301", k=chance.randint(38, 44))) for _ in range(MANY)]
    return [*NAMES, *OTHERS, *drawn]


def by_command_line(text: str) -> str:
    """The name that `lab seats` makes a link for; empty where it refuses."""
    try:
        [(name, _)] = command_line.links(SHOP, [text], SECRET)
    except UsageError:
        return ""
    return name


def by_screens(text: str) -> str:
    """The name that the observer takes from a field or address; empty where it refuses."""
    try:
        return screens.chosen(text, "")
    except Malformed:
        return ""


def by_shop(text: str, signature: str = "", secret: str = "") -> str:
    """The seat that the shop gives for a query; empty where it gives none."""
    builder = EnvironBuilder(query_string={"seat": text.encode("utf-8", "replace").decode()})
    environ = builder.get_environ() | {SIGNATURE_KEY: signature}
    return Visits(secret, None).read(Request(environ)).shopper.seat


def sendable(text: str) -> bool:
    """Whether a text can stand in an address at all: lone surrogates cannot."""
    return text == text.encode("utf-8", "replace").decode()


def test_all_three_accept_the_same_names() -> None:
    """For names and near-names alike: the same name in all three, or a refusal by all three."""
    accepted = 0
    for text in filter(sendable, texts()):
        name = seats.name_or_empty(text)
        accepted += bool(name)
        assert by_command_line(text) == name, ascii(text)
        assert by_shop(text) == name, ascii(text)
        assert by_screens(text) == name, ascii(text)
    assert accepted > MANY / 5, "the drawn texts must hold both names and others"


def test_every_link_that_is_offered_seats_its_student(closed_screens: Flask) -> None:
    """What command line and desk sign, the shop verifies; for no other name."""
    for text in filter(sendable, texts()):
        name = seats.name_or_empty(text)
        if not name:
            continue
        [(_, printed)] = command_line.links(SHOP, [text], SECRET)
        signature = printed.rpartition("sig=")[2]
        with closed_screens.test_request_context("/"):
            assert screens.student_link(SHOP, text).partition("?")[2] == printed.partition("?")[2]
        assert by_shop(text, signature, SECRET) == name, ascii(text)
        assert by_shop(name + "x", signature, SECRET) == ""


@pytest.fixture(name="reader", scope="module")
def _reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    path: Path = tmp_path_factory.mktemp("seats") / "store.sqlite3"
    open_writer(path).close()
    reader = open_reader(path)
    yield reader
    reader.close()


@pytest.fixture(name="client", scope="module")
def _client(reader: Reader) -> FlaskClient:
    """The screens in open mode."""
    return create_app(reader, Settings(shop_url=SHOP)).test_client(use_cookies=False)


@pytest.fixture(name="closed_screens", scope="module")
def _closed_screens(reader: Reader) -> Flask:
    """The screens in class mode."""
    return create_app(reader, Settings(shop_url=SHOP, seat_secret=SECRET))


@pytest.mark.parametrize("address", ["/", "/workshop"])
@pytest.mark.parametrize("name", NAMES)
def test_a_page_takes_a_name_and_offers_its_link(client: FlaskClient, address: str, name: str) -> None:
    """The name fills the field, and the page leads to the shop by the link that gives the seat there."""
    page = LexborHTMLParser(client.get(address, query_string={"seat": name}).text)
    field = page.css_first("#seat")

    assert field is not None
    assert field.attributes["value"] == name
    assert seats.link(SHOP, name) in [node.attributes.get("href") for node in page.css("main a")]


@pytest.mark.parametrize("address", ["/", "/workshop"])
@pytest.mark.parametrize("text", [text for text in OTHERS if sendable(text) and text.strip()])
def test_a_page_refuses_what_is_no_name_and_says_the_rule(
    client: FlaskClient, address: str, text: str
) -> None:
    """A typed text that is not a name is a 400 with a remedy; nothing is kept in a cookie."""
    answer = client.get(address, query_string={"seat": text})

    assert answer.status_code == 400
    assert "Set-Cookie" not in answer.headers
    assert "Begin with a letter or digit" in LexborHTMLParser(answer.text).text()


def test_a_cookie_that_holds_no_name_is_ignored(client: FlaskClient) -> None:
    """A cookie of an older version, or a forged one, shuts no reader out."""
    answer = client.get("/", headers={"Cookie": "workshop_seat=a%2Fb%3Cscript%3E; seat=anna; shop_seat=anna"})

    assert answer.status_code == 200
    assert "Open the shop as" not in answer.text


def test_the_instructor_learns_which_lines_are_no_names(client: FlaskClient) -> None:
    """Links for those that are, and the others named with the rule and kept in the field."""
    page = LexborHTMLParser(client.get("/desk/sheet", query_string={"names": "Zoë\na/b\n\nŁukasz K"}).text)
    links = [node.text() for node in page.css(".slip .link")]

    assert links == [seats.link("http://localhost", name, path="/workshop") for name in ("Zoë", "Łukasz K")]
    assert "Not seat names: a/b." in " ".join(page.text().split())
    field = page.css_first("#names")
    assert field is not None
    assert "a/b" in field.text()


@pytest.mark.parametrize("name", [name for name in NAMES if name.strip()])
def test_a_seat_of_the_shop_is_known_to_the_screens_and_back(client: FlaskClient, name: str) -> None:
    """Both set the same cookie, and each takes the other's, in open mode and signed."""
    wanted = seats.name_of(name)
    set_by_screens = client.get("/workshop", query_string={"seat": name}).headers["Set-Cookie"]
    value = set_by_screens.partition("=")[2].partition(";")[0]
    environ = EnvironBuilder(headers=[("Cookie", f"workshop_seat={value}")]).get_environ()
    assert Visits("", None).read(Request(environ)).shopper.seat == wanted

    answer = Response()
    Visits("", None).write(Visit("s", "USD", Shopper(seat=wanted), seat_changed=True), answer)
    cookie = answer.headers["Set-Cookie"].partition(";")[0]
    field = LexborHTMLParser(client.get("/workshop", headers={"Cookie": cookie}).text).css_first("#seat")
    assert field is not None
    assert field.attributes["value"] == wanted
