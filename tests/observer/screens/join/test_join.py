"""Joining by a code: a free seat, one's own seat again, and how wrong codes are slowed down."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from classroom import numbered_names
from runtime import seats
from tests.fixtures.html import attribute, one, text
from tests.observer.class_screens import SECRET, ClassScreens, S, cookies_of, page_of
from tests.observer.screens import Screens

SEATS = 5


@pytest.fixture(name="of_numbers")
def _of_numbers(in_class: ClassScreens) -> ClassScreens:
    """A class whose seats have numbers."""
    in_class.store.exchange_roster(numbered_names(SEATS))
    return in_class


def join(visitor: FlaskClient, code: str) -> TestResponse:
    """Send the form with this code."""
    return visitor.post("/join", data={"code": code})


def slug_of(answer: TestResponse) -> str:
    """The seat that an answer gives; empty for none."""
    cookie = cookies_of(answer).get(seats.COOKIE, "=")
    return seats.seat_of_cookie(cookie.partition("=")[2].partition(";")[0], SECRET)


def test_the_code_of_the_class_gives_the_free_seats_in_order(of_numbers: ClassScreens) -> None:
    """Each joiner another seat, marked as taken; when all are taken, the page says whom to ask."""
    code = of_numbers.store.facts().join_code
    of_numbers.store.take("seat-02", 1)
    given = []
    for _ in range(SEATS - 1):
        answer = join(of_numbers.visitor(), f" {code[:2].lower()}-{code[2:]} ")
        assert (answer.status_code, answer.headers["Location"]) == (303, "/workshop")
        given.append(slug_of(answer))
    assert given == [seat.slug for seat in of_numbers.store.seats() if seat.slug != "seat-02"]
    full = join(of_numbers.visitor(), code)
    assert "Ask your instructor" in text(one(page_of(full, 409), "[role=alert]"))
    assert "Set-Cookie" not in full.headers
    assert [action.action for action in of_numbers.store.actions()] == ["join"] * 4


def test_a_seats_own_code_gives_that_seat_back(in_class: ClassScreens) -> None:
    """On another device, as often as needed; the time of the first stays."""
    code = in_class.seat("eve").code
    assert slug_of(join(in_class.visitor(), code.lower())) == "eve"
    in_class.clock.now_ns += 60 * S
    assert slug_of(join(in_class.visitor(address="192.168.1.9"), code)) == "eve"
    assert in_class.seat("eve").taken_unix_nano == in_class.clock.now_ns - 60 * S


def test_the_page_of_a_seat_shows_its_code(in_class: ClassScreens) -> None:
    """Who joined late has no sheet: the code stands where the seat is shown, and there alone."""
    anna, bert = in_class.seat("anna"), in_class.seat("bert")
    page = in_class.visitor("anna").get("/workshop").text
    assert anna.code in page
    assert bert.code not in page
    assert in_class.store.facts().join_code not in re.findall(r"<code>(\w+)</code>", page)


def test_who_has_a_seat_is_led_to_it(in_class: ClassScreens) -> None:
    """A second code takes no second seat."""
    visitor = in_class.visitor("anna")
    for answer in (
        visitor.get("/join"),
        join(visitor, in_class.store.facts().join_code),
        join(visitor, "wrong"),
    ):
        assert (answer.status_code, answer.headers["Location"]) == (303, "/workshop")
        assert "Set-Cookie" not in answer.headers
    assert all(seat.taken_unix_nano is None for seat in in_class.store.seats())


@pytest.mark.parametrize("code", ["ZZZZ", "<script>alert(1)</script>", '"><b>', "x" * 5000, "Zoë", "٣٣٣٣"])
def test_a_wrong_code_is_named_and_kept_in_the_field(in_class: ClassScreens, code: str) -> None:
    """The field is marked and described; what was typed is text."""
    answer = join(in_class.visitor(), code)
    page = page_of(answer, 403)
    field = one(page, "#code")
    assert attribute(field, "value") == code[:40]
    assert attribute(field, "aria-describedby") == attribute(one(page, "[role=alert]"), "id")
    assert not page.css("main script, main b")
    assert "Set-Cookie" not in answer.headers


def test_no_code_is_asked_for_and_not_counted(of_numbers: ClassScreens) -> None:
    """An empty field is a slip."""
    visitor = of_numbers.visitor()
    assert {join(visitor, " - ").status_code for _ in range(30)} == {422}
    assert slug_of(join(visitor, of_numbers.store.facts().join_code))


def test_wrong_codes_have_to_wait(of_numbers: ClassScreens) -> None:
    """After twenty within a minute even the right one waits; the page says how long, and then it is taken."""
    visitor, code = of_numbers.visitor(), of_numbers.store.facts().join_code
    assert [join(visitor, "WRONG").status_code for _ in range(20)] == [403] * 20
    of_numbers.clock.now_ns += 20 * S
    for tried in ("WRONG", code):
        answer = join(visitor, tried)
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "40")
        assert "Wait 40 seconds" in text(page_of(answer, 429))
    assert slug_of(join(of_numbers.visitor(address="192.168.1.50"), code)) == "seat-01", "others do not wait"
    of_numbers.clock.now_ns += 40 * S
    assert slug_of(join(visitor, code)) == "seat-02"


def test_many_addresses_together_have_to_wait_too(of_numbers: ClassScreens) -> None:
    """Sixty within a minute in all; who sits at the machine is not shut out."""
    tried = [join(of_numbers.visitor(address=f"10.0.0.{n}"), "WRONG").status_code for n in range(1, 65)]
    assert tried == [403] * 60 + [429] * 4
    code = of_numbers.store.facts().join_code
    assert join(of_numbers.visitor(address="192.168.1.9"), code).status_code == 429
    assert slug_of(join(of_numbers.visitor(address="127.0.0.1"), code)) == "seat-01"


def test_an_address_may_carry_the_code(in_class: ClassScreens) -> None:
    """As the instructor's QR code does: the field is filled, and nothing happens before it is sent."""
    page = page_of(in_class.visitor().get("/join?code=AB%22%3E%3Cb%3E12"))
    assert attribute(one(page, "#code"), "value") == 'AB"><b>12'
    assert attribute(one(page, "main form"), "method") == "post"


def test_in_open_mode_every_name_is_free(screens: Screens) -> None:
    """The page says so and leads to the lesson; a code changes nothing."""
    client = screens.app.test_client()
    for answer in (client.get("/join"), join(client, "ABCD")):
        page = page_of(answer)
        assert "every name is free" in text(page)
        assert one(page, "main a.primary").attributes["href"] == "/workshop"
        assert "Set-Cookie" not in answer.headers
