"""The seeded screens in class mode: a roster, a clock that tests set, clients with cookies of their own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser
from werkzeug.test import TestResponse

from classroom import ClassStore, Seat
from observer.app import create_app
from observer.settings import Settings
from runtime import seats
from store.api import Reader
from tests.fixtures import seed

SECRET = "a secret of the class"
NAMES = ("Anna", "Bert", "<script>alert('c')</script>", 'Dora "><img src=x onerror=alert(1)>', "Eve")
HOST = "192.168.1.20"
LAPTOP = "192.168.1.77"
S = 10**9


@dataclass
class Clock:
    """Nanoseconds since the Unix epoch, as a test says."""

    now_ns: int

    def __call__(self) -> int:
        return self.now_ns


class Visitor(FlaskClient):
    """A browser that came by the machine's address in the network."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        kwargs.setdefault("base_url", f"http://{HOST}:8090")
        return super().open(*args, **kwargs)


@dataclass
class ClassScreens:
    """The application, its class, and visitors."""

    app: Flask
    store: ClassStore
    clock: Clock
    address: str = LAPTOP

    def visitor(self, slug: str = "", address: str = "") -> FlaskClient:
        """A browser at an IP address; with the cookie of a seat where `slug` is given."""
        client = self.app.test_client()
        client.environ_base["REMOTE_ADDR"] = address or self.address
        if slug:
            client.set_cookie(seats.COOKIE, seats.cookie_value(slug, SECRET), domain=HOST)
        return client

    def seat(self, slug: str) -> Seat:
        """A seat that is on the roster."""
        found = self.store.seat(slug)
        assert found, f"{slug} is not on the roster"
        return found


@contextmanager
def class_screens(reader: Reader, folder: Path, now_ns: int, **settings: str) -> Iterator[ClassScreens]:
    """Class mode over a reader; the roster is NAMES."""
    store = ClassStore(folder / "class.sqlite3")
    store.enrol(NAMES)
    clock = Clock(now_ns)
    given = {"shop_url": seed.SHOP, "listen_addr": "0.0.0.0", "seat_secret": SECRET, **settings}
    app = create_app(reader, Settings(**given), clock, store)  # type: ignore[arg-type]
    app.test_client_class = Visitor
    try:
        yield ClassScreens(app, store, clock)
    finally:
        store.close()


def cookies_of(answer: TestResponse) -> dict[str, str]:
    """The cookies that an answer sets, by name, as whole header values."""
    return {header.split("=", 1)[0]: header for header in answer.headers.getlist("Set-Cookie")}


def page_of(answer: TestResponse, status: int = 200) -> LexborHTMLParser:
    """The page of an answer that must have this status."""
    assert answer.status_code == status, answer.status
    return LexborHTMLParser(answer.text)
