"""The examples of docs/proxy.md work as they are written: nginx and Caddy lead to every page and form."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest

from observer.app import create_app
from observer.settings import Settings
from runtime.proxy import parse_trusted_proxies
from runtime.wsgi import Limits, WsgiServer
from store import open_reader, open_writer
from tests.fixtures import seed
from tests.fixtures.world import S
from tests.frontend.conftest import AGENT
from tests.frontend.fakes import fake_shop
from tests.frontend.mesh import serving
from tests.reverse_proxy import HOST, crawl
from tests.story.documented_proxies import caddy, nginx

pytestmark = pytest.mark.timeout(120)

PROXIES: Mapping[str, Callable[[str, str, Path], AbstractContextManager[str]]] = {
    "nginx": nginx,
    "caddy": partial(caddy, https=False),
}
ODD_SESSION = "odd//session%2F?#"
SCREENS, SHOP = "/lab/screens", "/lab/shop"


@dataclass(frozen=True)
class Served:
    """The addresses of the two applications."""

    screens: str
    shop: str


@contextmanager
def _served(folder: Path) -> Iterator[Served]:
    path = folder / "store.sqlite3"
    told = seed.hostile(seed.story(time.time_ns()))
    told.browser(ODD_SESSION, 1, "documentLoad", told.now_unix_nano - 9 * S, **{"location.href": seed.SHOP})
    writer = open_writer(path)
    told.send(writer)
    writer.close()
    (folder / "splunk-otel-web.js").write_text(AGENT)
    with ExitStack() as stack:
        reader = open_reader(path)
        stack.callback(reader.close)
        settings = Settings(
            store_path=path,
            shop_url=seed.SHOP,
            shop_public_url=f"https://{HOST}{SHOP}",
            trusted_proxies=parse_trusted_proxies("127.0.0.1"),
        )
        app = create_app(reader, settings, clock=lambda: told.now_unix_nano)
        server = WsgiServer(app, "127.0.0.1", 0, Limits(threads=4))
        server.start()
        stack.callback(server.stop)
        public = f"https://{HOST}{SCREENS}"
        shop = fake_shop(folder, TRUSTED_PROXIES="127.0.0.1", OBSERVER_PUBLIC_URL=public)
        url = stack.enter_context(serving(shop.app))
        yield Served(f"http://127.0.0.1:{server.port}", url)


@pytest.fixture(scope="module", name="served")
def _serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with _served(tmp_path_factory.mktemp("served")) as found:
        yield found


@pytest.fixture(scope="module", name="proxy", params=list(PROXIES))
def _proxy(
    served: Served, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[str]:
    """One of the two, without HTTPS: what it sends on is the same."""
    with PROXIES[request.param](served.screens, served.shop, tmp_path_factory.mktemp(request.param)) as base:
        yield base


def test_every_page_of_the_screens_is_reached(proxy: str) -> None:
    found = crawl(proxy, f"{SCREENS}/", most=120)
    assert not found.wrong
    assert found.pages > 80


def test_every_page_of_the_shop_is_reached(proxy: str) -> None:
    found = crawl(proxy, f"{SHOP}/", of_a_shape=5)
    assert not found.wrong
    assert found.pages > 15


@pytest.mark.parametrize("under", [SCREENS, SHOP])
def test_the_address_that_the_lab_prints_leads_to_the_page(proxy: str, under: str) -> None:
    """`--observer-url` has no slash at its end: Caddy answered an empty page."""
    status, headers, body = _ask(proxy, under)
    if status in (301, 302, 307, 308):
        assert urlsplit(headers["Location"]).path == f"{under}/"
    else:
        assert (status, "<h1" in body) == (200, True)


def test_an_id_with_a_slash_reaches_its_page(proxy: str) -> None:
    """nginx decodes the path where `proxy_pass` names one, and made one slash of two."""
    status, _, _ = _ask(proxy, f"{SCREENS}/rum/sessions/{quote(ODD_SESSION, safe='')}")
    assert status == 200


def test_a_form_is_followed_and_a_foreign_one_is_refused(proxy: str) -> None:
    """The origin is compared with the host that the visitor typed."""
    own = {"Origin": proxy, "Content-Type": "application/x-www-form-urlencoded"}
    status, headers, _ = _ask(proxy, f"{SCREENS}/-/theme", "theme=dark&next=/logs", own)
    assert (status, headers["Location"]) == (303, f"{SCREENS}/logs")
    foreign = {**own, "Origin": "http://elsewhere.example"}
    assert _ask(proxy, f"{SCREENS}/join", "code=x", own)[0] == 200
    assert _ask(proxy, f"{SCREENS}/join", "code=x", foreign)[0] == 403
    status, headers, _ = _ask(proxy, f"{SHOP}/setCurrency", "currency_code=EUR", own)
    assert (status, headers["Location"]) == (302, f"{SHOP}/")


def test_what_a_visitor_claims_is_replaced(proxy: str) -> None:
    """A visitor's own headers reach neither links nor the check of hosts."""
    claimed = {
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-For": "10.9.9.9",
        "X-Forwarded-Proto": "https",
    }
    status, headers, body = _ask(proxy, f"{SCREENS}/", extra=claimed)
    assert status == 200
    assert "evil" not in body
    assert f'href="{SCREENS}/' in body
    assert "Secure" not in headers.get("Set-Cookie", "")


@pytest.mark.parametrize("path", [f"{SCREENS}/logs", f"{SHOP}/"])
def test_the_proxy_compresses(proxy: str, path: str) -> None:
    """Pages leave us uncompressed under a path."""
    _, headers, _ = _ask(proxy, path, extra={"Accept-Encoding": "gzip"})
    assert headers.get("Content-Encoding") == "gzip"


def test_caddy_serves_by_https_under_the_name(served: Served, tmp_path: Path) -> None:
    """The whole example, certificate and all; cookies are for HTTPS only."""
    with caddy(served.screens, served.shop, tmp_path, https=True) as base:
        form = {"Content-Type": "application/x-www-form-urlencoded", "Origin": f"https://{HOST}"}
        status, headers, _ = _ask(base, f"{SHOP}/setCurrency", "currency_code=EUR", form, host=HOST)
        assert status == 302
        assert "; Secure" in headers["Set-Cookie"]
        assert f"Path={SHOP}/" in headers["Set-Cookie"]
        status, _, body = _ask(base, f"{SCREENS}/", host=HOST)
        assert status == 200
        assert f'href="{SCREENS}/' in body


class _ToName(http.client.HTTPSConnection):
    """HTTPS to an address, under a name."""

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.sock = context.wrap_socket(self.sock, server_hostname=HOST)


def _ask(
    base: str, path: str, form: str = "", extra: Mapping[str, str] | None = None, host: str = ""
) -> tuple[int, dict[str, str], str]:
    parts = urlsplit(base)
    kind = _ToName if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=20)
    named = {"Host": host} if host else {}
    connection.request("POST" if form else "GET", path, form or None, {**named, **(extra or {})})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, dict(answer.getheaders()), body.decode("utf-8", "replace")
