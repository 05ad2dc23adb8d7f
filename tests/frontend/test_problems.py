"""What goes wrong: the right status, friendly words, the cause, and never a card."""

from __future__ import annotations

import grpc
import pytest
from selectolax.lexbor import LexborHTMLParser
from werkzeug.test import TestResponse

from protos import hipstershop_pb2 as pb
from tests.frontend.fakes import CHARGE_REFUSED, GOOD_FORM, FakeShop, Refusal, attribute, one, text

CARD = "4432-8015-6152-0454"
CVV = "97310"


def page_of(answer: TestResponse, status: int) -> LexborHTMLParser:
    """The page of an answer that must have `status` and show no stack."""
    assert answer.status_code == status, answer.status
    assert "Traceback" not in answer.text
    assert 'File "' not in answer.text
    return LexborHTMLParser(answer.text)


def test_an_unknown_product_is_a_404_page(fake: FakeShop) -> None:
    page = page_of(fake.client.get("/product/NOPE"), 404)
    assert text(page, "h1") == "We do not sell that"
    assert text(page, ".status") == "HTTP Status: 404 Not Found"


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"product_id": "9SIQT8TOJO"},
        {"quantity": "1"},
        *(
            {"product_id": "9SIQT8TOJO", "quantity": bad}
            for bad in ("", "x", "0", "-1", "1.5", "1e3", "1001", "٣")
        ),
        {"product_id": "9SIQT8TOJO", "quantity": "9" * 5000},
    ],
)
def test_a_malformed_item_is_a_400_page(fake: FakeShop, form: dict[str, str]) -> None:
    page_of(fake.client.post("/cart", data=form), 400)
    assert fake.world.calls == []


def test_an_unknown_product_cannot_be_added(fake: FakeShop) -> None:
    page_of(fake.client.post("/cart", data={"product_id": "NOPE", "quantity": "1"}), 404)
    assert fake.world.calls == ["GetProduct"]


def test_what_the_cart_refuses_is_the_customers_to_correct(fake: FakeShop) -> None:
    fake.world.failing["AddItem"] = Refusal(
        grpc.StatusCode.INVALID_ARGUMENT, "a cart holds at most 9 of one product"
    )
    page_of(fake.client.post("/cart", data={"product_id": "9SIQT8TOJO", "quantity": "5"}), 422)


def test_a_refused_charge_is_told_with_its_chain_of_causes(fake: FakeShop) -> None:
    fake.fill_cart()
    fake.world.failing["PlaceOrder"] = CHARGE_REFUSED
    page = page_of(fake.client.post("/cart/checkout", data=GOOD_FORM), 500)
    assert text(page, "h1") == "Uh, oh!"
    assert text(page, ".status") == "HTTP Status: 500 Internal Server Error"
    assert text(page, ".cause") == (
        "failed to complete the order: rpc error: code = Internal desc = failed to charge card: "
        "could not charge the card: rpc error: code = Code(401) desc = Invalid request"
    )
    assert "Your cart is as you left it, and nothing was charged." in text(page, "main")
    assert [link.attributes["href"] for link in page.css(".actions a")] == ["/cart", "/"]
    assert len(fake.world.carts) == 1
    assert fake.world.calls[-1] == "PlaceOrder"


