"""Names of attributes that no address can hold as they are."""

from __future__ import annotations

import pytest

from observer.request.parameters import read_attribute, spell_attribute
from tests.observer.screens import Screens


@pytest.mark.parametrize("spelled", ["%FD%BC:x", "a%FFb%25:y:z", "%ED%A0%80:"])
def test_a_name_of_bytes_that_are_no_text_is_read_as_text(spelled: str) -> None:
    """No name in the store holds such bytes; the store and links can hold what is read."""
    pair = read_attribute(spelled)
    assert pair is not None

    assert pair[0].encode()
    assert read_attribute(spell_attribute(*pair)) == pair


@pytest.mark.parametrize("path", ["/apm/tags", "/apm/traces", "/rum/sessions", "/rum/tags", "/logs"])
def test_pages_answer_a_filter_of_bytes_that_are_no_text(screens: Screens, path: str) -> None:
    """With their links, which keep the filter."""
    assert screens.client.get(f"{path}?attr=%FD%BC%5E%FF%3A%FB").status_code in (200, 400)
