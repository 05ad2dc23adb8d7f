"""The instructor's line: on every page of whom it is for, escaped, until it is dismissed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from classroom import ALL_SEATS, ClassStore
from observer.app import create_app
from observer.settings import Settings
from tests.fixtures.html import attribute, one, text
from tests.observer.class_screens import ClassScreens, class_screens, page_of
from tests.observer.screens import Screens, empty

LINE = "<img src=x onerror=alert(1)> look at the logs"
PAGES = (
    "/",
    "/workshop",
    "/rum",
    "/rum/sessions",
    "/apm",
    "/apm/traces",
    "/logs",
    "/join",
    "/-/keys",
    "/nowhere",
)
HOUR = 3600 * 10**9
NOW = 10**18


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Screens]:
    with empty(tmp_path / "store.sqlite3") as found:
        yield found


@pytest.fixture
def in_class(bare: Screens, tmp_path: Path) -> Iterator[ClassScreens]:
    with class_screens(bare.reader, tmp_path, NOW) as found:
        yield found


def shown(page: LexborHTMLParser) -> str:
    """The line that a page shows; empty where it shows none."""
    place = page.css_first("#broadcast p")
    return text(place) if place else ""


def asked(client: FlaskClient, page: LexborHTMLParser) -> LexborHTMLParser | None:
    """What a page is answered that asks as its place says; None for 204."""
    answer = client.get(attribute(one(page, "#broadcast"), "hx-get"), headers={"HX-Request": "true"})
    assert len(answer.data) < 1_000
    return None if answer.status_code == 204 else page_of(answer)


def test_a_line_is_on_every_page_as_text(in_class: ClassScreens) -> None:
    in_class.store.send([ALL_SEATS], LINE, NOW)
    client = in_class.visitor("anna")
    for path in PAGES:
        page = LexborHTMLParser(client.get(path, follow_redirects=True).text)
        assert shown(page) == f"From your instructor: {LINE}", path
        assert attribute(one(page, "#broadcast"), "role") == "status"
        assert not page.css("#broadcast img")


def test_a_page_that_was_loaded_before_is_told(in_class: ClassScreens) -> None:
    """It asks every second and a half, and is answered 204 while nothing is new."""
    client = in_class.visitor("anna")
    page = page_of(client.get("/logs"))
    assert attribute(one(page, "#broadcast"), "hx-trigger") == "every 1500ms"
    assert asked(client, page) is None

    in_class.store.send([ALL_SEATS], LINE, NOW)
    answer = asked(client, page)
    assert answer
    assert shown(answer).endswith(LINE)
    assert asked(client, answer) is None, "what is shown is not sent again"


def test_a_line_for_one_seat_is_for_nobody_else(in_class: ClassScreens) -> None:
    in_class.store.send(["anna"], LINE, NOW)

    assert shown(page_of(in_class.visitor("anna").get("/logs")))
    for other in (in_class.visitor("bert"), in_class.visitor()):
        page = page_of(other.get("/logs"))
        assert not shown(page)
        assert asked(other, page) is None


def test_a_dismissed_line_stays_away_and_the_next_one_comes(in_class: ClassScreens) -> None:
    """By script in place, without one by going back to the page."""
    in_class.store.send([ALL_SEATS], "first", NOW)
    client = in_class.visitor("anna")
    page = page_of(client.get("/logs?since=1h"))
    fields = {
        str(field.attributes["name"]): str(field.attributes["value"])
        for field in page.css("#broadcast input")
    }
    answer = client.post("/-/message/dismiss", data=fields)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/logs?since=1h")
    page = page_of(client.get("/logs"))
    assert not shown(page)

    in_class.store.send([ALL_SEATS], "second", NOW)
    answer_part = asked(client, page)
    assert answer_part
    assert shown(answer_part).endswith("second")
    answer = client.post("/-/message/dismiss", data=fields | {"id": "2"}, headers={"HX-Request": "true"})
    assert not shown(page_of(answer))
    assert asked(client, page_of(answer)) is None


@pytest.mark.parametrize("number", ["", "-1", "x", "9" * 30, "٣"])
def test_an_odd_number_dismisses_nothing(in_class: ClassScreens, number: str) -> None:
    in_class.store.send([ALL_SEATS], LINE, NOW)
    client = in_class.visitor("anna")
    answer = client.post("/-/message/dismiss", data={"id": number, "next": "//evil.example"})

    assert answer.headers["Location"] == "/"
    assert shown(page_of(client.get("/logs")))
    assert client.get(f"/-/message?after={number}").status_code == 200


def test_an_old_line_is_not_shown_to_a_late_joiner(in_class: ClassScreens) -> None:
    in_class.store.send([ALL_SEATS], LINE, NOW - HOUR - 1)

    assert not shown(page_of(in_class.visitor("anna").get("/logs")))


def test_an_open_lab_asks_only_after_a_first_line(bare: Screens, tmp_path: Path) -> None:
    store = ClassStore(tmp_path / "class.sqlite3")
    client = create_app(bare.reader, Settings(), lambda: NOW, store).test_client()
    assert not page_of(client.get("/logs")).css("#broadcast")

    store.send([ALL_SEATS], LINE, NOW)
    assert shown(page_of(client.get("/logs")))
    store.close()


def test_a_file_that_cannot_be_read_takes_no_page_down(in_class: ClassScreens) -> None:
    client = in_class.visitor()
    in_class.store.close()

    assert not shown(page_of(client.get("/logs")))
    assert client.get("/-/message?after=0").status_code == 204