def test_a_failure_after_the_charge_promises_nothing(fake: FakeShop) -> None:
    fake.world.failing["PlaceOrder"] = Refusal(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
    page = page_of(fake.client.post("/cart/checkout", data=GOOD_FORM), 500)
    assert "look into your cart before you try again" in text(page, "main")


@pytest.mark.parametrize(
    ("path", "failing"),
    [
        ("/", "GetSupportedCurrencies"),
        ("/", "ListProducts"),
        ("/", "GetCart"),
        ("/", "Convert"),
        ("/product/OLJCESPC7Z", "GetProduct"),
        ("/cart", "GetQuote"),
    ],
)
def test_a_backend_that_is_away_is_a_500_page(fake: FakeShop, path: str, failing: str) -> None:
    fake.world.failing[failing] = Refusal(grpc.StatusCode.UNAVAILABLE, "failed to connect\nto all addresses")
    page = page_of(fake.client.get(path), 500)
    assert text(page, "h1") == "Uh, oh!"
    assert "rpc error: code = Unavailable desc = failed to connect to all addresses" in text(page, ".cause")


def test_a_page_that_fails_unexpectedly_shows_no_stack_but_logs_it(fake: FakeShop) -> None:
    fake.world.products[0].price_usd.nanos = 2_000_000_000
    page = page_of(fake.client.get("/"), 500)
    assert text(page, "h1") == "Uh, oh!"
    assert "exception.stacktrace" in fake.log.getvalue()


def test_a_cause_is_text_and_never_markup(fake: FakeShop) -> None:
    fake.world.failing["ListProducts"] = Refusal(grpc.StatusCode.INTERNAL, "<script>alert(1)</script>")
    page = page_of(fake.client.get("/"), 500)
    assert "<script>alert(1)</script>" in text(page, ".cause")


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("email", "nobody", "does not look like an e-mail"),
        ("email", "", "does not look like an e-mail"),
        ("street_address", " ", "Where should it be sent?"),
        ("city", "", "Which city?"),
        ("state", "", "Which state?"),
        ("country", "x" * 300, "to 256 characters; this has 300"),
        ("zip_code", "SW1A 1AA", "made of digits"),
        ("zip_code", "SW1A 1AA", "please write the name of its country"),
        ("zip_code", "99999999999", "made of digits"),
        ("credit_card_number", "", "enter the number"),
        ("credit_card_expiration_month", "13", "1 to 12"),
        ("credit_card_expiration_year", "soon", "such as 2030"),
        ("credit_card_cvv", "abc", "Three or four digits"),
    ],
)
def test_a_field_that_cannot_be_sent_is_told_beside_it(
    fake: FakeShop, field: str, value: str, words: str
) -> None:
    fake.fill_cart()
    page = page_of(fake.client.post("/cart/checkout", data=GOOD_FORM | {field: value}), 422)
    assert words in text(page, f"#{field}-problem")
    assert attribute(page, f"#{field}", "aria-describedby") == f"{field}-problem"
    assert words in text(page, "main > .alert li")
    assert attribute(page, "main > .alert a", "href") == f"#{field}"
    assert len(page.css(".problem")) == 1
    assert "PlaceOrder" not in fake.world.calls


@pytest.mark.parametrize(
    ("country", "state", "zip_code"),
    [
        ("United Kingdom", "", "SW1A 1AA"),
        ("Canada", "Québec", "H2X 1Y4"),
        ("Ireland", "", ""),
        ("日本", "東京都", "100-0001"),
        ("hong kong", "", ""),
        ("Cote d'Ivoire", "", ""),
        ("ÖSTERREICH", "", "1010"),
        ("uk", "", "SW1A 1AA"),
        ("U.S.A.", "CA", "02134"),
    ],
)
def test_addresses_outside_the_united_states_can_order(
    fake: FakeShop, country: str, state: str, zip_code: str
) -> None:
    """A country without states or postal codes, letters, Unicode, long names; as typed, leading zeros too."""
    fake.fill_cart()
    city = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch " * 4
    sent = GOOD_FORM | {"country": country, "state": state, "zip_code": zip_code, "city": city}
    page_of(fake.client.post("/cart/checkout", data=sent), 200)

    [asked] = [each for each in fake.world.requests if isinstance(each, pb.PlaceOrderRequest)]
    assert (asked.address.country, asked.address.state, asked.address.city) == (country, state, city.strip())
    assert asked.address.postal_code == zip_code
    assert asked.address.zip_code == (int(zip_code) if zip_code.isdecimal() else 0)


