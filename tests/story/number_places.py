"""Where a number stands in an answer of the API or on a page, and how it is read there."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import quote

from selectolax.lexbor import LexborHTMLParser, LexborNode

from observer.components.safe_text import line
from tests.fixtures.html import text

Names = Mapping[str, str]
"""What stands for the placeholders of a number."""
_NUMBER = re.compile(r"-?\d[\d,]*")


@lru_cache(512)
def page(body: str) -> LexborHTMLParser:
    """A page as a document; many numbers are read from each."""
    return LexborHTMLParser(body)


@lru_cache(512)
def answer(body: str) -> Any:
    """An answer of the API."""
    return json.loads(body)


class Place(Protocol):
    """Where a number stands in an answer."""

    def read(self, body: str, names: Names) -> int: ...


@dataclass(frozen=True)
class Api:
    """The sum of a field over those items of the answer's list that have these values; or a plain path."""

    path: str
    where: Mapping[str, str] = field(default_factory=dict)
    plus: str = ""
    """The path of what is added."""

    def read(self, body: str, names: Names) -> int:
        *parents, last = self.path.split(".")
        items: list[Any] = [answer(body)]
        wanted = {key: names_in(value, names) for key, value in self.where.items()}
        for level, parent in enumerate(parents):
            items = [below for item in items for below in _below(item, names_in(parent, names))]
            if not level:
                items = [one for one in items if all(str(one[key]) == value for key, value in wanted.items())]
        own = sum(sum(map(int, _below(item, names_in(last, names)))) for item in items)
        return own + (Api(self.plus).read(body, names) if self.plus else 0)


def _below(item: Any, name: str) -> list[Any]:
    """The value of a field, of a list each, of `*` every field's; nothing where there is none."""
    if name == "*":
        return list(item.values())
    found = item.get(name)
    return found if isinstance(found, list) else [] if found is None else [found]


@dataclass(frozen=True)
class Cell:
    """The number in a table's cells with this label, summed over the rows that begin with these names."""

    table: str
    label: str
    row: str = ""
    to: str = ""
    """The text of the row's second cell."""
    beside: str = ""
    """The softer text in the row's head."""

    def read(self, body: str, names: Names) -> int:
        total = 0
        for row in page(body).css(f"{self.table} tbody tr"):
            head = row.css_first("th")
            if head is None or (self.row and not _is(head, names_in(self.row, names))):
                continue
            soft = head.css_first(".soft")
            if self.beside and (soft is None or not _is(soft, names_in(self.beside, names))):
                continue
            second = row.css_first("td")
            if self.to and (second is None or not _is(second, names_in(self.to, names))):
                continue
            for cell in row.css("td[data-label]"):
                if cell.attributes["data-label"] == self.label:
                    total += number_in(cell)
        return total


@dataclass(frozen=True)
class Row:
    """The sum of the numbers in the row of a table that has this head: one for people, one for programs."""

    table: str
    head: str

    def read(self, body: str, names: Names) -> int:
        rows = page(body).css(f"{self.table} tbody tr")
        (row,) = [
            row for row in rows if (head := row.css_first("th")) is not None and text(head) == self.head
        ]
        return sum(number_in(cell) for cell in row.css("td"))


@dataclass(frozen=True)
class Fact:
    """The number beside a term in the facts of a part of the page."""

    scope: str
    term: str

    def read(self, body: str, names: Names) -> int:
        for fact in page(body).css(f"{self.scope} dl.facts > div"):
            term, value = fact.css_first("dt"), fact.css_first("dd")
            if term is not None and value is not None and text(term) == self.term:
                return number_in(value)
        raise AssertionError(f"no fact {self.term} in {self.scope}")


@dataclass(frozen=True)
class Words:
    """A number in the text of the elements that fit, summed; the first of each text, or the last."""

    selector: str
    last: bool = False
    nth: int = 0
    """Which number of each text, from 0."""
    about: str = ""
    """Only elements that contain this text."""
    needed: bool = True

    def read(self, body: str, names: Names) -> int:
        found = [
            node
            for node in page(body).css(names_in(self.selector, names))
            if shown(names_in(self.about, names)) in text(node)
        ]
        assert found or not self.needed, f"nothing fits {self.selector} {names_in(self.about, names)}"
        return sum(number_in(node, last=self.last, nth=self.nth) for node in found)


def number_in(node: LexborNode, *, last: bool = False, nth: int = 0) -> int:
    """The first (or nth, or last) whole number of an element's text; 0 for a dash or none at all."""
    found = _NUMBER.findall(text(node))
    return int(found[-1 if last else nth].replace(",", "")) if found else 0


def shown(name: str) -> str:
    """A name as pages show it."""
    return text(LexborHTMLParser(f"<p>{line(name, 80)}</p>"))


def _is(node: LexborNode, name: str) -> bool:
    link = node.css_first("a")
    return shown(name) in (text(node), text(link) if link is not None else "")


def names_in(template: str, names: Names) -> str:
    """The template with the names in it."""
    return re.sub(r"{(\w+)}", lambda found: names[found[1]], template)


def quoted_names_in(template: str, names: Names) -> str:
    """The same for an address."""
    return re.sub(r"{(\w+)}", lambda found: quote(names[found[1]], safe=""), template)
