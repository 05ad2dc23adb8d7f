"""The APM pages hold what the lesson names, are linked to the next step, and survive hostile telemetry."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from tests.fixtures.html import attribute, first, one, text
from tests.fixtures.seed import CHARGE_SPAN, CHECKOUT_EVENT, HOSTILE_TRACE, SESSION, TRACE
from tests.observer.screens.apm.conftest import Page
from tests.observer.updates import announced, updates_address

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
    f"/apm/traces/{TRACE}?errors=root&only=1",
    f"/apm/traces/{HOSTILE_TRACE}?span=bad0000000000001",
    f"/rum/sessions/{SESSION}/apm/{CHECKOUT_EVENT}",
)


def test_the_dialog_leads_from_the_session_to_the_trace(page: Page) -> None:
    tree = page(f"/rum/sessions/{SESSION}/apm/{CHECKOUT_EVENT}")
    body = first(tree, "[data-dialog-body]")
    words = text(body)
    assert "POST /cart/checkout" in words
    assert "frontend:/cart/checkout" in words
    assert "anna" in words
    assert "gold" in words
    shares = [float(share) for share in re.findall(r"(\d+\.\d) %", text(first(body, ".legend")))]
    assert len(shares) == 4
    assert sum(shares) == pytest.approx(100)
    link = first(body, "a[data-key=trace]")
    assert attribute(link, "href").startswith(f"/apm/traces/{TRACE}")
    chips = [text(chip) for chip in body.css(".service")]
    assert chips[0].endswith("checkoutservice (4)")
    assert chips[1].endswith("paymentservice (2)")
    assert "originated here" in chips[0]
    assert "received" in chips[2]


def test_an_event_without_a_link_says_why(page: Page, client: FlaskClient) -> None:
    events = client.get(f"/api/v1/rum/sessions/{SESSION}").get_json()["events"]
    error = next(event for event in events if event["operation"] == "onerror")
    tree = page(f"/rum/sessions/{SESSION}/apm/{error['span_id']}")
    assert "Server-Timing" in text(first(tree, "main"))


def test_a_link_whose_trace_is_not_here_says_so(page: Page, client: FlaskClient) -> None:
    events = client.get(f"/api/v1/rum/sessions/{SESSION}").get_json()["events"]
    missing = next(e for e in events if e["apm"] and e["apm"]["trace_id"] != TRACE)
    tree = page(f"/rum/sessions/{SESSION}/apm/{missing['span_id']}")
    assert "This trace is not here" in text(first(tree, "main"))


def test_the_waterfall_marks_both_services_and_links_logs_and_session(page: Page) -> None:
    tree = page(f"/apm/traces/{TRACE}")
    rows = {attribute(row, "id"): row for row in tree.css("tr[data-row]")}
    charge = rows[f"s-{CHARGE_SPAN}"]
    assert "paymentservice: grpc.hipstershop.PaymentService/Charge" in " ".join(charge.text().split())
    assert attribute(charge, "data-mark") == "error origin"
    assert "error, originated here" in text(charge)
    origins = [row for row in rows.values() if row.attributes.get("data-mark") == "error origin"]
    assert len(origins) == 2
    logs = first(tree, ".related [data-key=logs]")
    assert text(logs) == "Logs (6)"
    assert f"trace_id={TRACE}" in attribute(logs, "href")
    session = first(tree, "tr.from-browser a")
    assert attribute(session, "href") == f"/rum/sessions/{SESSION}?event={CHECKOUT_EVENT}"
    assert "POST /cart/checkout" in text(session)
    assert "External" in text(first(tree, ".trace-side .legend"))


def test_a_row_opens_in_place_by_a_plain_link(page: Page) -> None:
    tree = page(f"/apm/traces/{TRACE}")
    href = attribute(first(tree, f"#s-{CHARGE_SPAN} a[data-open]"), "href")
    assert href == f"/apm/traces/{TRACE}?span={CHARGE_SPAN}#s-{CHARGE_SPAN}"
    opened = page(f"/apm/traces/{TRACE}", span=CHARGE_SPAN)
    detail = first(opened, f"[data-detail='s-{CHARGE_SPAN}']")
    words = text(detail)
    assert "401" in words
    assert "Invalid request" in words
    assert "v350.10" in words
    assert "Logs of this span (2)" in words
    assert attribute(first(detail, "[data-key=close]"), "href").startswith(f"/apm/traces/{TRACE}#")
    row = first(opened, f"#s-{CHARGE_SPAN}")
    assert attribute(row, "aria-selected") == "true"


def test_the_same_numbers_stand_on_the_logs_page(page: Page, client: FlaskClient) -> None:
    link = first(page(f"/apm/traces/{TRACE}"), ".related [data-key=logs]")
    said = int(re.findall(r"\((\d+)\)", text(link))[0])
    shown = client.get(f"/api/v1/logs?trace_id={TRACE}").get_json()["count"]
    rows = page(attribute(link, "href")).css("[data-rows] [data-row]")
    assert said == shown == len(rows)


def test_the_map_has_a_table_with_the_same_numbers(page: Page) -> None:
    tree = page("/apm")
    titles = [title.text() for title in tree.css("svg.map a.node > title")]
    drawn = {title.split(":")[0].split(" (")[0] for title in titles}
    table = first(tree, ".map-table table")
    listed = {text(first(cell, "a")) for cell in table.css("tbody th")}
    assert {"frontend", "checkoutservice", "paymentservice", "ButtercupPayments"} <= drawn & listed
    assert len(drawn) == len(listed)


def test_the_panel_of_a_node_breaks_it_down(page: Page) -> None:
    tree = page("/apm", service="paymentservice")
    panel = first(tree, "#node-panel")
    words = text(panel)
    assert "v350.10" in words
    assert "100.0 %" in words
    assert f"/apm/traces/{TRACE}" in {attribute(a, "href") for a in panel.css(".trace-links a")}
    assert attribute(first(tree, "svg.map a.node.chosen"), "aria-current") == "true"


def test_the_panel_of_what_sends_no_spans_is_no_dead_end(page: Page) -> None:
    """The lesson's culprit had neither a trace nor a breakdown."""
    panel = first(page("/apm", service="ButtercupPayments"), "#node-panel")
    assert f"/apm/traces/{TRACE}" in {attribute(a, "href") for a in panel.css(".trace-links a")}
    assert "Requests of paymentservice that call it" in text(panel)
    assert attribute(first(panel, "#breakdown-tag"), "value") == "version"
    assert "v350.10" in text(panel)
    every = attribute(first(panel, "a.button[href^='/apm/traces']"), "href")
    assert "attr=peer.service%3AButtercupPayments" in every
    assert page(every).css(f"#t-{TRACE}")


