"""An observer over a store of its own, filled with the small world of the browser tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask.testing import FlaskClient

from observer.app import create_app
from observer.settings import Settings
from store import open_reader, open_writer
from tests.browser.world import World


@contextmanager
def observing(world: World, folder: Path) -> Iterator[FlaskClient]:
    """A client of the whole application; everything in `world` is settled, the clock stands still."""
    path = folder / "store.sqlite"
    writer = open_writer(path)
    try:
        world.send(writer)
    finally:
        writer.close()
    reader = open_reader(path)
    try:
        yield create_app(reader, Settings(store_path=path), clock=lambda: world.now_unix_nano).test_client()
    finally:
        reader.close()
