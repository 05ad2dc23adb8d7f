"""What a page that asks for updates is answered."""

from __future__ import annotations

from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from tests.fixtures.html import attribute, one, text


def updates_address(page: LexborHTMLParser) -> str:
    """The address that a page asks for updates; empty where it asks for none."""
    return one(page, "#updates").attributes.get("hx-get") or ""


def announced(client: FlaskClient, address: str) -> str:
    """The announcement at an address; empty where nothing arrived."""
    answer = client.get(address)
    if answer.status_code == 204:
        assert not answer.data
        return ""
    assert answer.status_code == 200, f"{address} answered {answer.status_code}"
    button = one(LexborHTMLParser(answer.text), "button[data-key=updates]")
    words = attribute(button, "data-words")
    assert text(button) == f"{words} · show"
    return words
