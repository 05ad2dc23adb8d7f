"""The seeded screens, once for every screen that is tested here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.observer.screens import Screens, empty, seeded


@pytest.fixture(scope="session")
def screens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screens]:
    with seeded(tmp_path_factory.mktemp("screens")) as found:
        yield found


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Screens]:
    with empty(tmp_path_factory.mktemp("bare")) as found:
        yield found
