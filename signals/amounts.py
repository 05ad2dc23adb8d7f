"""The amount of money that a span's attributes name, by the words of their names. Pure.

OpenTelemetry has no convention for money. An amount is a number, or a text of a number and a currency,
under a name with the word `amount` or `revenue`; it counts only where a currency stands beside it.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final, NamedTuple

from signals.attributes import text_of
from signals.model import Attribute, Attributes

WORDS: Final = ("amount", "revenue")
"""One of them is in the name of every amount."""
_PARTS_OF_ORDERS: Final = frozenset(
    {"shipping", "tax", "discount", "refund", "fee", "tip", "items", "item", "count", "quantity", "minor"}
)
"""Amounts under such names are a part of what was asked for, not money, or in a unit that is not said."""
_WHOLE_ORDERS: Final = frozenset({"order", "payment", "total", "charge", "transaction", "revenue"})
_SEPARATORS: Final = re.compile(r"[^A-Za-z0-9]+|(?<=[a-z0-9])(?=[A-Z])")
_NUMBER: Final = re.compile(r"[0-9]{1,15}(\.[0-9]{1,9})?")
_MONEY: Final = re.compile(
    r"([A-Z]{3}) ?([0-9]{1,15}(?:\.[0-9]{1,9})?)|([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Z]{3})"
)
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_NANOS: Final = Decimal(10**9)


class Amount(NamedTuple):
    """A sum of money."""

    value: Decimal
    currency: str
    """Three capital letters."""


def amount_of(attributes: Attributes) -> Amount | None:
    """The amount that these attributes name, that of a whole order before any other; None without one."""
    named = [(name, words) for name in attributes if (words := _words(name)) and _is_amount(words)]
    named.sort(key=lambda one: (_WHOLE_ORDERS.isdisjoint(one[1]), len(one[0]), one[0]))
    for name, words in named:
        found = _read(name, words, attributes)
        if found is not None:
            return found
    return None


def _words(name: str) -> list[str]:
    lowered = name.lower()
    if not any(word in lowered for word in WORDS):
        return []
    return [word.lower() for word in _SEPARATORS.split(name) if word]


def _is_amount(words: list[str]) -> bool:
    if not _PARTS_OF_ORDERS.isdisjoint(words) or "currency" in words or words[-1] == "nanos":
        return False
    return any(word in WORDS for word in words)


def _read(name: str, words: list[str], attributes: Attributes) -> Amount | None:
    value = attributes[name]
    if isinstance(value, str) and (found := _MONEY.fullmatch(value.strip())):
        before, first, second, after = found.groups()
        return Amount(Decimal(first or second), before or after)
    number = _number(value)
    if number is None:
        return None
    if words[-1] == "cents":
        number /= 100
    if words[-1] == "units":
        nanos = _number(attributes.get(f"{name[: -len('units')]}nanos"))
        number += (nanos or Decimal(0)) / _NANOS
    currency = _currency(name, attributes)
    return Amount(number, currency) if currency else None


def _number(value: Attribute) -> Decimal | None:
    """The number, 0 or more, that a value is or spells; exactly as it is written."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    text = text_of(value).strip()
    if not _NUMBER.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:  # a digit of another script
        return None


def _currency(name: str, attributes: Attributes) -> str:
    """The currency that stands beside an amount: the one whose name has the most in common with its own."""
    best, most = "", -1
    for other in attributes:
        if "currency" not in other.lower():
            continue
        code = text_of(attributes[other]).strip().upper()
        common = _common(name, other)
        if _CURRENCY.fullmatch(code) and common > most:
            best, most = code, common
    return best


def _common(one: str, other: str) -> int:
    length = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        length += 1
    return length
