"""A seeded store behind the real application, and a real Chromium that may go nowhere else."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import store
from observer.app import create_app
from observer.settings import Settings
from runtime.wsgi import Limits, WsgiServer
from signals.model import SessionId, TraceId
from store.api import Reader, Writer
from tests.fixtures import seed
from tests.helpers import eventually, required_in_ci

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1"


@dataclass
class World:
    """What the journeys walk in."""

    url: str
    reader: Reader
    writer: Writer
    now_unix_nano: int


@dataclass
class Visitor:
    """A page and what went wrong in it."""

    page: Page
    base: str
    foreign: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    clicks: int = 0

    def go(self, path: str) -> Page:
        """Open a page of ours and make sure that it is one."""
        answer = self.page.goto(self.base + path)
        assert answer is not None, f"{path} did not answer"
        assert answer.status < 400, f"{path} answered {answer.status}"
        return self.page

    def click(self, *, role: Any, name: Any, within: Any = None) -> None:
        """One click on what a reader would name."""
        (within or self.page).get_by_role(role, name=name).first.click()
        self.clicks += 1

    def blameless(self) -> None:
        """Nothing was asked of another origin, and the browser had nothing to complain of."""
        assert not self.foreign, f"requests left the origin: {self.foreign[:5]}"
        assert not self.complaints, f"the browser complained: {self.complaints[:5]}"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The story, a foreign page's beacons and hostile telemetry, served by the application.

    Each file of tests has its own: what others wrote would push the story off the first page of a
    list, and a story of many minutes ago leaves the pages' range.
    """
    path = tmp_path_factory.mktemp("browser") / "store.sqlite3"
    writer = store.open_writer(path)
    told = seed.hostile(seed.measured(seed.story()))
    told.send(writer)
    reader = store.open_reader(path)
    eventually(lambda: reader.session(SessionId(seed.SESSION)), "the seeded session")
    eventually(lambda: reader.trace_summaries([TraceId(seed.TRACE)]), "the seeded trace")
    app = create_app(reader, Settings(shop_url=seed.SHOP))
    server = WsgiServer(app, "127.0.0.1", 0, Limits(threads=4))
    server.start()
    yield World(f"http://127.0.0.1:{server.port}", reader, writer, told.now_unix_nano)
    server.stop()
    reader.close()
    writer.close()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, driven by Playwright."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        required_in_ci("Playwright is not installed")
    if CHROMIUM is None:
        required_in_ci("no Chromium is installed")
    sandbox = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=[*sandbox, OFFLINE])
        yield launched
        launched.close()


@contextmanager
def visiting(browser: Browser, world: World) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors, who leave at the end: `visit(width=390, java_script_enabled=False)`."""
    contexts = []

    def make(width: int = 1440, height: int = 900, **options: Any) -> Visitor:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        context.set_default_timeout(15_000)
        visitor = Visitor(context.new_page(), world.url)
        visitor.page.on(
            "request",
            lambda asked: (
                None
                if asked.url.startswith((world.url, "data:", "about:"))
                else visitor.foreign.append(asked.url)
            ),
        )
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        visitor.page.on(
            "console",
            lambda said: visitor.complaints.append(said.text) if said.type == "error" else None,
        )
        return visitor

    try:
        yield make
    finally:
        for context in contexts:
            context.close()


@pytest.fixture
def visit(browser: Browser, world: World) -> Iterator[Callable[..., Visitor]]:
    """`visit(width=390, color_scheme="dark", java_script_enabled=False)`: see `visiting`."""
    with visiting(browser, world) as make:
        yield make


@pytest.fixture(scope="session")
def axe() -> str:
    """The source of axe-core, as the lab installs it for its tests."""
    web = Path(os.environ.get("HIPSTERLAB_WEB_DIR") or Path(sys.prefix) / "web")
    file = web / "axe.min.js"
    if not file.is_file():
        required_in_ci(f"{file} is not installed: run `python3 -m lab test` once")
    return file.read_text("utf-8")
