"""Sessions, currencies, seats and tenant levels: cookies in, cookies out, what travels on."""

from __future__ import annotations

import uuid
from pathlib import Path
from urllib.parse import quote

import pytest
from selectolax.lexbor import LexborHTMLParser
from werkzeug.test import TestResponse

from runtime import seats
from tests.frontend.fakes import FakeShop, attribute, fake_shop, text

SECRET = "a secret of the class"
ANOTHER = {seats.COOKIE, "shop_session-seat", "shop_session-id", "_splunk_rum_sid"}
"""The cookies that change with a session."""


def cookies_of(answer: TestResponse) -> dict[str, str]:
    """The cookies that an answer sets, by name, as whole header values."""
    return {header.split("=", 1)[0]: header for header in answer.headers.getlist("Set-Cookie")}


def test_the_first_answer_begins_a_session(fake: FakeShop) -> None:
    cookie = cookies_of(fake.client.get("/"))["shop_session-id"]
    value = cookie.split("=", 1)[1].split(";")[0]
    assert uuid.UUID(value).version == 4
    assert "Max-Age=172800" in cookie
    assert "shop_session-id" not in cookies_of(fake.client.get("/"))


def test_a_session_id_that_is_none_is_replaced(fake: FakeShop) -> None:
    fake.client.set_cookie("shop_session-id", "'; drop table carts")
    assert "shop_session-id" in cookies_of(fake.client.get("/cart"))
    for request in fake.world.requests:
        if hasattr(request, "user_id"):
            assert uuid.UUID(request.user_id)


def test_a_currency_is_set_and_leads_back(fake: FakeShop) -> None:
    answer = fake.client.post(
        "/setCurrency",
        data={"currency_code": "JPY"},
        headers={"Referer": "http://localhost/product/OLJCESPC7Z"},
    )
    assert (answer.status_code, answer.headers["Location"]) == (302, "/product/OLJCESPC7Z")
    assert "Max-Age=172800" in cookies_of(answer)["shop_currency"]
    assert text(fake.get("/product/OLJCESPC7Z"), ".price.big") == "JPY 135"


@pytest.mark.parametrize(
    "before",
    ["http://evil.example/phish", "//evil.example", "http://localhost//evil.example", "nonsense", ""],
)
def test_setting_a_currency_never_leads_elsewhere(fake: FakeShop, before: str) -> None:
    answer = fake.client.post("/setCurrency", data={"currency_code": "EUR"}, headers={"Referer": before})
    assert answer.headers["Location"] == "/"


def test_after_a_failed_order_a_currency_leads_to_the_cart(fake: FakeShop) -> None:
    answer = fake.client.post(
        "/setCurrency", data={"currency_code": "EUR"}, headers={"Referer": "http://localhost/cart/checkout"}
    )
    assert answer.headers["Location"] == "/cart"


@pytest.mark.parametrize(("code", "status"), [("", 400), ("XXX", 422), ("usd", 422), ("BGN", 422)])
def test_a_currency_that_is_not_offered_is_refused(fake: FakeShop, code: str, status: int) -> None:
    answer = fake.client.post("/setCurrency", data={"currency_code": code})
    assert answer.status_code == status
    assert "Set-Cookie" not in answer.headers or "shop_currency" not in cookies_of(answer)


def test_a_forged_currency_cookie_means_dollars(fake: FakeShop) -> None:
    fake.client.set_cookie("shop_currency", "<script>")
    assert text(fake.get("/product/OLJCESPC7Z"), ".price.big") == "USD 67.99"


def test_in_open_mode_a_visit_with_a_name_takes_the_seat(fake: FakeShop) -> None:
    page = fake.get("/?seat=anna")
    assert text(page, ".seat summary") == "Seat anna"
    fake.get("/")
    assert {shopper.seat for shopper in fake.world.baggage} == {"anna"}


