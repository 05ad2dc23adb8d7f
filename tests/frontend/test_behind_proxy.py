"""The shop under a path of a reverse proxy: pages, forms, cookies and the RUM agent's beacons."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.frontend.conftest import AGENT
from tests.frontend.fakes import FakeShop, fake_shop
from tests.frontend.mesh import serving
from tests.reverse_proxy import HOST, crawl, reverse_proxy

UNDER = "/lab/shop"
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(name="proxy")
def _proxy(tmp_path: Path) -> Iterator[str]:
    """A shop behind a trusted proxy."""
    (tmp_path / "splunk-otel-web.js").write_text(AGENT)
    shop = fake_shop(
        tmp_path, TRUSTED_PROXIES="127.0.0.0/8", OBSERVER_PUBLIC_URL=f"https://{HOST}/lab/screens"
    )
    with serving(shop.app) as url, reverse_proxy({UNDER: url}) as base:
        yield base


def _ask(base: str, path: str, form: str = "", **headers: str) -> tuple[http.client.HTTPResponse, str]:
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=20)
    connection.request("POST" if form else "GET", UNDER + path, form or None, {**_FORM, **headers})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


def test_every_link_of_every_page_stays_under_the_path(proxy: str) -> None:
    """Products, pictures, style sheet, scripts; the way to the lesson has the screens' public address."""
    found = crawl(proxy, f"{UNDER}/", of_a_shape=20)

    assert not found.wrong
    assert found.pages > 20
    assert any(each.startswith(f"https://{HOST}/lab/screens/") for each in found.outside)


def test_forms_lead_back_and_cookies_stay_under_the_path(proxy: str) -> None:
    """The page that sent the form is shown again."""
    referer = f"https://{HOST}{UNDER}/product/9SIQT8TOJO"
    answer, _ = _ask(proxy, "/setCurrency", "currency_code=EUR", Referer=referer)

    assert answer.status == 302
    assert answer.getheader("Location") == f"{UNDER}/product/9SIQT8TOJO"
    cookies = answer.headers.get_all("Set-Cookie") or []
    assert cookies
    assert all(f"Path={UNDER}/" in each and "Secure" in each for each in cookies)


def test_beacons_go_to_the_path(proxy: str) -> None:
    """The agent is told where the shop takes them."""
    _, page = _ask(proxy, "/")

    assert f'"beaconEndpoint": "{UNDER}/v1/rum"' in page


@pytest.mark.parametrize(
    "referer", ["http://[", "http://[::1", "//", "http://shop.example:99999/", "about:blank", "http://[]/x"]
)
def test_a_referer_that_is_no_address_counts_as_none(fake: FakeShop, referer: str) -> None:
    """The form is obeyed all the same."""
    answer = fake.client.post("/setCurrency", data={"currency_code": "EUR"}, headers={"Referer": referer})

    assert (answer.status_code, answer.headers["Location"]) == (302, "/")
