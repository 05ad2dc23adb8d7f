"""One mesh with all faults and one without, each shared by the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.mesh import BROKEN, HEALTHY, Mesh, running_mesh


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    with running_mesh(tmp_path_factory.mktemp("healthy"), HEALTHY) as mesh:
        yield mesh


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    with running_mesh(tmp_path_factory.mktemp("broken"), BROKEN) as mesh:
        yield mesh


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
