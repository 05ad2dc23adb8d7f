"""The seeded application without a browser, for tests that read pages as documents."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser as HTMLParser

import store
from observer.app import create_app
from observer.settings import Settings
from signals.model import SessionId, TraceId
from store.api import Reader
from tests.fixtures import seed
from tests.helpers import eventually


@dataclass
class Screens:
    """Asks pages and reads them."""

    app: Flask
    client: FlaskClient
    reader: Reader

    def page(self, path: str, status: int = 200) -> HTMLParser:
        """The page at a path, which must answer with this status."""
        answer = self.client.get(path)
        assert answer.status_code == status, f"{path} answered {answer.status_code}, not {status}"
        return HTMLParser(answer.get_data(as_text=True))


@contextmanager
def seeded(place: Path | str) -> Iterator[Screens]:
    """The story of `tests.fixtures.seed` in a new store, behind an application at a fixed time."""
    writer = store.open_writer(place)
    world = seed.measured(seed.story())
    seed.hostile(world)
    world.send(writer)
    writer.close()
    reader = store.open_reader(place)
    eventually(lambda: reader.session(SessionId(seed.SESSION)), "the seeded session")
    eventually(lambda: reader.trace_summaries([TraceId(seed.TRACE)]), "the seeded trace")
    app = create_app(reader, Settings(shop_url=seed.SHOP), clock=lambda: world.now_unix_nano)
    try:
        yield Screens(app, app.test_client(), reader)
    finally:
        reader.close()


@contextmanager
def empty(place: Path | str) -> Iterator[Screens]:
    """The application over a store that has received nothing."""
    store.open_writer(place).close()
    reader = store.open_reader(place)
    app = create_app(reader, Settings(shop_url=seed.SHOP))
    try:
        yield Screens(app, app.test_client(), reader)
    finally:
        reader.close()
