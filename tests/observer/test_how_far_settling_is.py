"""Every page says how far settling is while it is not complete; the API says it always."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from observer.app import create_app
from observer.lookup import settling_state
from observer.settings import Settings
from store.api import Batch
from tests.store.build import row, span
from tests.store.test_how_far_settling_is import Unsettled

PAGES = (
    *("/", "/rum", "/rum/sessions", "/rum/tags", "/apm", "/apm/services", "/apm/services/shop", "/apm/tags"),
    *("/apm/traces", "/logs", "/metrics", "/alerts", "/desk"),
)


@pytest.fixture(name="late")
def _late(tmp_path: Path) -> Iterator[Unsettled]:
    """A store with one trace that waits."""
    found = Unsettled(tmp_path / "store.db")
    found.writer.write(Batch([row(span(1))]))
    found.settle()
    found.writer.write(Batch([row(span(2))]))
    yield found
    found.close()


def _client(late: Unsettled, after_s: int) -> FlaskClient:
    """A browser of the screens that much later."""
    clock = lambda: time.time_ns() + after_s * 10**9  # noqa: E731
    return create_app(late.reader, Settings(), clock=clock).test_client()


def _line(client: FlaskClient, path: str) -> str:
    found = HTMLParser(client.get(path).get_data(as_text=True)).css_first("[data-settling]")
    return " ".join(found.text().split()) if found else ""


@pytest.mark.parametrize("path", PAGES)
def test_a_page_says_that_settling_has_stopped_and_since_when(late: Unsettled, path: str) -> None:
    said = _line(_client(late, 10), path)
    assert said.startswith("Complete up to 20")
    assert "s ago)" in said
    assert "The settling process has stopped or hangs." in said
    assert _line(_client(late, 0), path) == ""
    late.settle()
    assert _line(_client(late, 10), path) == ""


def test_the_line_goes_with_the_update_that_every_page_asks_for(
    late: Unsettled, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is answered while nothing changes."""
    monkeypatch.setattr(settling_state, "_FRESH_S", -1.0)
    client = _client(late, 10)
    page = HTMLParser(client.get("/apm/traces").get_data(as_text=True))
    box = page.css_first("#telemetry")
    assert box is not None
    address = box.attributes["hx-get"] or ""
    late.settle()
    answer = client.get(address)
    assert answer.status_code == 200
    again = HTMLParser(answer.get_data(as_text=True))
    assert again.css_first("[data-settling]") is None
    box = again.css_first("#telemetry")
    assert box is not None
    assert client.get(box.attributes["hx-get"] or "").status_code == 204


def test_the_api_says_it_always(late: Unsettled) -> None:
    behind = _client(late, 10).get("/api/v1/status").get_json()
    assert behind["settling"] == "stopped"
    assert behind["settled_up_to_unix_nano"] is not None
    late.settle()
    complete = _client(late, 10).get("/api/v1/status").get_json()
    assert (complete["settling"], complete["settled_up_to_unix_nano"]) == ("complete", None)
