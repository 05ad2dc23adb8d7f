"""Which attribute of a span is an amount of money."""

from __future__ import annotations

from decimal import Decimal

import pytest

from signals.amounts import amount_of
from signals.model import Attributes


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ({"app.order.amount": 12.5, "app.user.currency": "USD"}, "12.5 USD"),
        ({"app.payment.amount": "19.99", "app.payment.currency": "eur"}, "19.99 EUR"),
        ({"amount.units": 7, "amount.nanos": 250_000_000, "amount.currency_code": "CHF"}, "7.25 CHF"),
        ({"orderAmount": 3, "orderCurrency": "JPY", "currency": "USD"}, "3 JPY"),
        ({"revenue": 0.1, "currency": "GBP"}, "0.1 GBP"),
        ({"cart.amount": "USD 8.75"}, "8.75 USD"),
        ({"cart.amount": "8.75 USD"}, "8.75 USD"),
        ({"order.amount_cents": 1999, "order.currency": "USD"}, "19.99 USD"),
        (
            {"shipping.amount": 9, "order.tax.amount": 2, "order.amount": 50, "currency": "USD"},
            "50 USD",
        ),
        ({"line.amount": 5, "order.amount": 50, "currency": "USD"}, "50 USD"),
    ],
)
def test_an_amount_stands_under_its_name_beside_its_currency(attributes: Attributes, found: str) -> None:
    amount = amount_of(attributes)
    assert amount is not None
    assert f"{amount.value.normalize():f} {amount.currency}" == found


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"app.order.amount": 12.5},
        {"app.order.amount": 12.5, "currency": "dollars"},
        {"items.amount": 3, "currency": "USD"},
        {"shipping.amount": 3, "currency": "USD"},
        {"amount": True, "currency": "USD"},
        {"amount": -3, "currency": "USD"},
        {"amount": float("nan"), "currency": "USD"},
        {"amount": float("inf"), "currency": "USD"},
        {"amount": "9" * 400, "currency": "USD"},
        {"amount": "1e5", "currency": "USD"},
        {"amount": "\u0663", "currency": "USD"},
        {"amount": [1], "currency": "USD"},
        {"amount": None, "currency": "USD"},
        {"amount.minor": 1999, "currency": "USD"},
        {"amount.currency": "USD"},
        {"amount.nanos": 5, "amount.currency": "USD"},
        {"amountless": 3, "currency": "USD"},
    ],
)
def test_what_is_not_surely_money_is_none(attributes: Attributes) -> None:
    assert amount_of(attributes) is None


def test_money_stays_exact() -> None:
    amounts = [amount_of({"amount": 0.1, "currency": "USD"}) for _ in range(3)]
    assert sum((one.value for one in amounts if one), Decimal(0)) == Decimal("0.3")
