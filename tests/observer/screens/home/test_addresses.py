"""Links from the screens to the shop lead to the host by which the reader came, or to the public address."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from observer.app import create_app
from observer.settings import Settings
from runtime.settings import SettingsError, load
from store import open_reader, open_writer

SHOP = "http://127.0.0.1:8080"
PAGES = (
    "/",
    "/?seat=anna",
    "/workshop",
    "/workshop?seat=anna",
    "/rum",
    "/rum/sessions",
    "/rum/tags",
    "/logs",
)
WITH_LINK = PAGES[:7]
HOSTILE = ['evil.example"><script>', "evil.example/x", "x@evil.example", "evil example", "evil.example:0"]


Observing = Callable[..., FlaskClient]


@pytest.fixture(name="observing", scope="module")
def _observing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observing]:
    """Makes clients of the screens over an empty store, listening as the settings say."""
    path = tmp_path_factory.mktemp("addresses") / "store.sqlite3"
    open_writer(path).close()
    reader = open_reader(path)

    @cache
    def client(**settings: str) -> FlaskClient:
        given = {"shop_url": SHOP, "listen_addr": "0.0.0.0", **settings}
        return create_app(reader, Settings(**given)).test_client(use_cookies=False)  # type: ignore[arg-type]

    yield client
    reader.close()


def text_of(client: FlaskClient, path: str, host: str) -> str:
    answer = client.get(path, headers={"Host": host})
    assert answer.status_code == 200, f"{path} for {host}: {answer.status_code}"
    return answer.text


def outside_hosts(page: str) -> set[str]:
    """Host and port of every absolute link."""
    links = [node.attributes.get("href") or "" for node in LexborHTMLParser(page).css("a[href]")]
    return {urlsplit(link).netloc for link in links if "//" in link}


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize(
    ("host", "shop"),
    [
        ("192.168.1.20:8090", "192.168.1.20:8080"),
        ("localhost:8090", "localhost:8080"),
        ("127.0.0.1:8090", "127.0.0.1:8080"),
        ("lab.school.example", "lab.school.example:8080"),
        ("[2001:db8::7]:8090", "[2001:db8::7]:8080"),
    ],
)
def test_links_lead_where_the_reader_came(observing: Observing, path: str, host: str, shop: str) -> None:
    """A lab on every network: each page's links have the reader's host and the shop's port."""
    client = observing()
    page = text_of(client, path, host)

    assert outside_hosts(page) == ({shop} if path in WITH_LINK else set())
    reader = urlsplit(f"//{host}").hostname or ""
    assert reader in ("127.0.0.1",) or "127.0.0.1" not in page, "an address for telemetry says loopback"


@pytest.mark.parametrize("path", WITH_LINK)
@pytest.mark.parametrize("host", HOSTILE)
def test_a_hostile_host_is_in_no_page(observing: Observing, path: str, host: str) -> None:
    """What is not a host is refused or left out: links are those of the settings."""
    client = observing()
    answer = client.get(path, headers={"Host": host})

    assert answer.status_code in (200, 400)
    assert "evil" not in answer.text
    if answer.status_code == 200:
        assert outside_hosts(answer.text) == {"127.0.0.1:8080"}


@pytest.mark.parametrize(
    ("host", "shop"),
    [
        ("127.0.0.1:8090", "127.0.0.1:8080"),
        ("localhost:8090", "localhost:8080"),
        ("rebound.example:8090", "127.0.0.1:8080"),
    ],
)
def test_on_loopback_only_names_of_loopback_are_followed(observing: Observing, host: str, shop: str) -> None:
    """A name that a foreign page pointed at this machine gets no links of its own."""
    client = observing(listen_addr="127.0.0.1")
    assert outside_hosts(text_of(client, "/workshop?seat=anna", host)) == {shop}


@pytest.mark.parametrize("path", WITH_LINK)
def test_a_public_address_wins(observing: Observing, path: str) -> None:
    """Behind a proxy the reader's host says nothing of the shop's."""
    client = observing(shop_public_url="https://shop.example.org")
    assert outside_hosts(text_of(client, path, "screens.example.org")) == {"shop.example.org"}


def test_a_shop_that_is_elsewhere_stays_there(observing: Observing) -> None:
    """Only loopback is replaced: another host was chosen by somebody."""
    client = observing(shop_url="http://10.0.0.5:8080")
    assert outside_hosts(text_of(client, "/", "192.168.1.20:8090")) == {"10.0.0.5:8080"}


def test_a_public_address_that_is_none_is_refused() -> None:
    """As every malformed setting: one sentence that names it."""
    with pytest.raises(SettingsError, match="SHOP_PUBLIC_URL"):
        load(Settings, {"SHOP_PUBLIC_URL": "shop.example.org/path"})
    settings = load(Settings, {"SHOP_PUBLIC_URL": "https://Shop.example.org/"})
    assert settings.shop_public_url == "https://shop.example.org"
