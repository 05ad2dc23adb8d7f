"""The screens of a class over the seeded story, whose lesson anna and ben walk through."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser
from werkzeug.test import TestResponse

import store
from classroom import ClassStore, MarkKind
from observer.app import create_app
from observer.settings import Settings
from runtime import seats
from signals.model import TraceId
from store.api import Reader
from tests.fixtures import seed
from tests.fixtures.world import S, World
from tests.helpers import eventually

SECRET = "a secret of the class"
INCIDENT = "invalid-token"
ANNA, BEN = "anna", "ben"
SECOND = "52" * 16
"""The trace of anna's earlier order."""
SESSION_OF_BEN = "5e551011a00000000000000000000002"
TRACE_OF_BEN = f"{seed.ORDER_TRACE[:-2]}0a"


@dataclass
class Guide:
    """The class, and the browsers of its seats."""

    folder: Path
    world: World
    reader: Reader
    kept: ClassStore
    settings: Settings
    client: FlaskClient
    """A browser without a seat."""

    def browser(self, seat: str = "", settings: Settings | None = None) -> FlaskClient:
        """The browser of a seat at screens that were started just now."""
        app = create_app(
            self.reader,
            settings or self.settings,
            clock=lambda: self.world.now_unix_nano,
            class_store=self.kept,
        )
        client = app.test_client()
        if seat:
            secret = (settings or self.settings).seat_secret
            client.set_cookie(seats.COOKIE, seats.cookie_value(seat, secret))
        return client

    def marks(self, seat: str, kind: MarkKind) -> set[str]:
        """The steps at which a seat has this mark."""
        return {mark.step for mark in self.kept.marks(seat) if mark.kind is kind}


def page(client: FlaskClient, path: str = "/workshop") -> LexborHTMLParser:
    """A page, which must answer 200."""
    answer = client.get(path)
    assert answer.status_code == 200, f"{path} answered {answer.status}"
    return LexborHTMLParser(answer.text)


def post(client: FlaskClient, path: str, headers: dict[str, str] | None = None, **form: Any) -> TestResponse:
    """What a form of the lesson's page is answered."""
    return client.post(f"/workshop/{path}", data=form, headers=headers or {})


def done(found: LexborHTMLParser) -> set[str]:
    """The names of the steps that are green."""
    return {(node.attributes["id"] or "").removeprefix("step-") for node in found.css("li.done")}


@contextmanager
def guided(folder: Path, *, class_mode: bool = True, **settings: Any) -> Iterator[Guide]:
    """A class of Anna and Ben whose incident began ten minutes before the end of the story."""
    world = seed.story()
    ready = seed.visit(world, seed.SESSION, ANNA, world.now_unix_nano - 300 * S)
    seed.checkout(world, seed.SESSION, ANNA, SECOND, ready, fails=True)
    path = folder / "store.sqlite3"
    writer = store.open_writer(path)
    world.send(writer)
    writer.close()
    reader = store.open_reader(path)
    kept = ClassStore(folder / "class.sqlite3")
    try:
        wanted = [TraceId(trace) for trace in (seed.TRACE, SECOND, TRACE_OF_BEN)]
        eventually(lambda: len(reader.trace_summaries(wanted)) == len(wanted), "the seeded traces")
        kept.enrol(("Anna", "Ben"))
        kept.begin_incident(INCIDENT, world.now_unix_nano - 600 * S)
        chosen = Settings(shop_url=seed.SHOP, seat_secret=SECRET if class_mode else "", **settings)
        guide = Guide(folder, world, reader, kept, chosen, client=None)  # type: ignore[arg-type]  # set below
        guide.client = guide.browser()
        yield guide
    finally:
        kept.close()
        reader.close()
