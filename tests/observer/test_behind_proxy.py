"""The screens under a path of a reverse proxy: every link of every page stays there."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from observer.app import create_app
from observer.settings import Settings
from runtime.proxy import parse_trusted_proxies
from runtime.wsgi import Limits, WsgiServer
from tests.fixtures import seed
from tests.observer.class_screens import ClassScreens
from tests.observer.screens import Screens
from tests.reverse_proxy import HOST, crawl, reverse_proxy

UNDER = "/lab/screens"


@pytest.fixture(name="proxy", params=[True, False], ids=["stripped", "kept"])
def _proxy(screens: Screens, request: pytest.FixtureRequest) -> Iterator[str]:
    """The seeded screens behind a trusted proxy that removes the path, or leaves it."""
    settings = Settings(
        shop_url=seed.SHOP,
        shop_public_url=f"https://{HOST}/lab/shop",
        trusted_proxies=parse_trusted_proxies("127.0.0.1"),
    )
    clock = screens.app.extensions["observer"].clock
    server = WsgiServer(create_app(screens.reader, settings, clock=clock), "127.0.0.1", 0, Limits(threads=4))
    server.start()
    try:
        with reverse_proxy({UNDER: f"http://127.0.0.1:{server.port}"}, strip=request.param) as base:
            yield base
    finally:
        server.stop()


def test_every_link_of_every_page_stays_under_the_path(proxy: str) -> None:
    """Pages, files, forms and the addresses that scripts ask; the shop's have its public address."""
    found = crawl(proxy, f"{UNDER}/", most=180)

    assert not found.wrong
    assert found.pages > 100
    assert any(each.startswith(f"https://{HOST}/lab/shop") for each in found.outside)


def _ask(base: str, path: str, *, form: str = "", **headers: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=20)
    kind = {"Content-Type": "application/x-www-form-urlencoded"} if form else {}
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST" if form else "GET", path, form or None, {**kind, **sent})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer.status, dict(answer.getheaders()), body


def test_the_api_names_pages_under_the_path(proxy: str) -> None:
    """So that a program's link opens in a browser."""
    status, _, body = _ask(proxy, f"{UNDER}/api/v1/resolve?id={seed.TRACE}")

    assert status == 200
    assert json.loads(body)["url"].startswith(f"{UNDER}/apm/traces/")


def test_a_redirect_and_a_cookie_stay_under_the_path(proxy: str) -> None:
    """A change of the theme leads back to the page; the search leads to what was found."""
    status, headers, _ = _ask(proxy, f"{UNDER}/?id={seed.TRACE}")
    assert status in (200, 303)
    status, headers, _ = _ask(proxy, f"{UNDER}/-/theme", form="theme=dark&next=/logs")

    assert status == 303
    assert headers["Location"] == f"{UNDER}/logs"


def test_a_class_gives_links_under_the_path(in_class: ClassScreens, tmp_path: Path) -> None:
    """The links of the desk name the public address with its path."""
    app = in_class.app
    answer = app.test_client().get(
        "/join",
        headers={"X-Forwarded-Prefix": UNDER, "Host": "127.0.0.1"},
        environ_base={"REMOTE_ADDR": "127.0.0.1"},
    )

    assert answer.status_code == 200
    assert f'action="{UNDER}/join"' in answer.get_data(as_text=True)
