"""Stores for the tests of the SQLite engine; `contract/` has one of each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import store
from tests.store.house import House
from tests.store.place import Place


@pytest.fixture(params=["sqlite"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[House]:
    """A new, empty store."""
    assert request.param == "sqlite"
    path = tmp_path / "store.db"
    writer = store.open_writer(path)
    reader = store.open_reader(path)
    yield House(writer, reader)
    writer.close()
    reader.close()


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Iterator[Place]:
    """A store in a folder of its own, with three spans and two logs."""
    found = Place(tmp_path)
    yield found
    found.close()
