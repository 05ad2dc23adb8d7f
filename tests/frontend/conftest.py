"""Fixtures: a storefront over fake backends, the real shop in one process, the installed browser files."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.frontend.fakes import FakeShop, fake_shop
from tests.frontend.mesh import Mesh, shop
from tests.helpers import required_in_ci

AGENT = "window.SplunkRum = { init: function () {} };\n"


@pytest.fixture
def fake(tmp_path: Path) -> FakeShop:
    """A healthy storefront over fake backends, with a stand-in for the agent's file."""
    (tmp_path / "splunk-otel-web.js").write_text(AGENT)
    return fake_shop(tmp_path)


@pytest.fixture(scope="session")
def web_dir() -> Path:
    """The folder of the installed browser files."""
    folder = Path(os.environ.get("HIPSTERLAB_WEB_DIR") or Path(sys.prefix) / "web")
    if not (folder / "splunk-otel-web.js").is_file():
        required_in_ci(f"the RUM agent is not installed in {folder}: run `python3 -m lab up` once")
    return folder


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory, web_dir: Path) -> Iterator[Mesh]:
    """The real shop in this process."""
    with shop(tmp_path_factory.mktemp("shop"), web_dir) as running:
        yield running
