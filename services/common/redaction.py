"""Belt and braces against card data in logs: nothing passes a log that looks like a card.

The shop never logs card numbers or CVVs on purpose; this catches the accident.
"""

from __future__ import annotations

import re
from typing import Any

REDACTED = "[redacted]"
_NAMES = re.compile(r"card_?number$|cardnumber$|cvv|cvc|security_?code|^pan$", re.IGNORECASE)
# Thirteen to nineteen digits, possibly in groups, standing alone: not a part of a hex id or a UUID.
_DIGITS = re.compile(r"(?<![0-9A-Za-z-])\d(?:[ -]?\d){12,18}(?![0-9A-Za-z-])")


def luhn_valid(digits: str) -> bool:
    """Whether a string of decimal digits has the check digit of a card number."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit)
        if position % 2:
            value = value * 2 - 9 if value > 4 else value * 2
        total += value
    return total % 10 == 0


def _masked(match: re.Match[str]) -> str:
    digits = match.group().replace(" ", "").replace("-", "")
    return REDACTED if luhn_valid(digits) else match.group()


def redact(name: str, value: Any) -> Any:
    """`value`, or a mask where its name or its text says that it is card data."""
    if _NAMES.search(name):
        return REDACTED
    if isinstance(value, str) and len(value) > 12:
        return _DIGITS.sub(_masked, value)
    return value
