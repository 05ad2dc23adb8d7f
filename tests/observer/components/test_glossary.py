"""The glossary: its terms, and that it is one key and one link away on every page."""

from __future__ import annotations

import pytest

from observer.components import glossary, keyboard
from tests.fixtures.html import attribute, one, text
from tests.observer.screens import Screens

_TERMS = (
    "RUM APM span trace session OTLP tag tenant percentile inferred origin received exemplar metric series"
)
TERMS = frozenset(_TERMS.split())


def test_every_term_is_explained_shortly() -> None:
    assert {term.name for term in glossary.TERMS} == TERMS
    assert [term.name for term in glossary.TERMS] == sorted(TERMS, key=str.lower)
    assert all(40 < len(term.meaning) < 200 for term in glossary.TERMS)


def test_the_page_holds_every_term(screens: Screens) -> None:
    """It works without a script, and its body is what the dialog shows."""
    body = one(screens.page("/-/glossary"), "[data-dialog-body]")
    shown = text(body)
    for term in glossary.TERMS:
        assert f"{term.name} " in shown
        assert term.meaning in shown


@pytest.mark.parametrize("path", ["/", "/rum", "/apm", "/logs", "/workshop", "/-/keys", "/-/glossary"])
def test_it_is_one_key_and_one_link_away(screens: Screens, path: str) -> None:
    link = one(screens.page(path), "footer [data-key=glossary]")

    assert attribute(link, "href") == "/-/glossary"
    key = next(key for key in keyboard.KEYS if key.target == "glossary")
    assert (key.keys, key.action) == (("g",), "follow")
