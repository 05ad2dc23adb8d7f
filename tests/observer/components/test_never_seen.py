"""An empty page says that nothing has the attribute that was sought, where that is so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser as HTMLParser

import store
from observer.app import create_app
from observer.settings import Settings
from signals.model import SpanKind
from store.api import AttributeNames, Batch, Reader
from tests.helpers import eventually
from tests.store.build import SECOND, T0, TRACE, log_row, row, span
from tests.store.contract.test_browsers import event


@pytest.fixture(name="reader")
def a_reader(tmp_path: Path) -> Iterator[Reader]:
    """A trace, a session and a log whose names of attributes are known."""
    path = tmp_path / "store.db"
    names = AttributeNames()
    names.add_all(("colour", "splunk.rumSessionId", "component"))
    writer = store.open_writer(path)
    request = span(1, 0, "shop", kind=SpanKind.SERVER, attributes={"colour": "red"})
    spans = [row(request), row(event(60, "click", "s1"))]
    writer.write(Batch(spans, [log_row("a line")], names=names, arrived_unix_nano=T0 + SECOND))
    reader = store.open_reader(path)
    eventually(lambda: reader.trace_summaries([TRACE]), "the trace")
    yield reader
    reader.close()
    writer.close()


@pytest.mark.parametrize("path", ["/apm/traces", "/rum/sessions", "/logs"])
@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ("attr=nobody.has:x", "has an attribute called nobody.has: check the spelling."),
        ("attr=nobody.has:x&like=size:y", "has attributes called nobody.has or size: check the spelling."),
        ("attr=colour:blue", ""),
    ],
)
def test_a_page_says_that_nothing_has_it(reader: Reader, path: str, filters: str, said: str) -> None:
    app = create_app(reader, Settings(), clock=lambda: T0 + 2 * SECOND)
    answer = app.test_client().get(f"{path}?{filters}&since=15m")
    assert answer.status_code == 200
    empty = HTMLParser(answer.get_data(as_text=True)).css_first(".empty")
    assert empty is not None
    words = " ".join(empty.text().split())
    if said:
        assert f"Nothing in the store, in any time range, {said}" in words
    else:
        assert "check the spelling" not in words