def test_the_panel_breaks_down_by_any_attribute(page: Page) -> None:
    panel = first(page("/apm", service="paymentservice", tag="app.of.ours"), "#node-panel")
    assert attribute(first(panel, "#breakdown-tag"), "value") == "app.of.ours"
    assert "not set" in text(panel)


def test_a_call_leads_to_the_traces_that_have_both_its_ends(page: Page) -> None:
    edges = page("/apm").css(".map-table table")[1]
    links = {attribute(a, "href") for a in edges.css("td a")}
    call = "/apm/traces?service=checkoutservice&also=paymentservice"
    assert call in links
    assert TRACE in {attribute(row, "id").removeprefix("t-") for row in page(call).css("tr[data-row]")}


def test_the_map_can_be_drawn_around_one_service(page: Page) -> None:
    tree = page("/apm", service="paymentservice", hops="1", size="full")
    names = {one(a, "title").text().split(":")[0] for a in tree.css("svg.map a.node")}
    assert names == {"paymentservice", "checkoutservice", "ButtercupPayments (inferred)"}
    wide = page("/apm", service="paymentservice", hops="2")
    assert len(wide.css("svg.map a.node")) > 3
    assert "hops=1" in attribute(first(tree, ".map-tools a[aria-current]"), "href")


def test_tag_spotlight_shows_first_what_tells_errors_apart(page: Page) -> None:
    cards = [text(card) for card in page("/apm/tags", service="paymentservice").css(".cards h2")]
    assert cards[0] == "version"
    filtered = page("/apm/tags", service="paymentservice", attr="version:v350.10")
    assert "version = v350.10" in text(first(filtered, ".chip"))


