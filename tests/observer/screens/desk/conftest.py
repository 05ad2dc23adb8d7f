"""The desk over the seeded store, with the real control process beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser
from werkzeug.test import TestResponse

from classroom import ClassStore
from lab.control.app import create_app as create_control
from lab.control.changes import Changes
from lab.control.settings import Settings as ControlSettings
from observer.request.desk_session import SIGN_IN
from runtime.wsgi import Limits, WsgiServer
from tests.fixtures.html import one
from tests.observer.class_screens import ClassScreens, class_screens, page_of
from tests.observer.screens import Screens

TOKEN = "the lab's token"
INCIDENT = "invalid-token"
MIN = 60 * 10**9


@dataclass
class Desk:
    """The class's application, and the instructor's browser, which has signed in."""

    screens: ClassScreens
    browser: FlaskClient
    control: str

    @property
    def store(self) -> ClassStore:
        """The class."""
        return self.screens.store

    @property
    def now(self) -> int:
        """The time, in nanoseconds since the Unix epoch."""
        return self.screens.clock.now_ns

    def page(self, path: str = "/desk", status: int = 200) -> LexborHTMLParser:
        """A page of the desk."""
        return page_of(self.browser.get(path), status)

    def token(self) -> str:
        """The token that the desk's own form carries."""
        return str(one(self.page(), "form.desk input[name=csrf_token]").attributes["value"])

    def press(self, action: str, **fields: Any) -> TestResponse:
        """Press a button of the desk's form."""
        return self.browser.post(
            "/desk/actions", data={"csrf_token": self.token(), "action": action, **fields}
        )


@pytest.fixture
def control(tmp_path: Path) -> Iterator[str]:
    """The address of a control process over the same class; its collector does not answer."""
    store = ClassStore(tmp_path / "class.sqlite3")
    settings = ControlSettings(
        token=TOKEN,
        flags_file=tmp_path / "flags.json",
        lab_status_file=tmp_path / "status.json",
        otlp_url="http://127.0.0.1:9",
        most_users=50,
    )
    server = WsgiServer(create_control(Changes(store, settings), TOKEN), "127.0.0.1", 0, Limits(threads=2))
    server.start()
    yield f"http://127.0.0.1:{server.port}"
    server.stop()
    store.close()


@pytest.fixture
def desk(screens: Screens, tmp_path: Path, control: str, world_now: int) -> Iterator[Desk]:
    """Names of people are hostile text in it; the first is the seeded visitor's."""
    given = {"control_url": control, "control_token": TOKEN}
    with class_screens(screens.reader, tmp_path, world_now, **given) as found:
        found.store.begin_incident(INCIDENT, world_now - 30 * MIN)
        browser = found.visitor()
        answer = browser.post(SIGN_IN, data={"passcode": found.store.facts().passcode})
        assert answer.status_code == 303
        yield Desk(found, browser, control)


@pytest.fixture
def world_now(screens: Screens) -> int:
    """The time of the seeded story."""
    newest = screens.reader.status().newest_unix_nano
    assert newest is not None
    return newest + 10 * 10**9
