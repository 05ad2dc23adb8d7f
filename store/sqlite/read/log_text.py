"""Which logs hold all words of a search: their parts by the index of trigrams, in a part by its texts."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Final, NamedTuple

from signals.folding import fold
from store.sqlite.read.log_blocks import Block
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.shared import BoundedCache

_GRAMS: Final = 24
"""Trigrams in one query of the text index; more make it slower without excluding much."""

_INDEXED_BYTES: Final = 512 * 1024
"""Of 40 queries, if there are a thousand parts."""


class _KnownParts(dict[str, "frozenset[int]"]):
    """By query of the text index: what it found in one snapshot."""


class _Indexed(NamedTuple):
    """What a query of the text index found among the parts up to a number."""

    upto: int
    parts: array[int]


class _KnownIndexed(BoundedCache[str, _Indexed]):
    """By query of the text index: parts never change, and new ones have higher numbers."""

    def __init__(self) -> None:
        super().__init__(_INDEXED_BYTES, lambda found: 800 + found.parts.itemsize * len(found.parts))


def parts_with(db: ReadSession, words: Sequence[str]) -> frozenset[int] | None:
    """The parts that may have a log with all of these words; None where no index tells."""
    indexed = [folded for folded in map(fold, words) if len(folded) >= 3]
    if not indexed or not db.one("SELECT 1 FROM sqlite_master WHERE name = 'log_text'"):
        return None
    share = max(2, _GRAMS // len(indexed))
    grams = {gram for word in indexed for gram in _grams(word, share)}
    match = " AND ".join('"' + gram.replace('"', '""') + '"' for gram in sorted(grams))
    known = db.noted.of(_KnownParts)
    if match not in known:
        known[match] = frozenset(_indexed(db, match))
    return known[match]


def _indexed(db: ReadSession, match: str) -> array[int]:
    """The parts that a query of the text index finds: only new ones are asked for."""
    kept = db.shared.of(_KnownIndexed)
    upto, parts = kept.get(match) or _Indexed(0, array("Q"))
    newest = (db.one("SELECT max(id) FROM log_parts") or (0,))[0] or 0
    if newest <= upto:
        return parts
    rows = db.each("SELECT rowid FROM log_text WHERE log_text MATCH ? AND rowid > ?", (match, upto))
    found = parts + array("Q", [part for (part,) in rows])
    kept.update({match: _Indexed(newest, found)})
    return found


def _grams(word: str, most: int) -> Sequence[str]:
    """At most `most` trigrams of a word, evenly spread over it."""
    step = max(1, -(-(len(word) - 2) // most))
    return [word[begin : begin + 3] for begin in range(0, len(word) - 2, step)]


class Words:
    """Holding all words, each as a part, in any case and Unicode form. A `LogCondition`."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = list(dict.fromkeys(map(fold, words)))
        self.key = "\0".join(["text", *self._words])
        self._is_ascii = all(map(str.isascii, self._words))
        longest_first = sorted(self._words, key=len, reverse=True)
        self._longest_first = list(map(str.encode, longest_first)) if self._is_ascii else []

    def places(self, block: Block) -> Sequence[int]:
        texts = block.texts
        whole = texts.whole
        if not whole.isascii() or b"\0" in whole:
            return [place for place, text in enumerate(texts.all()) if self._are_in(text)]
        lower = texts.lower
        if not self._is_ascii:
            return []
        first, *others = self._longest_first
        if not all(word in lower.whole for word in others):
            return []
        return lower.with_bytes(first, *others)

    def _are_in(self, text: bytes) -> bool:
        """For any text: folded, or up to a NUL without the case of ASCII letters, as LIKE finds it."""
        plain = text.partition(b"\0")[0].lower()
        if text.isascii() and len(plain) == len(text):
            return all(word.encode() in plain for word in self._words)
        folded = fold(text.decode())
        return all(word in folded or (word.isascii() and word.encode() in plain) for word in self._words)