@pytest.mark.parametrize("name", ["Anna Müller", "山田", "o'neil", "नीति", "a.b_c-d", "x" * 40])
def test_any_name_survives_the_cookie(fake: FakeShop, name: str) -> None:
    fake.client.get(f"/?seat={quote(name)}")
    fake.world.baggage.clear()
    assert attribute(fake.get("/"), "#seat", "value") == name
    assert fake.world.baggage[0].seat == name


def test_a_name_is_trimmed(fake: FakeShop) -> None:
    fake.get(f"/?seat={quote('  Anna   Maria ')}")
    assert fake.world.baggage[0].seat == "Anna Maria"


@pytest.mark.parametrize("text", ["<>;", "o'neil; path=/", 'a"b', "a,b c\\d", "50%", "a/b", "a\nb", "x" * 41])
def test_what_is_no_name_is_refused_kindly(fake: FakeShop, text: str) -> None:
    answer = fake.client.get(f"/?seat={quote(text)}")
    assert answer.status_code == 400
    assert "Begin with a letter or digit" in answer.text
    assert seats.COOKIE not in cookies_of(answer)


def test_an_empty_name_gives_the_seat_up(fake: FakeShop) -> None:
    fake.get("/?seat=anna")
    fake.get("/?seat=")
    assert text(fake.get("/"), ".seat summary") == "Choose a seat"


def test_another_seat_begins_another_session(fake: FakeShop) -> None:
    """In the shop and in the browser's telemetry: opening a neighbour's link must not move the past."""

    def change(query: str) -> dict[str, str]:
        fake.client.set_cookie("_splunk_rum_sid", "x")
        before = fake.client.get_cookie("shop_session-id")
        answer = fake.client.get(f"/?{query}")
        page = LexborHTMLParser(answer.text)
        shown.append(text(page, ".seat summary"))
        after = fake.client.get_cookie("shop_session-id")
        assert (before == after) == ("shop_session-id" not in cookies_of(answer))
        return cookies_of(answer)

    shown: list[str] = []
    fake.client.get("/")
    assert set(change("seat=anna")) == {seats.COOKIE, "shop_session-seat"}, (
        "the first seat of a session joins it"
    )
    assert set(change("seat=anna")) == set()
    begun = change("seat=bert")
    assert set(begun) == ANOTHER
    assert "Max-Age=0" in begun["_splunk_rum_sid"]
    assert "Path=/" in begun["_splunk_rum_sid"], "where the agent puts it"
    assert set(change("seat=%3C%3E")) == set(), "what is no seat changes nothing"
    assert set(change("seat=")) == ANOTHER
    assert set(change("seat=cleo")) == {seats.COOKIE, "shop_session-seat"}
    assert [one for one in shown if one] == [
        "Seat anna",
        "Seat anna",
        "Seat bert",
        "Seat bert",
        "Choose a seat",
        "Seat cleo",
    ]


def test_a_seat_of_another_secret_was_a_seat_too(tmp_path: Path) -> None:
    classroom = fake_shop(tmp_path, SEAT_SECRET=SECRET)
    classroom.client.set_cookie(seats.COOKIE, "anna.of-another-class")
    answer = classroom.client.get(f"/?seat=bert&sig={seats.sign(SECRET, 'bert')}")
    assert set(cookies_of(answer)) == ANOTHER


def test_in_class_mode_only_a_signed_link_gives_a_seat(tmp_path: Path) -> None:
    classroom = fake_shop(tmp_path, SEAT_SECRET=SECRET)
    for query in ("seat=anna", "seat=anna&sig=", f"seat=bert&sig={seats.sign(SECRET, 'anna')}", "seat="):
        answer = classroom.client.get(f"/?{query}")
        assert answer.status_code == 403, query
        assert "link your instructor gave you" in answer.text
        assert seats.COOKIE not in cookies_of(answer)
    answer = classroom.client.get(f"/cart?seat=anna&sig={seats.sign(SECRET, 'anna')}")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/cart")
    classroom.world.baggage.clear()
    page = classroom.get("/")
    assert text(page, ".seat-fixed") == "Seat anna"
    assert not page.css("#seat")
    assert classroom.world.baggage[0].seat == "anna"


