"""From every page of the shop a visitor finds back to the lesson, if the screens' address is known."""

from __future__ import annotations

from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser

from runtime import seats
from tests.frontend.fakes import CHARGE_REFUSED, GOOD_FORM, FakeShop, attribute, fake_shop

SECRET = "a secret of the class"
OBSERVER = "http://127.0.0.1:8090"
HERE = "http://localhost:8090"
"""The same by the host that the test client names."""
LINK = ".lesson-link"


def pages(shop: FakeShop) -> list[tuple[str, LexborHTMLParser]]:
    """Every kind of page: products, a product, the cart, error pages, an order."""
    shop.fill_cart()
    shop.world.failing["PlaceOrder"] = CHARGE_REFUSED
    return [
        *((path, shop.get(path)) for path in ("/", "/product/OLJCESPC7Z", "/cart")),
        ("refused", LexborHTMLParser(shop.client.post("/cart/checkout", data=GOOD_FORM).text)),
        ("unknown", LexborHTMLParser(shop.client.get("/no/such/page").text)),
        ("order", _ordered(shop)),
    ]


def _ordered(shop: FakeShop) -> LexborHTMLParser:
    shop.world.failing.clear()
    shop.fill_cart()
    return LexborHTMLParser(shop.client.post("/cart/checkout", data=GOOD_FORM).text)


def test_every_page_leads_back_to_the_lesson_of_the_seat(tmp_path: Path) -> None:
    """The error pages too: that is where a lesson begins."""
    shop = fake_shop(tmp_path, OBSERVER_URL=OBSERVER)
    shop.client.get("/?seat=anna")

    for name, page in pages(shop):
        assert attribute(page, LINK, "href") == f"{HERE}/workshop?seat=anna", name


def test_without_the_address_there_is_no_link(fake: FakeShop) -> None:
    for name, page in pages(fake):
        assert not page.css(LINK), name


def test_in_a_class_the_cookie_says_the_seat(tmp_path: Path) -> None:
    shop = fake_shop(tmp_path, OBSERVER_URL=OBSERVER, SEAT_SECRET=SECRET)
    link = seats.link("", "anna", SECRET)
    shop.client.get(link)

    assert attribute(shop.get("/"), LINK, "href") == f"{HERE}/workshop"


@pytest.mark.parametrize(
    ("settings", "host", "expected"),
    [
        ({"LISTEN_ADDR": "0.0.0.0"}, "192.168.1.20:8080", "http://192.168.1.20:8090/workshop"),
        ({"LISTEN_ADDR": "0.0.0.0"}, "lab.local:8080", "http://lab.local:8090/workshop"),
        # Who listens on loopback only is not reached by another host: that header is not followed.
        ({"LISTEN_ADDR": "127.0.0.1"}, "evil.example", f"{OBSERVER}/workshop"),
        ({"LISTEN_ADDR": "0.0.0.0"}, 'evil"><script>', f"{OBSERVER}/workshop"),
        (
            {"OBSERVER_PUBLIC_URL": "https://screens.example.org"},
            "127.0.0.1:8080",
            "https://screens.example.org/workshop",
        ),
    ],
)
def test_the_link_follows_the_host_by_which_the_visitor_came(
    tmp_path: Path, settings: dict[str, str], host: str, expected: str
) -> None:
    shop = fake_shop(tmp_path, None, OBSERVER_URL=OBSERVER, **settings)

    assert attribute(shop.get("/", headers={"Host": host}), LINK, "href") == expected
