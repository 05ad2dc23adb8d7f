"""The seeded screens of this folder's tests, once over each engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.observer.screens import Screens, empty, seeded
from tests.store import clickhouse_house

ENGINES = ("SQLite", "ClickHouse")


@pytest.fixture(scope="session", params=ENGINES)
def screens(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screens]:
    with seeded(_new_store(request.param, tmp_path_factory)) as found:
        yield found


@pytest.fixture(scope="session", params=ENGINES)
def bare(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screens]:
    with empty(_new_store(request.param, tmp_path_factory)) as found:
        yield found


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A page asks ClickHouse up to thirty questions, each of which takes longer than SQLite's."""
    for item in items:
        if "[ClickHouse" in item.name:
            item.add_marker(pytest.mark.timeout(240))


def _new_store(engine: str, folders: pytest.TempPathFactory) -> Path | str:
    """Where a store of this engine is to be; skips where the engine is not installed."""
    if engine == "SQLite":
        return folders.mktemp("screens") / "store.sqlite3"
    clickhouse_house.require_engine()
    return clickhouse_house.new_url()