def test_in_class_mode_a_forged_cookie_gives_no_seat(tmp_path: Path) -> None:
    classroom = fake_shop(tmp_path, SEAT_SECRET=SECRET)
    for cookie in ("anna", "anna.", f"bert.{seats.sign(SECRET, 'anna')}", "anna.ü", "anna:"):
        classroom.client.set_cookie(seats.COOKIE, cookie)
        assert "No seat" in text(classroom.get("/"), ".seat-fixed"), cookie


def test_logging_out_forgets_everything(fake: FakeShop) -> None:
    fake.get("/?seat=anna")
    fake.client.set_cookie("_splunk_rum_sid", "x")
    answer = fake.client.get("/logout")
    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
    cookies = cookies_of(answer)
    assert set(cookies) >= {"shop_session-id", seats.COOKIE, "_splunk_rum_sid"}
    assert all("Max-Age=0" in cookie for cookie in cookies.values())
    assert text(fake.get("/"), ".seat summary") == "Choose a seat"


def test_the_tenant_level_stays_for_the_session_and_varies_between_sessions(fake: FakeShop) -> None:
    for _ in range(3):
        fake.get("/cart")
    assert len({shopper.tenant_level for shopper in fake.world.baggage}) == 1
    fake.world.baggage.clear()
    for number in range(40):
        fake.client.set_cookie("shop_session-id", str(uuid.UUID(int=number)))
        fake.get("/cart")
    assert {shopper.tenant_level for shopper in fake.world.baggage} == {"gold", "silver", "bronze"}


def test_baggage_from_outside_is_dropped(fake: FakeShop) -> None:
    forged = {"baggage": "workshop.seat=mallory,tenant.level=gold,user_agent.synthetic.type=test,other=1"}
    page = LexborHTMLParser(fake.client.get("/", headers=forged).text)
    assert {shopper.seat for shopper in fake.world.baggage} == {""}
    assert not any(shopper.synthetic for shopper in fake.world.baggage)
    assert "mallory" not in page.html  # type: ignore[operator]
    for span in fake.spans.get_finished_spans():
        assert "enduser.id" not in span.attributes  # type: ignore[operator]


def test_only_a_declared_client_is_synthetic(fake: FakeShop) -> None:
    fake.get("/", headers={"User-Agent": "HeadlessChrome Locust", "X-Synthetic": " "})
    assert not any(shopper.synthetic for shopper in fake.world.baggage)
    fake.world.baggage.clear()
    fake.get("/", headers={"X-Synthetic": "locust"})
    assert all(shopper.synthetic for shopper in fake.world.baggage)


def test_a_seat_that_was_changed_in_the_screens_begins_another_session_too(fake: FakeShop) -> None:
    """The screens set the cookie of the seat; the shop notes whose its session is."""
    fake.client.get("/")
    first = fake.client.get_cookie("shop_session-id")
    fake.client.set_cookie(seats.COOKIE, seats.cookie_value("anna"))
    assert set(cookies_of(fake.client.get("/"))) == {"shop_session-seat"}, "the first seat joins the session"
    assert cookies_of(fake.client.get("/cart")) == {}
    assert fake.client.get_cookie("shop_session-id") == first
    fake.client.set_cookie(seats.COOKIE, seats.cookie_value("bert"))
    answer = fake.client.get("/")
    assert set(cookies_of(answer)) == ANOTHER - {seats.COOKIE}
    assert "Max-Age=0" in cookies_of(answer)["_splunk_rum_sid"]
    assert cookies_of(fake.client.get("/cart")) == {}
    fake.client.delete_cookie(seats.COOKIE)
    assert set(cookies_of(fake.client.get("/"))) == ANOTHER - {seats.COOKIE}
    assert cookies_of(fake.client.get("/")) == {}
