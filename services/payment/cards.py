"""The checks that paymentservice makes of a card before it calls the provider.

Three things can be wrong, each with a message of its own, none of which repeats
the number. Knows nothing of the provider.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from protos import hipstershop_pb2 as pb
from services.common.errors import InvalidRequest
from services.common.redaction import luhn_valid

INVALID_NUMBER = "Credit card info is invalid"
REFUSED_BRAND = "Sorry, we cannot process {brand} credit cards. Only VISA or MasterCard is accepted."
EXPIRED = "Your credit card (ending {ending}) expired on {month}/{year}"


@dataclass(frozen=True, slots=True)
class Card:
    """A card that may be charged: digits only, its brand (`visa` or `mastercard`)."""

    digits: str
    brand: str

    @property
    def ending(self) -> str:
        """The last four digits, all that may ever be shown."""
        return self.digits[-4:]


def _brand(digits: str) -> str:
    """The brand by number range and length; `unknown` for any other."""
    length = len(digits)
    if digits[0] == "4" and length in (13, 16, 19):
        return "visa"
    if length == 16 and (51 <= int(digits[:2]) <= 55 or 2221 <= int(digits[:4]) <= 2720):
        return "mastercard"
    if length == 15 and digits[:2] in ("34", "37"):
        return "amex"
    if length == 16 and (digits.startswith(("6011", "65")) or 644 <= int(digits[:3]) <= 649):
        return "discover"
    return "unknown"


def check(info: pb.CreditCardInfo, today: date) -> Card:
    """The card, if it may be charged today.

    Raises:
        InvalidRequest: the number is not valid, the brand is not accepted, or the card has expired.
    """
    digits = info.credit_card_number.replace("-", "").replace(" ", "")
    if not (digits.isascii() and digits.isdigit() and 12 <= len(digits) <= 19 and luhn_valid(digits)):
        raise InvalidRequest(INVALID_NUMBER)
    month, year = info.credit_card_expiration_month, info.credit_card_expiration_year
    if not 1 <= month <= 12 or not 0 <= info.credit_card_cvv <= 9999:
        raise InvalidRequest(INVALID_NUMBER)
    brand = _brand(digits)
    if brand not in ("visa", "mastercard"):
        raise InvalidRequest(REFUSED_BRAND.format(brand=brand))
    if (year, month) < (today.year, today.month):
        raise InvalidRequest(EXPIRED.format(ending=digits[-4:], month=month, year=year))
    return Card(digits, brand)
