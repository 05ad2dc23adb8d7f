"""What pages show, and what they ask the backends, in which order."""

from __future__ import annotations

import json
from pathlib import Path

import grpc
import pytest
from selectolax.lexbor import LexborHTMLParser

from protos import hipstershop_pb2 as pb
from tests.frontend.fakes import (
    GOOD_FORM,
    ORDER_ID,
    PRODUCTS,
    FakeShop,
    Refusal,
    attribute,
    fake_shop,
    one,
    text,
)


def test_home_shows_every_product_with_its_price(fake: FakeShop) -> None:
    page = fake.get("/")
    shown = [(text(card, "h3"), text(card, ".price")) for card in page.css(".card")]
    assert shown == [(name, f"USD {cents // 100}.{cents % 100:02d}") for _, name, cents, _, _ in PRODUCTS]


def test_home_asks_in_the_original_order(fake: FakeShop) -> None:
    fake.get("/")
    converts = ["Convert"] * len(PRODUCTS)
    assert fake.world.calls == ["GetSupportedCurrencies", "ListProducts", "GetCart", *converts, "GetAds"]


def test_home_without_products_says_so(fake: FakeShop) -> None:
    fake.world.products.clear()
    assert "shelves are empty" in fake.get("/").body.text()  # type: ignore[union-attr]


def test_product_page_asks_in_the_original_order(fake: FakeShop) -> None:
    fake.get("/product/OLJCESPC7Z")
    assert fake.world.calls == [
        "GetProduct",
        "GetSupportedCurrencies",
        "GetCart",
        "Convert",
        "ListRecommendations",
        *["GetProduct"] * 5,
        "GetAds",
    ]


def test_product_page_has_form_advert_and_four_recommendations(fake: FakeShop) -> None:
    page = fake.get("/product/OLJCESPC7Z")
    assert text(page, "h1") == "Vintage Typewriter"
    assert text(page, ".price.big") == "USD 67.99"
    assert [option.attributes["value"] for option in page.css("#quantity option")] == [
        "1",
        "2",
        "3",
        "4",
        "5",
        "10",
    ]
    form = one(page, "#add-to-cart")
    assert (form.attributes["method"], form.attributes["action"]) == ("post", "/cart")
    assert attribute(page, "input[name=product_id]", "value") == "OLJCESPC7Z"
    assert attribute(page, ".ad a", "href") == "/product/9SIQT8TOJO"
    assert len(page.css(".also .card")) == 4


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_adverts_lead_nowhere_outside_the_shop(fake: FakeShop, target: str) -> None:
    fake.world.ads = [pb.Ad(redirect_url=target, text="Click me")]
    assert attribute(fake.get("/product/OLJCESPC7Z"), ".ad a", "href") == "/"


def test_pages_do_not_wait_for_adverts(fake: FakeShop) -> None:
    fake.world.failing["GetAds"] = Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "too slow")
    assert not fake.get("/product/OLJCESPC7Z").css(".ad")


def test_cart_page_adds_up(fake: FakeShop) -> None:
    fake.fill_cart()
    fake.world.calls.clear()
    page = fake.get("/cart")
    assert [price.text() for price in page.css(".lines .price")] == ["USD 789.50", "USD 248.00", "USD 12.49"]
    assert text(page, ".sums") == "Shipping USD 11.22 Total USD 0.00"
    assert "USD 1061.21" in text(page, "noscript")
    assert text(page, "#cart-count .number") == "4"
    assert fake.world.calls == [
        "GetSupportedCurrencies",
        "GetCart",
        "ListRecommendations",
        *["GetProduct"] * 3,
        "GetQuote",
        "Convert",
        *["GetProduct", "Convert"] * 3,
    ]


def test_cart_page_hands_exact_amounts_to_its_script(fake: FakeShop) -> None:
    fake.fill_cart()
    output = one(fake.get("/cart"), "#order-total")
    assert output.attributes["data-price-typo"] == "false"
    assert json.loads(output.attributes["data-cart"] or "") == {
        "currency": "USD",
        "decimals": 2,
        "shipping": "11220000000",
        "lines": [
            {"id": "9SIQT8TOJO", "quantity": 1},
            {"id": "1YMWWN1N4O", "quantity": 2},
            {"id": "66VCHSJNUP", "quantity": 1},
        ],
        "products": {
            "9SIQT8TOJO": {"Price": "789500000000"},
            "1YMWWN1N4O": {"Price": "124000000000"},
            "66VCHSJNUP": {"Price": "12490000000"},
        },
    }


