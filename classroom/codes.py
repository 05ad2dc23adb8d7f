"""Codes that people read from a wall and type on a phone."""

from __future__ import annotations

import secrets

# Without 0 and O, 1, I and L, which look alike, and without vowels, so that no code is a word.
_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXZ"
JOIN_LENGTH = 4
"""27^4 codes: attempts are rate-limited, and a code gives a free seat only."""
SEAT_LENGTH = 6
PASSCODE_LENGTH = 10


def new_code(length: int) -> str:
    """A random code of this many characters."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def normalized_code(text: str) -> str:
    """A code as it was typed, without blanks and hyphens, in capital letters."""
    return "".join(character for character in text[:40].upper() if character.isalnum())
