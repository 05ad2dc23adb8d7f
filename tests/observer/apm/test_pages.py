"""The APM pages hold what the lesson names, are linked to the next step, and survive hostile telemetry."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from tests.browser.seed import CHARGE_SPAN
from tests.browser.seed import CHECKOUT_EVENT
from tests.browser.seed import HOSTILE_TRACE
from tests.browser.seed import SESSION
from tests.browser.seed import TRACE
from tests.observer.apm.conftest import Page

PAGES = (
    "/apm",
    "/apm?service=checkoutservice",
    "/apm?service=ButtercupPayments",
    "/apm/services",
    "/apm/services/paymentservice",
    "/apm/services/ButtercupPayments",
    "/apm/tags",
    "/apm/tags?service=paymentservice&attr=version:v350.10",
    "/apm/traces",
    "/apm/traces?error=origin&sort=slowest",
    f"/apm/traces/{TRACE}",
    f"/apm/traces/{TRACE}?span={CHARGE_SPAN}",
    f"/apm/traces/{TRACE}?errors=root&matches=1",
    f"/apm/traces/{HOSTILE_TRACE}?span=bad0000000000001",
    f"/rum/sessions/{SESSION}/apm/{CHECKOUT_EVENT}",
)


def _words(node: object) -> str:
    assert node is not None
    return re.sub(r"\s+", " ", node.text()).strip()  # type: ignore[attr-defined]  # selectolax's node


def test_the_dialog_leads_from_the_session_to_the_trace(page: Page) -> None:
    tree = page(f"/rum/sessions/{SESSION}/apm/{CHECKOUT_EVENT}")
    body = tree.css_first("[data-dialog-body]")
    words = _words(body)
    assert "POST /cart/checkout" in words
    assert "frontend:/cart/checkout" in words
    assert "anna" in words
    assert "gold" in words
    shares = [float(share) for share in re.findall(r"(\d+\.\d) %", _words(body.css_first(".legend")))]
    assert len(shares) == 4
    assert sum(shares) == pytest.approx(100)
    link = body.css_first("a[data-key=trace]")
    assert link.attributes["href"].startswith(f"/apm/traces/{TRACE}")
    chips = [_words(chip) for chip in body.css(".service")]
    assert chips[0].endswith("checkoutservice (4)")
    assert chips[1].endswith("paymentservice (2)")
    assert "originated here" in chips[0]
    assert "received" in chips[2]


def test_an_event_without_a_link_says_why(page: Page, client: FlaskClient) -> None:
    events = client.get(f"/api/v1/rum/sessions/{SESSION}").get_json()["events"]
    error = next(event for event in events if event["operation"] == "onerror")
    tree = page(f"/rum/sessions/{SESSION}/apm/{error['span_id']}")
    assert "Server-Timing" in _words(tree.css_first("main"))


def test_a_link_whose_trace_is_not_here_says_so(page: Page, client: FlaskClient) -> None:
    events = client.get(f"/api/v1/rum/sessions/{SESSION}").get_json()["events"]
    missing = next(e for e in events if e["apm"] and e["apm"]["trace_id"] != TRACE)
    tree = page(f"/rum/sessions/{SESSION}/apm/{missing['span_id']}")
    assert "This trace is not here" in _words(tree.css_first("main"))


def test_the_waterfall_marks_both_services_and_links_logs_and_session(page: Page) -> None:
    tree = page(f"/apm/traces/{TRACE}")
    rows = {row.attributes["id"]: row for row in tree.css("tr[data-row]")}
    charge = rows[f"s-{CHARGE_SPAN}"]
    assert "paymentservice: grpc.hipstershop.PaymentService/Charge" in _words(charge)
    assert charge.attributes["data-mark"] == "error origin"
    assert "error, originated here" in _words(charge)
    origins = [row for row in rows.values() if row.attributes.get("data-mark") == "error origin"]
    assert len(origins) == 2
    logs = tree.css_first(".related [data-key=logs]")
    assert _words(logs) == "Logs (6)"
    assert f"trace_id={TRACE}" in logs.attributes["href"]
    session = tree.css_first("tr.from-browser a")
    assert session.attributes["href"] == f"/rum/sessions/{SESSION}?event={CHECKOUT_EVENT}"
    assert "POST /cart/checkout" in _words(session)
    assert "External" in _words(tree.css_first(".trace-side .legend"))


def test_a_row_opens_in_place_by_a_plain_link(page: Page) -> None:
    tree = page(f"/apm/traces/{TRACE}")
    href = tree.css_first(f"#s-{CHARGE_SPAN} a[data-open]").attributes["href"]
    assert href == f"/apm/traces/{TRACE}?span={CHARGE_SPAN}#s-{CHARGE_SPAN}"
    opened = page(f"/apm/traces/{TRACE}", span=CHARGE_SPAN)
    detail = opened.css_first(f"[data-detail='s-{CHARGE_SPAN}']")
    words = _words(detail)
    assert "401" in words
    assert "Invalid request" in words
    assert "v350.10" in words
    assert "Logs of this span (2)" in words
    assert detail.css_first("[data-key=close]").attributes["href"].startswith(f"/apm/traces/{TRACE}#")
    row = opened.css_first(f"#s-{CHARGE_SPAN}")
    assert row.attributes["aria-selected"] == "true"


def test_the_same_numbers_stand_on_the_logs_page(page: Page, client: FlaskClient) -> None:
    link = page(f"/apm/traces/{TRACE}").css_first(".related [data-key=logs]")
    said = int(re.findall(r"\((\d+)\)", _words(link))[0])
    shown = client.get(f"/api/v1/logs?trace_id={TRACE}").get_json()["count"]
    rows = page(link.attributes["href"]).css("[data-rows] [data-row]")
    assert said == shown == len(rows)


def test_the_map_has_a_table_with_the_same_numbers(page: Page) -> None:
    tree = page("/apm")
    titles = [title.text() for title in tree.css("svg.map a.node > title")]
    drawn = {title.split(":")[0].split(" (")[0] for title in titles}
    table = tree.css_first(".map-table table")
    listed = {_words(cell.css_first("a")) for cell in table.css("tbody th")}
    assert {"frontend", "checkoutservice", "paymentservice", "ButtercupPayments"} <= drawn & listed
    assert len(drawn) == len(listed)


def test_the_panel_of_a_node_breaks_it_down(page: Page) -> None:
    tree = page("/apm", service="paymentservice")
    panel = tree.css_first("#node-panel")
    words = _words(panel)
    assert "v350.10" in words
    assert "100.0 %" in words
    assert f"/apm/traces/{TRACE}" in {a.attributes["href"] for a in panel.css(".trace-links a")}
    assert tree.css_first("svg.map a.node.chosen").attributes["aria-current"] == "true"


def test_tag_spotlight_shows_first_what_tells_errors_apart(page: Page) -> None:
    cards = [_words(card) for card in page("/apm/tags", service="paymentservice").css(".cards h2")]
    assert cards[0] == "version"
    filtered = page("/apm/tags", service="paymentservice", attr="version:v350.10")
    assert "version = v350.10" in _words(filtered.css_first(".chip"))


def test_trace_search_narrows_and_each_filter_can_go(page: Page) -> None:
    tree = page("/apm/traces", service="paymentservice", error="origin", attr="enduser.id:anna")
    rows = tree.css("tbody tr[data-row]")
    assert [row.attributes["id"] for row in rows] == [f"t-{TRACE}"]
    chips = {
        _words(chip.css_first("code")): chip.css_first("a").attributes["href"] for chip in tree.css(".chip")
    }
    assert set(chips) == {"service = paymentservice", "error = originated here", "enduser.id = anna"}
    assert "enduser.id" not in chips["enduser.id = anna"]
    assert "service=paymentservice" in chips["enduser.id = anna"]


def test_empty_places_say_why_and_what_next(page: Page) -> None:
    for path, args in (
        ("/apm", {"from": "2001-01-01", "to": "2001-01-02"}),
        ("/apm/services", {"from": "2001-01-01", "to": "2001-01-02"}),
        ("/apm/tags", {"from": "2001-01-01", "to": "2001-01-02"}),
        ("/apm/traces", {"attr": "enduser.id:nobody"}),
    ):
        empty = page(path, **args).css_first(".empty")
        assert empty.css_first("h2") is not None
        assert empty.css_first("a.button") is not None


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/apm/traces/" + "a" * 32, 404),
        ("/apm/traces/what", 400),
        (f"/apm/traces/{TRACE}?span=zz", 400),
        (f"/apm/traces/{TRACE}?min_ms=soon", 400),
        ("/apm/services/nobody", 404),
        (f"/rum/sessions/none/apm/{CHECKOUT_EVENT}", 404),
        (f"/rum/sessions/{SESSION}/apm/{'a' * 16}", 404),
    ],
)
def test_wrong_addresses_are_pages_with_a_remedy(client: FlaskClient, path: str, status: int) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert "<h1>" in answer.text


@pytest.mark.parametrize("path", PAGES)
def test_pages_keep_to_the_house_rules(client: FlaskClient, path: str) -> None:
    text = client.get(path).text
    tree = LexborHTMLParser(text)
    assert not re.search(r"<[^>]+\sstyle=", text), "an inline style"
    assert all(script.attributes.get("src") for script in tree.css("script")), "an inline script"
    assert not re.search(r'\s(?:src|href)="(?:https?:)?//', text), "something of another origin"
    assert len(tree.css("h1")) == 1
    ids = [node.attributes["id"] for node in tree.css("[id]")]
    assert len(ids) == len(set(ids)), "an id twice"
    for node in tree.css("[aria-labelledby]"):
        assert node.attributes["aria-labelledby"] in ids
    for link in tree.css("a[href]"):
        name = _words(link) or link.attributes.get("aria-label") or ""
        assert name, f"a link without a name: {link.attributes['href']}"


@pytest.mark.parametrize("path", PAGES)
def test_nothing_hostile_is_obeyed(client: FlaskClient, path: str) -> None:
    # A choice of a form must carry the value as it is; nobody sees it there.
    text = re.sub(r'\svalue="[^"]*"', "", client.get(path).text)
    assert "<img src=x" not in text
    assert "\u202e" not in text
    assert "\x07" not in text
    assert len(text) < 400_000


def test_what_comes_later_is_announced(page: Page, client: FlaskClient) -> None:
    address = page(f"/apm/traces/{TRACE}").css_first("[data-news]").attributes["data-news"]
    assert client.get(address).get_json() == {"count": 0, "words": "0 more spans arrived"}
    grown = client.get(f"/apm/traces/{TRACE}/news?spans=7").get_json()
    assert grown == {"count": 2, "words": "2 more spans arrived"}
    listed = page("/apm/traces").css_first("[data-news]").attributes["data-news"]
    assert client.get(listed).get_json()["count"] == 0
    earlier = client.get("/apm/traces/news?after=1&service=paymentservice&error=origin").get_json()
    assert earlier["count"] > 1
