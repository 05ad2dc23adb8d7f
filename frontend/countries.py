"""Which names mean another country than the United States.

The names are in `countries.json`: by ISO 3166 code, in English and in the country's own languages, from
Unicode's CLDR, and some that people say instead.
"""

from __future__ import annotations

import json
import unicodedata
from functools import cache
from importlib import resources


def is_abroad(country: str) -> bool:
    """Whether this is the name or the code of a country other than the United States, in any spelling."""
    return _plain(country) in _names()


@cache
def _names() -> frozenset[str]:
    text = resources.files("frontend").joinpath("countries.json").read_text("utf-8")
    found = {_plain(name) for code, names in json.loads(text).items() for name in (code, *names)}
    return frozenset(found - {""})


def _plain(name: str) -> str:
    """The letters and digits of a name, without case and accents."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in letters if letter.isalnum())