def test_the_flag_puts_the_typo_on_the_page(tmp_path: Path) -> None:
    broken = fake_shop(tmp_path, {"cart_price_typo": True})
    broken.fill_cart()
    assert attribute(broken.get("/cart"), "#order-total", "data-price-typo") == "true"


def test_an_empty_cart_has_nothing_to_add_up(fake: FakeShop) -> None:
    page = fake.get("/cart")
    assert "Your cart is empty" in text(page, ".empty")
    assert not page.css("#order-total, #checkout")


def test_the_checkout_form_has_the_originals_fields_and_defaults(fake: FakeShop) -> None:
    fake.fill_cart()
    page = fake.get("/cart")
    values = {field.attributes["name"]: field.attributes["value"] for field in page.css("#checkout input")}
    wanted = {key: value for key, value in GOOD_FORM.items() if "expiration" not in key}
    assert values == wanted
    assert text(page, "#credit_card_expiration_month option[selected]") == "January"
    assert page.css("#credit_card_expiration_month option")[11].text() == "December"
    for field in page.css("#checkout input, #checkout select"):
        assert page.css(f"label[for={field.attributes['id']}]"), f"no label for {field.attributes['name']}"


def test_adding_goes_to_the_cart(fake: FakeShop) -> None:
    answer = fake.client.post("/cart", data={"product_id": "9SIQT8TOJO", "quantity": "3"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/cart")
    assert fake.world.calls == ["GetProduct", "AddItem"]
    (items,) = fake.world.carts.values()
    assert items == [pb.CartItem(product_id="9SIQT8TOJO", quantity=3)]


def test_emptying_goes_home(fake: FakeShop) -> None:
    fake.fill_cart()
    answer = fake.client.post("/cart/empty")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    assert fake.world.carts == {}


def test_an_order_is_shown_with_everything_that_was_bought(fake: FakeShop) -> None:
    fake.fill_cart()
    fake.get("/cart")
    fake.world.calls.clear()
    answer = fake.client.post("/cart/checkout", data=GOOD_FORM)
    page = LexborHTMLParser(answer.text)
    assert answer.status_code == 200
    assert text(page, "#order-id") == ORDER_ID
    assert text(page, "#tracking-id") == "AB-123-456"
    assert text(page, "#total-paid") == "USD 1061.21"
    assert [text(line, "h3") for line in page.css(".lines li")] == [
        "City Bike",
        "Home Barista Kit",
        "Vintage Camera Lens",
    ]
    assert fake.world.calls == [
        "PlaceOrder",
        "ListRecommendations",
        *["GetProduct"] * 5,
        "GetSupportedCurrencies",
    ]


@pytest.mark.parametrize("failing", ["ListRecommendations", "GetProduct", "GetSupportedCurrencies"])
def test_an_order_that_was_placed_is_shown_whatever_fails_after(fake: FakeShop, failing: str) -> None:
    fake.fill_cart()
    fake.get("/cart")
    fake.world.failing[failing] = Refusal(grpc.StatusCode.UNAVAILABLE, "away")
    answer = fake.client.post("/cart/checkout", data=GOOD_FORM)
    assert answer.status_code == 200
    assert text(LexborHTMLParser(answer.text), "#order-id") == ORDER_ID


def test_an_order_carries_what_was_filled_in(fake: FakeShop) -> None:
    fake.fill_cart()
    fake.client.post("/cart/checkout", data=GOOD_FORM)
    sent = next(request for request in fake.world.requests if isinstance(request, pb.PlaceOrderRequest))
    assert sent.user_currency == "USD"
    assert sent.address == pb.Address(
        street_address="270 Brannan St",
        city="San Francisco",
        state="CA",
        country="United States",
        zip_code=94107,
        postal_code="94107",
    )
    assert sent.credit_card == pb.CreditCardInfo(
        credit_card_number="4432-8015-6152-0454",
        credit_card_cvv=672,
        credit_card_expiration_year=2039,
        credit_card_expiration_month=1,
    )


def test_every_page_loads_the_agent_before_any_other_script(fake: FakeShop) -> None:
    fake.fill_cart()
    for path in ("/", "/product/OLJCESPC7Z", "/cart", "/product/none", "/nowhere"):
        page = LexborHTMLParser(fake.client.get(path).text)
        scripts = [
            script.attributes.get("src") or "#" + (script.id or "") for script in page.css("head script")
        ]
        assert scripts[0].startswith("/static/splunk-otel-web.js"), path
        assert scripts[1] == "#rum-config", path
        assert scripts[2].startswith("/static/js/rum-init.js"), path
        assert not page.css("head script[type=module]"), path


def test_the_agent_is_told_where_to_report_and_who_shops(fake: FakeShop) -> None:
    page = fake.get("/?seat=anna", headers={"X-Synthetic": "load"})
    config = json.loads(text(page, "#rum-config"))
    tenant = config["globalAttributes"].pop("tenant.level")
    assert tenant in ("gold", "silver", "bronze")
    assert config == {
        "beaconEndpoint": "/v1/rum",
        "allowInsecureBeacon": True,
        "applicationName": "hipster-shop",
        "deploymentEnvironment": "hipster-lab",
        "version": config["version"],
        "bufferTimeout": 500,
        "globalAttributes": {"enduser.id": "anna", "user_agent.synthetic.type": "test"},
    }


@pytest.mark.parametrize(("name", "marked"), [("lab-probe", True), ("verify-01ab", True), ("anna", False)])
def test_the_browsers_of_the_labs_own_proofs_say_so(fake: FakeShop, name: str, marked: bool) -> None:
    """Their sessions are in no list and no count of people."""
    attributes = json.loads(text(fake.get(f"/?seat={name}"), "#rum-config"))["globalAttributes"]
    assert attributes["enduser.id"] == name
    assert (attributes.get("user_agent.synthetic.type") == "test") is marked


def test_with_realm_and_token_pages_report_to_the_real_product(tmp_path: Path) -> None:
    (tmp_path / "splunk-otel-web.js").write_text("")
    real = fake_shop(
        tmp_path, RUM_REALM="eu0", RUM_AUTH="token", RUM_APP_NAME="shop", RUM_ENVIRONMENT="class"
    )
    answer = real.client.get("/")
    config = json.loads(text(LexborHTMLParser(answer.text), "#rum-config"))
    assert (config["realm"], config["rumAccessToken"]) == ("eu0", "token")
    assert (config["applicationName"], config["deploymentEnvironment"]) == ("shop", "class")
    assert "beaconEndpoint" not in config
    assert "https://rum-ingest.eu0.signalfx.com" in answer.headers["Content-Security-Policy"]


def test_rum_can_be_left_out_for_the_lesson_before_it(tmp_path: Path) -> None:
    (tmp_path / "splunk-otel-web.js").write_text("")
    without = fake_shop(tmp_path, RUM_ENABLED="false")
    page = without.client.get("/").text
    assert "splunk" not in page
    assert "rum" not in page.split("</head>")[0]


def test_a_shop_without_the_agents_file_works_and_says_so_once(tmp_path: Path) -> None:
    without = fake_shop(tmp_path)
    assert not without.get("/").css("#rum-config")
    without.get("/")
    assert without.log.getvalue().count("The RUM agent is not installed") == 1


def test_pages_ask_nothing_of_other_hosts(fake: FakeShop) -> None:
    fake.fill_cart()
    for path in ("/", "/product/OLJCESPC7Z", "/cart", "/nowhere"):
        page = LexborHTMLParser(fake.client.get(path).text)
        for node in page.css("[src], [href], [action]"):
            address = (
                node.attributes.get("src")
                or node.attributes.get("href")
                or node.attributes.get("action")
                or ""
            )
            assert address.startswith(("/", "#")), f"{path}: {address}"
            assert not address.startswith("//"), f"{path}: {address}"
        assert not page.css("script:not([src]):not([type='application/json']), style, [style], [onclick]")
