"""The texts of tag sets in memory, one behind the other: which of them hold a text is found by one search.

SQLite takes 0.9 µs a set for the same, this 0.1.
"""

from __future__ import annotations

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import starmap
from typing import Final, NamedTuple

import orjson

from store.sqlite.read.read_connection import ReadSession

_MOST_BYTES: Final = 12 * 2**20
"""Some 45,000 sets."""
_FOLDED_AT_ONCE: Final = 2**18
"""Bytes of which a copy in small letters is made for a search."""


class SetText(NamedTuple):
    """A set's number and its JSON, as it is stored."""

    number: int
    body: bytes


class TagSetTexts:
    """The newest tag sets of a store, up to a number of bytes. Safe for several threads.

    Older ones than it holds are searched for in the table.
    """

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._text = bytearray()
        self._starts = array("q")
        """Where each set begins in the text; the numbers of both rise."""
        self._numbers = array("q")
        self._listed: dict[bytes, array[int]] = {}
        """Tag as JSON to the numbers of the sets in which it has several values."""
        self._odd = array("q")
        """The numbers of the sets whose text is not all ASCII, or has an escaped character."""
        self._before = 0
        """The highest number of a set that is not held any more …"""
        self._upto = 0
        """… and of one that was looked at."""

    def carrying(self, db: ReadSession, tag: str, value: str, above: int) -> list[SetText]:
        """Those above a number in which a tag has this value alone, or several."""
        name = orjson.dumps(tag)
        with self._lock:
            self._read_new(db)
            listed = self._listed.get(name, ())
            found = dict(self._search(name + b":" + orjson.dumps(value), above))
            found.update(self._text_of(number) for number in listed if number > max(above, self._before))
            before = self._before
        found.update(self._stored(db, (name + b":" + orjson.dumps(value), name + b":["), above, before))
        return list(starmap(SetText, found.items()))

    def holding(self, db: ReadSession, text: str, above: int) -> list[SetText]:
        """Those above a number in which a text is the value of any tag, or one of its values."""
        needle = orjson.dumps(text)
        with self._lock:
            self._read_new(db)
            found = dict(self._search(needle, above))
            before = self._before
        found.update(self._stored(db, (needle,), above, before))
        return list(starmap(SetText, found.items()))

    def that_may_hold(self, db: ReadSession, folded: str) -> list[int]:
        """The numbers of the sets in which a folded text of ASCII may occur, in any case."""
        needle = folded.encode()
        with self._lock:
            self._read_new(db)
            found = {*self._odd, *self._folded_search(needle)}
            before = self._before
        odd = "length(body) <> length(CAST(body AS BLOB)) OR instr(body, '\\u')"
        found.update(
            number
            for (number,) in db.each(
                f"SELECT id FROM tagsets WHERE id <= ? AND (instr(lower(body), ?) OR {odd})",  # noqa: S608
                (before, folded),
            )
        )
        return sorted(found)

    def _folded_search(self, needle: bytes) -> Iterator[int]:
        """The numbers of the sets whose text in small letters holds these bytes, piece by piece."""
        starts, place = self._starts, 0
        while place < len(starts):
            begin = starts[place]
            behind = max(place + 1, bisect_left(starts, begin + _FOLDED_AT_ONCE))
            piece = self._text[begin : starts[behind] if behind < len(starts) else None].lower()
            at = piece.find(needle)
            while at >= 0:
                place = bisect_right(starts, begin + at) - 1
                yield self._numbers[place]
                at = piece.find(needle, starts[place + 1] - begin) if place + 1 < behind else -1
            place = behind

    def _stored(
        self, db: ReadSession, needles: tuple[bytes, ...], above: int, before: int
    ) -> Iterator[SetText]:
        """The same of those that are not held."""
        if above < before:
            condition = " OR ".join(["instr(body, ?)"] * len(needles))
            for number, body in db.each(
                f"SELECT id, body FROM tagsets WHERE id > ? AND id <= ? AND ({condition})",  # noqa: S608
                (above, before, *[needle.decode() for needle in needles]),
            ):
                yield SetText(number, body.encode())

    def _search(self, needle: bytes, above: int) -> Iterator[SetText]:
        text, starts, numbers = self._text, self._starts, self._numbers
        first = bisect_right(numbers, above)
        if first == len(numbers):
            return
        at = text.find(needle, starts[first])
        while at >= 0:
            place = bisect_right(starts, at) - 1
            found = self._at(place)
            yield found
            at = text.find(needle, starts[place] + len(found.body))

    def _text_of(self, number: int) -> SetText:
        return self._at(bisect_left(self._numbers, number))

    def _at(self, place: int) -> SetText:
        starts = self._starts
        end = starts[place + 1] if place + 1 < len(starts) else len(self._text)
        return SetText(self._numbers[place], bytes(self._text[starts[place] : end]))

    def _read_new(self, db: ReadSession) -> None:
        for number, body in db.each("SELECT id, body FROM tagsets WHERE id > ? ORDER BY id", (self._upto,)):
            self._starts.append(len(self._text))
            self._numbers.append(number)
            text = body.encode()
            self._text += text
            self._upto = number
            if not text.isascii() or b"\\u" in text:
                self._odd.append(number)
            for before in text.split(b'":[')[:-1]:
                # Names of tags that are looked for hold no quotes.
                name = before[before.rfind(b'"') :] + b'"'
                self._listed.setdefault(name, array("q")).append(number)
            if len(self._text) > self._most_bytes:
                self._drop_older_half()

    def _drop_older_half(self) -> None:
        half = max(1, len(self._starts) // 2)
        cut = self._starts[half] if half < len(self._starts) else len(self._text)
        self._before = self._numbers[half - 1]
        del self._text[:cut]
        self._numbers = self._numbers[half:]
        self._starts = array("q", [start - cut for start in self._starts[half:]])
        self._odd = array("q", [number for number in self._odd if number > self._before])
        kept = {tag: array("q", [n for n in sets if n > self._before]) for tag, sets in self._listed.items()}
        self._listed = {tag: sets for tag, sets in kept.items() if sets}
