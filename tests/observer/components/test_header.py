"""What stands around every page."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from tests.fixtures import seed
from tests.fixtures.html import attribute, one, text
from tests.observer.screens import Screens

PAGES = (
    "/",
    "/rum",
    "/rum/tags",
    "/rum/sessions",
    f"/rum/sessions/{seed.SESSION}",
    "/logs",
    "/metrics",
    "/metrics/http.server.request.duration",
    "/workshop",
    "/desk",
    "/search?q=nothing",
    "/-/keys",
    "/-/glossary",
    "/-/patterns",
)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_has_one_heading_landmarks_and_unique_ids(screens: Screens, path: str) -> None:
    page = screens.page(path)
    one(page, "h1")
    one(page, "main#main")
    one(page, "header.top")
    one(page, "nav[aria-label='Product areas']")
    assert attribute(one(page, "a.skip"), "href") == "#main"
    ids = [node.attributes["id"] for node in page.css("[id]")]
    twice = {name for name in ids if ids.count(name) > 1}
    assert not twice, f"ids used twice: {twice}"


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_anything_inline_or_from_elsewhere(screens: Screens, path: str) -> None:
    page = screens.page(path)
    assert not page.css("[style], style, [onclick], [onload]")
    assert all(node.attributes.get("src") for node in page.css("script"))
    sources = [
        node.attributes.get("src") or node.attributes.get("href") or "" for node in page.css("script, link")
    ]
    assert all(source.startswith("/") for source in sources), sources


def test_the_time_range_and_environment_follow_from_page_to_page(screens: Screens) -> None:
    page = screens.page("/rum?since=1h&env=hipster-lab")
    for link in page.css("nav.areas a, nav.sections a"):
        assert "since=1h" in (link.attributes["href"] or "")
        assert "env=hipster-lab" in (link.attributes["href"] or "")


SCREENS = (*PAGES[:8], "/apm", "/apm/services", "/apm/services/paymentservice", "/apm/tags", "/apm/traces")
RANGES = ("since=1h", "from=2026-11-22T10:00:00Z&to=2099-01-01T00:00:00Z")


@pytest.mark.parametrize("path", [*SCREENS, f"/apm/traces/{seed.TRACE}"])
@pytest.mark.parametrize("time_range", RANGES)
def test_no_link_asks_for_two_time_ranges(screens: Screens, path: str, time_range: str) -> None:
    """`since` beside `from` or `to` is refused, so no page may lead there."""
    for node in screens.page(f"{path}?{time_range}").css("a[href]"):
        names = parse_qs(urlsplit(attribute(node, "href")).query).keys()
        assert "since" not in names or not names & {"from", "to"}, attribute(node, "href")


def test_a_range_that_cannot_be_read_is_said_with_a_remedy(screens: Screens) -> None:
    page = screens.page("/rum?since=soon", status=400)
    assert "soon" in text(one(page, "main"))
    assert "time range" in text(one(page, "main"))


def test_the_theme_is_a_cookie_that_the_server_reads(screens: Screens) -> None:
    with screens.app.test_client() as client:
        answer = client.post("/-/theme", data={"theme": "dark", "next": "/rum?since=1h"})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/rum?since=1h")
        assert 'data-theme="dark"' in client.get("/rum").get_data(as_text=True)
        client.post("/-/theme", data={"theme": "sparkling", "next": "/"})
        assert "data-theme=" not in client.get("/rum").get_data(as_text=True).partition("<body")[0]


@pytest.mark.parametrize(
    "target", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", ""]
)
def test_going_back_never_leaves_the_screens(screens: Screens, target: str) -> None:
    answer = screens.app.test_client().post("/-/theme", data={"theme": "dark", "next": target})
    assert answer.headers["Location"] == "/"


def test_an_address_that_leads_nowhere_says_where_to_go(screens: Screens) -> None:
    page = screens.page("/nowhere", status=404)
    assert {"/", "/rum/sessions", "/apm/traces", "/logs"} <= {
        a.attributes["href"] for a in page.css("main a")
    }


def test_a_bad_range_is_mended_by_one_click(screens: Screens) -> None:
    page = screens.page("/rum?from=2026-11-22T11:00&to=2026-11-22T10:00", status=400)
    assert attribute(one(page, "#range-from"), "value") == "2026-11-22T11:00:00"
    exchange = next(node for node in page.css("main a") if text(node) == "Exchange the two times")
    assert screens.client.get(attribute(exchange, "href")).status_code == 200