@pytest.mark.parametrize(
    "country", ["United States", "united states of america", "US", "U.S.A.", " usa ", ""]
)
def test_the_united_states_need_a_zip_code_and_a_state(fake: FakeShop, country: str) -> None:
    """By each of their names, and a name that means no country; all that was typed comes back."""
    fake.fill_cart()
    sent = GOOD_FORM | {"country": country, "state": "", "zip_code": "SW1A 1AA", "city": "x" * 400}
    page = page_of(fake.client.post("/cart/checkout", data=sent), 422)

    assert {"state-problem", "zip_code-problem", "city-problem"} <= {
        each.attributes["id"] for each in page.css(".problem")
    }
    for field in ("zip_code", "city", "country", "street_address"):
        assert attribute(page, f"#{field}", "value") == sent[field]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("Credit card info is invalid", "credit_card_number"),
        (
            "Sorry, we cannot process amex credit cards. Only VISA or MasterCard is accepted.",
            "credit_card_number",
        ),
        ("Your credit card (ending 0454) expired on 1/2020", "credit_card_expiration_year"),
    ],
)
def test_a_card_that_is_refused_is_told_beside_its_field(fake: FakeShop, said: str, field: str) -> None:
    fake.fill_cart()
    fake.world.failing["PlaceOrder"] = Refusal(grpc.StatusCode.INVALID_ARGUMENT, said)
    page = page_of(fake.client.post("/cart/checkout", data=GOOD_FORM), 422)
    assert text(page, "h1") == "Please check your order"
    assert text(page, f"#{field}-problem")
    assert "nothing was charged" in text(page, "main > .alert")
    assert attribute(page, "#email", "value") == GOOD_FORM["email"]


def test_an_empty_cart_cannot_be_ordered(fake: FakeShop) -> None:
    fake.world.failing["PlaceOrder"] = Refusal(
        grpc.StatusCode.INVALID_ARGUMENT, "the cart is empty: add something before placing an order"
    )
    assert (
        text(page_of(fake.client.post("/cart/checkout", data=GOOD_FORM), 422), "h1") == "Your cart is empty"
    )


def test_cards_are_never_echoed_logged_or_traced(fake: FakeShop) -> None:
    fake.fill_cart()
    form = GOOD_FORM | {"credit_card_number": CARD, "credit_card_cvv": CVV}
    answers = [fake.client.post("/cart/checkout", data=form)]
    for code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.INTERNAL):
        fake.world.failing["PlaceOrder"] = Refusal(code, "Credit card info is invalid")
        answers.append(fake.client.post("/cart/checkout", data=GOOD_FORM))
    fake.client.get(f"/cart?credit_card_number={CARD}&credit_card_cvv={CVV}")
    fake.client.get(f"/nowhere?seat=anna&card={CARD}")
    spans = "".join(span.to_json() for span in fake.spans.get_finished_spans())
    for place in (*(answer.text for answer in answers), fake.log.getvalue(), spans):
        for secret in (CARD, CARD.replace("-", ""), CVV):
            assert secret not in place
    form_again = LexborHTMLParser(answers[1].text)
    assert attribute(form_again, "#credit_card_number", "value") == ""
    assert attribute(form_again, "#credit_card_cvv", "value") == ""


def test_other_addresses_and_methods_have_friendly_pages(fake: FakeShop) -> None:
    assert "not in the shop" in text(page_of(fake.client.get("/nowhere"), 404), "h1")
    answer = fake.client.get("/cart/checkout")
    page_of(answer, 405)
    assert "POST" in answer.headers["Allow"]
    page_of(fake.client.post("/cart", data={"product_id": "x" * 100_000}), 413)


def test_hostile_text_stays_text(fake: FakeShop) -> None:
    hostile = '"><img src=x onerror=alert(1)>'
    fake.fill_cart()
    page = page_of(
        fake.client.post("/cart/checkout?seat=x", data=GOOD_FORM | {"city": hostile, "email": ""}), 422
    )
    assert attribute(page, "#city", "value") == hostile
    assert not page.css("img[onerror]")
    fake.world.products[0].name = hostile
    fake.world.products[0].picture = "../../etc/passwd"
    home = fake.get("/")
    assert not home.css("img[onerror]")
    assert "parcel.svg" in (one(home, ".card:first-child img").attributes["src"] or "")
    seated = page_of(fake.client.get("/?seat=%3C/script%3E%3Cscript%3Ealert(1)%3C/script%3E"), 400)
    assert "</script><script>alert" not in (seated.html or "")


def test_a_flood_of_parameters_is_met_calmly(fake: FakeShop) -> None:
    query = "&".join(f"p{number}=1" for number in range(5000))
    assert fake.client.get(f"/cart?{query}").status_code == 200
    form = {f"p{number}": "1" for number in range(5000)}
    assert fake.client.post("/cart", data=form).status_code in (400, 413)
