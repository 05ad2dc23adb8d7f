"""Seats: what a seat's name may be, the link that gives a student one, and the cookie that keeps it.

The only implementation: the shop, the screens and the command line all use it, so a name that one
accepts holds in the others. In class mode link and cookie carry a signature, the first 32
hexadecimal digits of HMAC-SHA256 over `seat:NAME`: `?seat=NAME&sig=…`, and `NAME.SIGNATURE` in the
cookie. Browsers send a cookie to every port of a host: the shop and the screens share this one.

A seat that is freed begins a new *generation*: from then on `seat:NAME:GENERATION` is signed, so that
the links and cookies given out before are void. The first generation is 0 and is not written.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Callable
from urllib.parse import quote, unquote, urlencode

COOKIE = "workshop_seat"
COOKIE_MAX_AGE_S = 30 * 24 * 60 * 60
"""A month: links are given out days before a class, and a course may take weeks."""
LONGEST = 40
RULE = "Begin with a letter or digit; letters, digits, blanks and - _ . ' may follow, 40 characters in all."
# Characters that mean something in an address, a page, a shell or a cookie are left out on purpose.
_PUNCTUATION = "-_.'"
# Letters and marks that draw nothing: with one of them, two names that look alike would be two seats.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0")
_VARIATION_SELECTORS = ("\ufe00", "\ufe0f")
# What a phone's keyboard types for an apostrophe; a student would not know that it is another character.
_APOSTROPHES = str.maketrans("\u2019\u02bc", "''")
# Many scripts write their vowels with these.
_MARKS = ("Mn", "Mc")
_SIGNATURE_DIGITS = 32
_MOST_EARLIER = 100
"""Generations of before that a void signature is compared with: each costs a hash."""
GenerationOf = Callable[[str], int | None]
"""The generation of a seat's name; None where it is not known, and then no signature holds."""
_BEFORE_SIGNATURE = "."
_OF_THE_PROOF = "lab-probe"
_OF_VERIFICATION = "verify-"


class NotASeatName(ValueError):
    """A text that cannot be a seat's name; `str()` is one sentence for people, `RULE` is the remedy."""

    def __init__(self, text: str) -> None:
        shown = text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
        super().__init__(f"{ascii(shown) if not shown.isprintable() else repr(shown)} is not a seat name.")


def name_of(text: str) -> str:
    """The seat's name that a text stands for: NFC, edges trimmed, single blanks.

    Raises NotASeatName when it is empty, longer than 40 characters, does not begin with a letter
    or digit, or holds anything but letters, digits, blanks and `-_.'`.
    """
    # Composing joins a handful of characters into one: what is longer than this is too long anyway.
    if len(text) > 8 * LONGEST:
        raise NotASeatName(text)
    composed = unicodedata.normalize("NFC", text.strip().translate(_APOSTROPHES))
    name = " ".join(part for part in _blanks_alike(composed).split(" ") if part)
    if not 0 < len(name) <= LONGEST or not _is_letter_or_digit(name[0]):
        raise NotASeatName(text)
    if not all(_may_stand_inside(character) for character in name):
        raise NotASeatName(text)
    return name


def name_or_empty(text: str) -> str:
    """`name_of`, or the empty text where there is no name in it."""
    try:
        return name_of(text)
    except NotASeatName:
        return ""


def first_generation(_name: str) -> int:
    """The generation of every seat where none can be freed."""
    return 0


def sign(secret: str, name: str, generation: int = 0) -> str:
    """The signature of a seat's link, 32 hexadecimal digits. Raises NotASeatName."""
    # No name holds a colon.
    message = f"seat:{name_of(name)}{f':{generation}' if generation else ''}".encode()
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()[:_SIGNATURE_DIGITS]


def verify(secret: str, name: str, signature: str, generation: int | None = 0) -> bool:
    """Whether `signature` is the one of `name`; takes the same time whichever digit differs."""
    if generation is None:
        return False
    try:
        expected = sign(secret, name, generation)
    except NotASeatName:
        return False
    given = signature.strip().lower().encode("utf-8", "replace")
    return hmac.compare_digest(expected.encode(), given)


def was_valid(secret: str, name: str, signature: str, generation: int | None) -> bool:
    """Whether `signature` was the one of `name` before the seat was freed."""
    earlier = range(max(0, (generation or 0) - _MOST_EARLIER), generation or 0)
    return any(verify(secret, name, signature, each) for each in earlier)


def link(base: str, name: str, secret: str = "", path: str = "/", generation: int = 0) -> str:
    """The address at which the shop or the screens give this seat, signed unless the secret is empty.

    `base` is their address without a slash at its end. Raises NotASeatName.
    """
    arguments = {"seat": name_of(name)}
    if secret:
        arguments["sig"] = sign(secret, name, generation)
    return f"{base}{path}?{urlencode(arguments)}"


def cookie_value(name: str, secret: str = "", generation: int = 0) -> str:
    """The value of the cookie that keeps this seat, signed unless the secret is empty.

    Raises NotASeatName.
    """
    # A dot of the name is encoded too, so that the only bare one stands before the signature.
    encoded = quote(name_of(name), safe="").replace(_BEFORE_SIGNATURE, "%2E")
    return f"{encoded}{_BEFORE_SIGNATURE}{sign(secret, name, generation)}" if secret else encoded


def seat_of_cookie(value: str, secret: str = "", generation_of: GenerationOf = first_generation) -> str:
    """The seat that a cookie keeps; empty where it keeps none or its signature is not ours.

    Without a secret a signature is not looked at: then every name is free.
    """
    name, signature = _parts_of_cookie(value)
    if name and secret and not verify(secret, name, signature, generation_of(name)):
        return ""
    return name


def freed_seat_of_cookie(value: str, secret: str, generation_of: GenerationOf) -> str:
    """The seat that a cookie kept until the seat was freed; empty where it is valid, or never was."""
    name, signature = _parts_of_cookie(value)
    return name if name and was_valid(secret, name, signature, generation_of(name)) else ""


def _parts_of_cookie(value: str) -> tuple[str, str]:
    encoded, _, signature = value.partition(_BEFORE_SIGNATURE)
    text = unquote(encoded)
    name = name_or_empty(text)
    # Only what `cookie_value` writes: a seat has one spelling.
    return (name, signature) if name == text else ("", "")


def is_of_the_lab(name: str) -> bool:
    """Whether the lab itself shops under this seat: its proofs, which are no student."""
    return name == _OF_THE_PROOF or name.startswith(_OF_VERIFICATION)


def _blanks_alike(text: str) -> str:
    """Every kind of blank (a no-break space, say) as a plain one; tabs and line feeds are not blanks."""
    return "".join(" " if unicodedata.category(character) == "Zs" else character for character in text)


def _is_letter_or_digit(character: str) -> bool:
    category = unicodedata.category(character)
    return (category[0] == "L" or category == "Nd") and character not in _INVISIBLE


def _may_stand_inside(character: str) -> bool:
    return (
        _is_letter_or_digit(character)
        or character == " "
        or character in _PUNCTUATION
        or (unicodedata.category(character) in _MARKS and not _is_invisible_mark(character))
    )


def _is_invisible_mark(character: str) -> bool:
    first, last = _VARIATION_SELECTORS
    return character in _INVISIBLE or first <= character <= last or character >= "\U000e0100"
