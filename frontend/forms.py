"""Reads and validates forms, with user-facing validation messages.

Whether a card may be charged is paymentservice's decision; here a field is only
refused when it cannot be sent at all. Card number and CVV leave this module
inside the request to checkoutservice and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from frontend.countries import is_abroad
from frontend.problems import TO_CART, Action, OrderProblem, bad_request
from protos import hipstershop_pb2 as pb

QUANTITIES = (1, 2, 3, 4, 5, 10)
MAX_QUANTITY = 1000
MONTHS = (
    (1, "January"),
    (2, "February"),
    (3, "March"),
    (4, "April"),
    (5, "May"),
    (6, "June"),
    (7, "July"),
    (8, "August"),
    (9, "September"),
    (10, "October"),
    (11, "November"),
    (12, "December"),
)
LABELS = {
    "email": "E-mail address",
    "street_address": "Street address",
    "zip_code": "Zip or postal code",
    "city": "City",
    "state": "State or region",
    "country": "Country",
    "credit_card_number": "Card number",
    "credit_card_expiration_month": "Month",
    "credit_card_expiration_year": "Year",
    "credit_card_cvv": "CVV",
}
_ADDRESS_FIELDS = {
    "street_address": "Where should it be sent?",
    "city": "Which city?",
    "state": "Which state? For another country than the United States it may be left empty.",
    "country": "Which country?",
}
_MAX_POSTAL_CODE_LENGTH = 32
# RFC 5321, and what emailservice takes.
_MAX_EMAIL_LENGTH = 254
_LARGEST_ZIP_CODE = 2**31 - 1
_EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
_MAX_LENGTH = 256
_SECRET_FIELDS = ("credit_card_number", "credit_card_cvv")
_KEPT_FIELDS = (
    "email",
    *_ADDRESS_FIELDS,
    "zip_code",
    "credit_card_expiration_month",
    "credit_card_expiration_year",
)


@dataclass(frozen=True, slots=True)
class CheckoutForm:
    """The checkout form as a page shows it: values by field (except for the card's), problems by field."""

    values: Mapping[str, str]
    card_number: str = ""
    card_cvv: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)
    summary: str = ""


def fresh_form(today: date) -> CheckoutForm:
    """The form filled in with the original shop's fictional customer."""
    return CheckoutForm(
        values={
            "email": "someone@example.com",
            "street_address": "270 Brannan St",
            "zip_code": "94107",
            "city": "San Francisco",
            "state": "CA",
            "country": "United States",
            "credit_card_expiration_month": "1",
            "credit_card_expiration_year": str(today.year + 1),
        },
        card_number="4432-8015-6152-0454",
        card_cvv="672",
    )


def returned_form(sent: Mapping[str, str], problem: OrderProblem) -> CheckoutForm:
    """The form as it was sent, with its problems; the card has to be entered again."""
    return CheckoutForm(
        values={name: sent.get(name, "") for name in _KEPT_FIELDS},
        problems=problem.fields,
        summary=problem.summary,
    )


def years(today: date) -> range:
    """The years of expiry that the form offers."""
    return range(today.year, today.year + 20)


def order_request(sent: Mapping[str, str], user_id: str, currency: str) -> pb.PlaceOrderRequest:
    """The order of a sent form.

    Raises:
        OrderProblem: a field cannot be sent; there is a sentence for each such field.
    """
    given = {name: sent.get(name, "").strip() for name in (*_KEPT_FIELDS, *_SECRET_FIELDS)}
    problems = _address_problems(given)
    if not _EMAIL.fullmatch(given["email"]):
        problems["email"] = "This does not look like an e-mail address, such as someone@example.com."
    elif len(given["email"]) > _MAX_EMAIL_LENGTH:
        problems["email"] = _too_long(given["email"], _MAX_EMAIL_LENGTH)
    month = _whole(given["credit_card_expiration_month"], 1, 12)
    if month is None:
        problems["credit_card_expiration_month"] = "A month from 1 to 12."
    year = _whole(given["credit_card_expiration_year"], 1, 9999)
    if year is None:
        problems["credit_card_expiration_year"] = "A year, such as 2030."
    cvv = _whole(given["credit_card_cvv"], 0, 9999)
    if cvv is None:
        problems["credit_card_cvv"] = "Three or four digits."
    number = given["credit_card_number"]
    if not number or len(number) > 32:
        problems["credit_card_number"] = "Please enter the number on the card."
    if problems:
        raise OrderProblem("Some fields need another look. Nothing was ordered yet.", problems)
    return pb.PlaceOrderRequest(
        user_id=user_id,
        user_currency=currency,
        email=given["email"],
        address=pb.Address(
            zip_code=_whole(given["zip_code"], 0, _LARGEST_ZIP_CODE) or 0,
            postal_code=given["zip_code"],
            **{name: given[name] for name in _ADDRESS_FIELDS},
        ),
        credit_card=pb.CreditCardInfo(
            credit_card_number=number,
            credit_card_cvv=cvv,
            credit_card_expiration_month=month,
            credit_card_expiration_year=year,
        ),
    )


def _address_problems(given: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with an address, by field.

    State and zip code are those of the United States unless another country is named.
    """
    problems = {}
    abroad = is_abroad(given["country"])
    for name, question in _ADDRESS_FIELDS.items():
        if not given[name] and not (abroad and name == "state"):
            problems[name] = question
        elif len(given[name]) > _MAX_LENGTH:
            problems[name] = _too_long(given[name], _MAX_LENGTH)
    postal_code = given["zip_code"]
    if not abroad and _whole(postal_code, 0, _LARGEST_ZIP_CODE) is None:
        problems["zip_code"] = (
            "In the United States a zip code is made of digits, such as 94107. "
            "For an address elsewhere, please write the name of its country."
        )
    elif len(postal_code) > _MAX_POSTAL_CODE_LENGTH:
        problems["zip_code"] = _too_long(postal_code, _MAX_POSTAL_CODE_LENGTH)
    return problems


def _too_long(text: str, most: int) -> str:
    return f"Please keep it to {most} characters; this has {len(text)}."


def added_item(sent: Mapping[str, str]) -> pb.CartItem:
    """The product and quantity of an add-to-cart form.

    Raises:
        PageError: 400; no product, or no quantity from 1 to 1000.
    """
    product_id = sent.get("product_id", "").strip()
    if not product_id or len(product_id) > _MAX_LENGTH:
        raise bad_request("Which product?", "The form names no product to add to the cart.")
    quantity = _whole(sent.get("quantity", "").strip(), 1, MAX_QUANTITY)
    if quantity is None:
        raise bad_request(
            "How many?",
            f"The quantity must be a whole number from 1 to {MAX_QUANTITY}.",
            Action("Browse the shop", "/"),
            TO_CART,
        )
    return pb.CartItem(product_id=product_id, quantity=quantity)


def _whole(text: str, least: int, most: int) -> int | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 10):
        return None
    number = int(text)
    return number if least <= number <= most else None
