"""The seeded screens, once for the folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.observer.class_screens import ClassScreens, class_screens
from tests.observer.screens import Screens, empty, seeded


@pytest.fixture(scope="session")
def screens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screens]:
    with seeded(tmp_path_factory.mktemp("screens") / "store.sqlite3") as found:
        yield found


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screens]:
    with empty(tmp_path_factory.mktemp("bare") / "store.sqlite3") as found:
        yield found


@pytest.fixture(name="in_class")
def _in_class(screens: Screens, tmp_path: Path) -> Iterator[ClassScreens]:
    """The seeded screens in class mode, with a roster of their own for each test."""
    now_ns = screens.app.extensions["observer"].clock()
    with class_screens(screens.reader, tmp_path, now_ns) as found:
        yield found
