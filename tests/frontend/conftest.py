"""Fixtures: a storefront over fake backends, the real shop in one process, the installed browser files."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.frontend.fakes import FakeShop, close_fake_shops, fake_shop
from tests.frontend.mesh import Mesh, shop
from tests.frontend.tab import Tab
from tests.frontend.test_story import settled
from tests.helpers import required_in_ci

ARGUMENTS = (
    "--no-sandbox",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
)
AGENT = "window.SplunkRum = { init: function () {} };\n"


@pytest.fixture(autouse=True)
def _closed_shops() -> Iterator[None]:
    """Closes the storefronts that a test made."""
    yield
    close_fake_shops()


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


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A running Chromium."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next((found for name in names if (found := shutil.which(name))), None)
    if path is None:
        required_in_ci("no Chromium is installed")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Any, mesh: Mesh) -> Iterator[Tab]:
    """A new visitor of a healthy shop."""
    mesh.set_flags()
    settled(mesh, typo=False)
    mesh.beacons.spans.clear()
    opened = Tab(chromium, mesh.url)
    yield opened
    opened.context.close()
