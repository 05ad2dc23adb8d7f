"""A seat that the desk freed: its old links and cookies are void in the shop at once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import seat_generations, seats
from tests.frontend.fakes import FakeShop, fake_shop, text
from tests.frontend.test_hostile_class import SECRET, zipkin
from tests.frontend.test_relay import Receiver
from tests.frontend.test_visits import cookies_of

SCREENS = "http://127.0.0.1:8090"


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    found = tmp_path / "generations.json"
    found.write_text(seat_generations.document({}))
    return found


@pytest.fixture(name="receiver")
def _receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(name="shop")
def _shop(tmp_path: Path, file: Path, receiver: Receiver) -> FakeShop:
    return fake_shop(
        tmp_path,
        None,
        SEAT_SECRET=SECRET,
        SEAT_GENERATIONS_FILE=str(file),
        OBSERVER_URL=SCREENS,
        RUM_BEACON_URL=receiver.url,
    )


def link(name: str, generation: int = 0) -> str:
    return seats.link("", name, SECRET, generation=generation)


def free(file: Path, **generations: int) -> None:
    """As the lab writes it: a new file in place of the old one."""
    new = file.with_suffix(".new")
    new.write_text(seat_generations.document(generations))
    new.replace(file)


def test_the_cookie_of_a_freed_seat_is_void_at_the_next_request(shop: FakeShop, file: Path) -> None:
    """The page says what happened and how to go on; the other seats go on undisturbed."""
    shop.client.get(link("anna"))
    assert text(shop.get("/"), ".seat-fixed") == "Seat anna"
    free(file, anna=1, bert=0)
    shop.world.baggage.clear()

    answer = shop.client.get("/cart")
    assert answer.status_code == 403
    assert "You no longer have the seat anna" in answer.text
    assert ':8090/join"' in answer.text.partition("<main")[2]
    assert "shop_session-seat=;" in cookies_of(answer)["shop_session-seat"], "its session ends, too"
    order = shop.client.post("/cart/checkout", data={"email": "a@example.com"})
    assert order.status_code == 403
    assert shop.world.baggage == [], "no call was made under its name"


def test_its_beacons_are_void_too(shop: FakeShop, file: Path, receiver: Receiver) -> None:
    """Whoever held the seat cannot write into its sessions any longer."""
    shop.client.get(link("anna"))
    assert shop.client.post("/v1/rum", json=zipkin("anna")).status_code == 200
    free(file, anna=1)
    assert shop.client.post("/v1/rum", json=zipkin("anna")).status_code == 200
    assert len(receiver.got) == 1


def test_an_old_link_says_that_it_was_good_once_and_a_new_one_gives_the_seat(
    shop: FakeShop, file: Path
) -> None:
    """Also to the browser that still has the old cookie."""
    shop.client.get(link("anna"))
    free(file, anna=2)
    for old in (0, 1):
        refused = shop.client.get(link("anna", old))
        assert refused.status_code == 403
        assert "good once" in refused.text
        assert seats.COOKIE not in cookies_of(refused)
    answer = shop.client.get(link("anna", 2))
    assert answer.status_code == 302
    assert text(shop.get("/"), ".seat-fixed") == "Seat anna"


def test_whoever_wants_no_seat_can_go_on_without(shop: FakeShop, file: Path) -> None:
    """The page offers to start over, and that works."""
    shop.client.get(link("anna"))
    free(file, anna=1)
    assert 'href="/logout"' in shop.client.get("/").text
    assert shop.client.get("/logout").status_code == 302
    assert text(shop.get("/"), ".seat-fixed").startswith("No seat")


@pytest.mark.parametrize("signature", ["", "0" * 32, seats.sign("another secret", "anna")])
def test_a_forged_cookie_of_a_freed_seat_is_told_nothing(shop: FakeShop, file: Path, signature: str) -> None:
    """Only who had the seat learns that it was freed."""
    free(file, anna=3)
    shop.client.set_cookie(seats.COOKIE, f"anna.{signature}")
    assert text(shop.get("/"), ".seat-fixed").startswith("No seat")


@pytest.mark.parametrize("content", ["", "[1]", '{"anna": "x"}', "not json"])
def test_a_file_that_cannot_be_read_changes_nothing(shop: FakeShop, file: Path, content: str) -> None:
    """What was read last stays in force, for freed seats and for others."""
    free(file, anna=1)
    shop.client.get(link("anna", 1))
    file.write_text(content)
    assert text(shop.get("/"), ".seat-fixed") == "Seat anna"
    assert shop.client.get(link("anna", 0)).status_code == 403


def test_without_any_file_that_was_named_no_signature_holds(tmp_path: Path) -> None:
    """A seat of which nobody can say whether it was freed is given to nobody."""
    shop = fake_shop(
        tmp_path, None, SEAT_SECRET=SECRET, SEAT_GENERATIONS_FILE=str(tmp_path / "not-there.json")
    )
    assert shop.client.get(link("anna")).status_code == 403


def test_the_file_names_freed_seats_alone() -> None:
    """It stays small, and says nothing of who sits in the class."""
    assert json.loads(seat_generations.document({"anna": 2, "bert": 0})) == {"anna": 2}
