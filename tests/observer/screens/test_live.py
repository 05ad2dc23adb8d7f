"""Live pages: each announces what arrives, says as of when it is, and has a link that lasts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from observer.app import create_app
from observer.settings import Settings
from signals.model import SessionId, TraceId
from store import open_reader, open_writer
from store.api import Reader, Writer
from tests.fixtures import seed
from tests.fixtures.html import attribute, first, one, text
from tests.fixtures.world import S, World, pairs
from tests.helpers import eventually
from tests.observer.updates import announced, updates_address

LATER_SESSION = "5e551011a000000000000000000000f7"
LATER_TRACE = "a11ce0000000000000000000c0ffeef7"
PAGES = (
    ("/rum", "new page view"),
    ("/rum?whose=all", "new page view"),
    ("/rum?attr=page:/cart", "new page view"),
    ("/rum/tags?metric=js_errors", "new JavaScript error"),
    ("/rum/tags?metric=page_views&attr=page:/cart", "new page view"),
    ("/rum/sessions", "1 new session"),
    ("/rum/sessions?attr=page:/cart", "1 new session"),
    ("/rum/sessions?metric=js_errors&attr=page:/cart", "1 new session"),
    ("/apm", "new requests"),
    ("/apm?service=checkoutservice", "new requests"),
    ("/apm/services", "new requests"),
    ("/apm/services/checkoutservice", "1 new request"),
    ("/apm/services/ButtercupPayments", "new requests"),
    ("/apm/tags", "new request"),
    ("/apm/tags?service=checkoutservice&attr=tenant.level:gold", "1 new request"),
    ("/apm/traces", "1 new trace"),
)
METRICS = (
    ("/metrics", "new points of 1 metric"),
    ("/metrics?q=orders", "new points of 1 metric"),
    ("/metrics/shop.orders", "new points of 1 series"),
    ("/metrics/shop.orders?by=version&attr=version:v350.9", "new points of 1 series"),
)
"""In a range that was copied while it was live, the next report completes the rate of the last column."""


class Lab:
    """Screens over a store that more may be written to, at a clock that can be set."""

    def __init__(self, folder: Path) -> None:
        path = folder / "store.sqlite3"
        self.writer: Writer = open_writer(path)
        self.world = seed.measured(seed.story())
        self.now = self.world.now_unix_nano
        self.world.send(self.writer)
        self.reader: Reader = open_reader(path)
        eventually(lambda: self.reader.session(SessionId(seed.SESSION)), "the seeded session")
        eventually(lambda: self.reader.trace_summaries([TraceId(seed.TRACE)]), "the seeded trace")
        app = create_app(self.reader, Settings(shop_url=seed.SHOP), clock=lambda: self.now)
        self.client: FlaskClient = app.test_client()

    def page(self, address: str) -> LexborHTMLParser:
        answer = self.client.get(address)
        assert answer.status_code == 200, f"{address} answered {answer.status_code}"
        return LexborHTMLParser(answer.text)

    def one_visit_more(self) -> None:
        """One person's visit with a failing checkout, 20 s after the pages were drawn."""
        self.now += 20 * S
        late = World(self.now, first=900_000)
        ready = seed.visit(late, LATER_SESSION, "eve", self.now - 18 * S)
        seed.checkout(late, LATER_SESSION, "eve", LATER_TRACE, ready, fails=True)
        point = {
            "startTimeUnixNano": str(self.now - 320 * S),
            "timeUnixNano": str(self.now - S),
            "asInt": "200",
            "attributes": pairs({"version": "v350.9"}),
        }
        total = {"aggregationTemporality": 2, "isMonotonic": True, "dataPoints": [point]}
        late.metric("checkoutservice", name="shop.orders", unit="{order}", sum=total)
        late.send(self.writer)
        eventually(lambda: self.reader.session(SessionId(LATER_SESSION)), "the later session")
        eventually(lambda: self.reader.trace_summaries([TraceId(LATER_TRACE)]), "the later trace")


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    found = Lab(tmp_path)
    yield found
    found.reader.close()
    found.writer.close()


def test_every_live_page_announces_what_arrives(lab: Lab) -> None:
    """And nothing before it does; shown again, it has nothing more to announce."""
    addresses = {page: updates_address(lab.page(page)) for page, _ in (*PAGES, *METRICS)}
    for page, address in addresses.items():
        assert address, f"{page} asks for no updates"
        assert announced(lab.client, address) == "", f"{page} announces what it shows"
    lab.one_visit_more()
    for page, words in (*PAGES, *METRICS):
        assert words in announced(lab.client, addresses[page]), page
        assert announced(lab.client, updates_address(lab.page(page))) == "", f"{page} announces again"


@pytest.mark.parametrize(
    "page", [*(page for page, _ in PAGES), "/metrics?q=gc", "/metrics/shop.orders?agg=last"]
)
def test_a_live_page_says_as_of_when_and_its_copied_link_lasts(lab: Lab, page: str) -> None:
    """What is counted stays what it was, however much arrives."""
    shown = lab.page(page)
    assert text(one(shown, "[data-as-of]")).endswith(", live")
    permalink = attribute(first(shown, "body"), "data-permalink")
    fixed = _numbers(lab.page(permalink))
    assert not updates_address(lab.page(permalink))
    lab.one_visit_more()
    assert _numbers(lab.page(permalink)) == fixed


def test_a_paused_page_says_so_and_asks_for_nothing(lab: Lab) -> None:
    for page, _ in (*PAGES, *METRICS):
        shown = lab.page(f"{page}{'&' if '?' in page else '?'}live=0")
        assert text(one(shown, "[data-as-of]")).endswith(", paused")
        assert not updates_address(shown)


def _numbers(page: LexborHTMLParser) -> list[str]:
    """Every number in a table or among the facts of a page."""
    return [text(node) for node in page.css("main td.num, main .stat .value, main dl.facts dd")]