def test_trace_search_narrows_and_each_filter_can_go(page: Page) -> None:
    tree = page("/apm/traces", service="paymentservice", error="origin", attr="enduser.id:anna")
    rows = tree.css("tbody tr[data-row]")
    assert [attribute(row, "id") for row in rows] == [f"t-{TRACE}"]
    chips = {text(first(chip, "code")): attribute(first(chip, "a"), "href") for chip in tree.css(".chip")}
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
        empty = first(page(path, **args), ".empty")
        one(empty, "h2")
        first(empty, "a.button")


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
    source = client.get(path).text
    tree = LexborHTMLParser(source)
    assert not re.search(r"<[^>]+\sstyle=", source), "an inline style"
    assert all(script.attributes.get("src") for script in tree.css("script")), "an inline script"
    assert not re.search(r'\s(?:src|href)="(?:https?:)?//', source), "something of another origin"
    assert len(tree.css("h1")) == 1
    ids = [attribute(node, "id") for node in tree.css("[id]")]
    assert len(ids) == len(set(ids)), "an id twice"
    for node in tree.css("[aria-labelledby]"):
        assert attribute(node, "aria-labelledby") in ids
    for link in tree.css("a[href]"):
        name = text(link) or link.attributes.get("aria-label") or ""
        assert name, f"a link without a name: {attribute(link, 'href')}"


@pytest.mark.parametrize("path", PAGES)
def test_nothing_hostile_is_obeyed(client: FlaskClient, path: str) -> None:
    # A choice of a form must carry the value as it is; nobody sees it there.
    source = re.sub(r'\svalue="[^"]*"', "", client.get(path).text)
    assert "<img src=x" not in source
    assert "\u202e" not in source
    assert "\x07" not in source
    assert len(source) < 400_000


def test_what_comes_later_is_announced(page: Page, client: FlaskClient) -> None:
    address = updates_address(page(f"/apm/traces/{TRACE}"))
    assert announced(client, address) == ""
    grown = announced(client, f"/apm/traces/{TRACE}/updates?spans=7")
    assert grown == "2 more spans arrived"
    listed = updates_address(page("/apm/traces"))
    assert announced(client, listed) == ""
    earlier = announced(client, "/apm/traces/updates?after=1&service=paymentservice&error=origin")
    assert int(earlier.partition(" new traces")[0]) > 1
    assert not updates_address(page(f"/apm/traces/{TRACE}", live="0"))
    assert not updates_address(page("/apm/traces", live="0"))


@pytest.mark.parametrize(
    "path",
    [
        "/apm",
        "/apm/services",
        "/apm/services/paymentservice",
        "/apm/tags?service=paymentservice",
        "/apm/traces",
    ],
)
def test_the_chosen_environment_narrows_every_page(client: FlaskClient, path: str) -> None:
    separator = "&" if "?" in path else "?"
    chosen = client.get(f"{path}{separator}env=hipster-lab")
    assert TRACE in chosen.text or "paymentservice" in chosen.text
    elsewhere = client.get(f"{path}{separator}env=nowhere")
    if path == "/apm/services/paymentservice":
        assert elsewhere.status_code == 404
        assert "another environment" in elsewhere.text
    else:
        one(LexborHTMLParser(elsewhere.text), ".empty")


def test_the_environment_of_a_trace_search_is_a_filter_that_can_go(page: Page) -> None:
    tree = page("/apm/traces", env="hipster-lab")
    assert text(one(tree, ".chip code")) == "environment = hipster-lab"
    assert "env=" not in attribute(one(tree, ".chip a"), "href")
