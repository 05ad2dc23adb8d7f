"""Parts of a question that every engine reads alike: limits, cursors, ids, words, and the order of names."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from signals.folding import fold
from store.api import BadQuery

_MAX_CHARACTERS = 1_000
_MAX_WORDS = 20
_WORDS = re.compile(r'"([^"]+)(?:"|$)|(\S+)')
_HEX = re.compile(r"[0-9a-f]+")


def trace_bytes(trace_id: str) -> bytes:
    """A trace id as stored; raise BadQuery for anything else."""
    return _hex(trace_id, 32, "trace id")


def span_bytes(span_id: str) -> bytes:
    """A span id as stored; raise BadQuery for anything else."""
    return _hex(span_id, 16, "span id")


def _hex(text: str, digits: int, what: str) -> bytes:
    try:
        if not 0 < len(text) <= digits:
            raise ValueError(what)
        return bytes.fromhex(text.rjust(digits, "0"))
    except ValueError:
        raise BadQuery(f"{text[:80]!r} is not a {what}: give up to {digits} hexadecimal digits.") from None


def limited(limit: int) -> int:
    """The limit; raise BadQuery beyond 1 to 1,000."""
    if not 1 <= limit <= 1000:
        raise BadQuery(f"limit is {limit}: give 1 to 1000.")
    return limit


def make_cursor(*parts: int | str) -> str:
    """An opaque cursor of these parts: the kind of list, then numbers."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def read_cursor(cursor: str | None, kind: str) -> Sequence[Any] | None:
    """The two numbers of a cursor of this kind, None without a cursor; raise BadQuery for any other."""
    if cursor is None:
        return None
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        parts = None
    known = isinstance(parts, list) and len(parts) == 3 and parts[0] == kind
    if not known or not all(type(part) is int for part in parts[1:]):
        raise BadQuery(
            "cursor does not belong to this list: hand back `next_cursor` as it came, with the same sort."
        )
    return parts[1:]  # type: ignore[no-any-return]  # a list of two integers


def words_of(text: str) -> Sequence[str]:
    """The words and "quoted phrases" of a text search; raise BadQuery if there are too many.

    A quote opens a phrase only at the beginning of a word, so that `key="value"` is one word.
    """
    if len(text) > _MAX_CHARACTERS:
        raise BadQuery(
            f"The text to look for has {len(text):,} characters: give at most {_MAX_CHARACTERS:,}."
        )
    found = [phrase or word for phrase, word in _WORDS.findall(text) if phrase or word.strip('"')]
    if len(found) > _MAX_WORDS:
        raise BadQuery(f"The text to look for has {len(found)} words: give at most {_MAX_WORDS}.")
    return found or [text]


def in_order(names: Iterable[str], part: str) -> list[str]:
    """Equal ones first, then those that begin with the part, then by name."""
    sought = fold(part)

    def rank(name: str) -> tuple[bool, bool, bool, str]:
        folded = fold(name)
        return name != part, folded != sought, not folded.startswith(sought), folded

    return sorted(names, key=rank)


def check_digits(digits: str, most: int) -> None:
    """Raises BadQuery for what is no part of an id."""
    if len(digits) > most or not _HEX.fullmatch(digits):
        raise BadQuery(f"{digits[:80]!r} is no part of an id: give 1 to {most} hexadecimal digits.")
