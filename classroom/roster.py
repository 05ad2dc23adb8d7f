"""Names of people into seats: a roster file, numbered seats, slugs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

from runtime import seats

MOST_SEATS = 300
_LONGEST_NAME = 80
_LONGEST_FILE = MOST_SEATS * 20
_NUMBERED = re.compile(r"Seat [0-9]{2,3}")


class RosterError(ValueError):
    """A roster that cannot be used; `str()` is one sentence, `remedy` says what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


def numbered_names(count: int) -> tuple[str, ...]:
    """`Seat 01`, `Seat 02` and so on. Raises RosterError for a number below 1 or above MOST_SEATS."""
    if not 1 <= count <= MOST_SEATS:
        raise RosterError(
            f"A class of {count} seats is not possible.", f"Use a number from 1 to {MOST_SEATS}."
        )
    return tuple(f"Seat {number:02}" for number in range(1, count + 1))


def is_numbered(name: str) -> bool:
    """Whether a seat has a number in place of a person's name, as those of `numbered_names`."""
    return _NUMBERED.fullmatch(name) is not None


def late_name(typed: str) -> str:
    """The name that a late-comer typed for a seat of their own. Raises RosterError for what is no name."""
    name = unicodedata.normalize("NFC", " ".join(typed.split()))
    if not name:
        raise RosterError("Nobody was named.", "Type your name.")
    if len(name) > _LONGEST_NAME or not name.isprintable() or name.startswith("#"):
        raise RosterError(
            "This is not a person's name.", f"Type yours, with at most {_LONGEST_NAME} printable characters."
        )
    if re.match(r"seat[\W_]*[0-9]*$", name, re.IGNORECASE):
        raise RosterError("A seat's number is not a person's name.", "Type your own name.")
    return name


def alike(name: str) -> frozenset[str]:
    """What two spellings of one person's name have in common: two names are alike where these meet."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    letters = "".join(character for character in folded if character.isalnum())
    return frozenset(filter(None, (" ".join(folded.split()), letters, _slug(name))))


def names_in(text: str) -> tuple[str, ...]:
    """The people of a roster file: one name per line; blank lines and lines that begin with # are skipped.

    Raises RosterError for an empty roster, too many names, or a name that is too long or not printable.
    """
    names: list[str] = []
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines()[:_LONGEST_FILE], 1):
        name = unicodedata.normalize("NFC", " ".join(line.split()))
        if not name or name.startswith("#"):
            continue
        if len(name) > _LONGEST_NAME or not name.isprintable():
            raise RosterError(
                f"Line {number} of the roster is not a person's name.",
                f"Write one name per line, with at most {_LONGEST_NAME} printable characters.",
            )
        names.append(name)
    if not names:
        raise RosterError("The roster holds no name.", "Write one name per line.")
    if len(names) > MOST_SEATS:
        raise RosterError(f"The roster holds {len(names)} names.", f"A class has at most {MOST_SEATS} seats.")
    return tuple(names)


def slugs_of(names: Iterable[str], taken: Collection[str] = ()) -> tuple[str, ...]:
    """A seat name for each person: lower case, hyphens for blanks, a number where two are alike.

    Letters of every script stay; what a seat name must not hold is left out. A name without any letter or
    digit becomes `seat-1`, `seat-2` and so on.
    """
    used = {slug.casefold() for slug in taken}
    found = []
    for name in names:
        slug = _unused(_slug(name), used)
        used.add(slug)
        found.append(slug)
    return tuple(found)


def _slug(name: str) -> str:
    folded = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).casefold())
    kept = "".join(character if _may_stay(character) else " " for character in folded)
    slug = "-".join(kept.split()).strip("-.'_")
    # Room for a number behind it.
    slug = seats.name_or_empty(slug[: seats.LONGEST - 4].rstrip("-.'_"))
    # A person who is called like a proof of the lab is a person.
    return f"seat-{slug}"[: seats.LONGEST - 4] if seats.is_of_the_lab(slug) else slug


def _may_stay(character: str) -> bool:
    return bool(seats.name_or_empty(f"a{character}a")) and character != "'"


def _unused(slug: str, used: Collection[str]) -> str:
    if slug and slug not in used:
        return slug
    base = slug or "seat"
    return next(f"{base}-{n}" for n in range(2 if slug else 1, MOST_SEATS + 3) if f"{base}-{n}" not in used)
