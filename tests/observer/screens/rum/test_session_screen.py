"""The page of one session: the way to its errors, its related content, what it says of what is gone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from tests.fixtures import seed
from tests.fixtures.html import Part, attribute, first, one, text
from tests.fixtures.scene import observing
from tests.fixtures.world import MS, S, World, span
from tests.observer.screens import Screens
from tests.observer.updates import announced, updates_address

SESSION = f"/rum/sessions/{seed.SESSION}"
NOW = 1_795_343_067_000_000_000
ODD = "a?b#c%d/e"
SHOP = "http://shop.test"


def href(page: Part, selector: str) -> str:
    return attribute(first(page, selector), "href")


def test_the_first_failures_are_one_click_away_and_every_count_leads_to_its_rows(screens: Screens) -> None:
    """`JavaScript errors 2` was no link, and the first error lay three screens down."""
    page = screens.page(f"{SESSION}?kind=vitals&page=1")
    links = [attribute(node, "href") for node in page.css(".first-error a")]
    assert len(links) == 2
    assert "TypeError" in text(one(page, ".first-error"))
    assert "/cart" in text(one(page, ".first-error"))
    for link in links:
        target = link.partition("#")[2]
        followed = screens.page(link.partition("#")[0])
        assert one(followed, f"#{target}")
        assert one(followed, f"[data-detail='{target}']")
    listed = [attribute(node, "href") for node in page.css(".facts a.badge")]
    assert [len(screens.page(link).css("[data-row]")) for link in listed] == [1, 1]


def test_marks_of_the_timeline_are_links_with_titles(screens: Screens) -> None:
    page = screens.page(SESSION)
    marks = page.css(".lane a")
    assert len(marks) > 10
    assert all(first(mark, "title").text() for mark in marks)
    assert any("POST /cart/checkout, 500" in attribute(mark, "aria-label") for mark in marks)


def test_a_run_of_resources_opens_by_its_link_alone(screens: Screens) -> None:
    page = screens.page(SESSION)
    run = first(page, ".wf-run")
    assert attribute(run, "aria-expanded") == "false"
    assert "3 resources" in text(run)
    assert "slowest 20 ms" in text(run)
    assert len(page.css(".wf-row[hidden]")) == 9
    opened = screens.page(href(run, "a"))
    assert attribute(first(opened, ".wf-run"), "aria-expanded") == "true"
    assert len(opened.css(".wf-row[hidden]")) == 6
    again = screens.page(href(first(opened, ".wf-run"), "a"))
    assert len(again.css(".wf-row[hidden]")) == 9
    pill = next(node for node in page.css("a.pill") if text(node).startswith("Resources"))
    every = screens.page(attribute(pill, "href"))
    assert len(every.css("[data-row]")) == 9
    assert not every.css(".wf-run")


def test_moments_of_a_page_stand_at_its_head_and_run_through_its_rows(screens: Screens) -> None:
    page = screens.page(SESSION)
    head = first(page, ".wf-page-head")
    assert re.search(r"FP 90 ms · Load 210 ms", text(head))
    grounds = {attribute(node, "id") for node in page.css(".wf-page-head defs g")}
    drawn = [attribute(node, "href") for node in page.css(".wf-bar use")]
    assert len(drawn) == len(page.css("[data-row]"))
    assert {f"#{ground}" for ground in grounds} == set(drawn)


def test_an_open_row_closes_by_its_link_alone(screens: Screens) -> None:
    """Without script its link opened it again."""
    page = screens.page(f"{SESSION}?event={seed.CHECKOUT_EVENT}&kind=fetch")
    link = first(page, f"#e-{seed.CHECKOUT_EVENT} a[data-open]")
    closed = screens.page(attribute(link, "href").partition("#")[0])
    assert not closed.css("[data-detail]")
    assert text(one(closed, ".pill[aria-current]")).startswith("Fetch")


def test_an_event_that_is_not_here_is_said_to_be_so(screens: Screens) -> None:
    words = text(screens.page(f"{SESSION}?event=0123456789abcdef"))
    assert "has no event with the span id 0123456789abcdef" in words
    page = screens.page(f"{SESSION}?event={seed.CHECKOUT_EVENT}&kind=vitals")
    assert "not among these rows" in text(page)
    shown = screens.page(href(page, ".notice a").partition("#")[0])
    assert one(shown, f"[data-detail='e-{seed.CHECKOUT_EVENT}']")


def test_pills_count_the_chosen_page(screens: Screens) -> None:
    """They counted the whole session, whichever page was shown."""

    def count(path: str, label: str) -> str:
        pill = next(node for node in screens.page(path).css("a.pill") if text(node).startswith(label))
        return text(one(pill, ".n"))

    assert count(SESSION, "Document loads") == "3"
    assert count(f"{SESSION}?page=1", "Document loads") == "1"
    assert (
        count(f"{SESSION}?page=3", "All")
        == text(one(screens.page(f"{SESSION}?page=3"), ".page-rail a[aria-current] .soft"))
        .split("·")[1]
        .split()[0]
    )


def test_the_dialog_and_the_way_back_keep_the_scope_and_the_choice(screens: Screens) -> None:
    """On `?since=1h` the dialog's links and chips forgot the hour, and Back the chosen kind."""
    page = screens.page(f"{SESSION}?since=1h&env=hipster-lab&kind=fetch")
    link = href(page, f"#e-{seed.CHECKOUT_EVENT} a.apm-link")
    assert link == f"{SESSION}/apm/{seed.CHECKOUT_EVENT}?since=1h&env=hipster-lab&kind=fetch"
    dialog = screens.page(link)
    for inside in (".trace-link", ".service-list a"):
        assert "since=1h&env=hipster-lab" in href(dialog, inside)
    back = href(dialog, ".no-dialog a")
    assert "since=1h" in back
    assert "kind=fetch" in back
    reopened = screens.page(f"{SESSION}?since=1h&apm={seed.CHECKOUT_EVENT}")
    assert attribute(one(reopened, "[data-open-dialog]"), "data-open-dialog").endswith("?since=1h")


def test_a_document_leads_where_its_badge_leads_when_opened(screens: Screens) -> None:
    page = screens.page(SESSION)
    row = next(row for row in page.css(".wf-row") if text(row).startswith("Document load"))
    opened = screens.page(href(row, "a[data-open]").partition("#")[0])
    detail = one(opened, "[data-detail]")
    assert href(detail, "a.apm-link") == href(row, "a.apm-link")


def test_a_request_without_a_link_leads_to_the_reason(screens: Screens) -> None:
    """The reason stood in a title alone, and a resource had none."""
    page = screens.page(f"{SESSION}?kind=resources")
    opened = screens.page(href(page, "a.no-apm").partition("#")[0])
    assert "Why is there no APM link?" in text(one(opened, "[data-detail]"))


def test_a_tag_can_be_copied_and_followed(screens: Screens) -> None:
    page = screens.page(f"{SESSION}?event={seed.CHECKOUT_EVENT}&env=hipster-lab")
    rows = {text(first(row, "th")): row for row in page.css(".with-ways tr")}
    seat = rows["enduser.id"]
    assert attribute(first(seat, "[data-copy]"), "data-copy") == "anna"
    sessions, spotlight = [attribute(node, "href") for node in seat.css(".ways a")]
    assert sessions == "/rum/sessions?env=hipster-lab&whose=all&attr=enduser.id%3Aanna"
    assert spotlight == "/rum/tags?env=hipster-lab&attr=enduser.id%3Aanna"
    assert len(rows["http.url"].css(".ways a")) == 1
    assert attribute(first(page, "input[data-filter]"), "data-filter") == f"#tags-{seed.CHECKOUT_EVENT}"


def number(page: Part, label: str) -> int:
    button = next(node for node in page.css(".related a") if text(node).startswith(label))
    return int(re.sub(r"\D", "", text(button)))


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    """Two visits of one seat at the same time, one without a seat, one with an odd id."""
    world = World(NOW)
    for n, (session, seat) in enumerate((("twin1", "anna"), ("twin2", "anna"), ("alone", ""), (ODD, ""))):
        who = {"enduser.id": seat} if seat else {}
        trace, at = f"{n + 1:032x}", NOW - 20 * S + n * MS
        link = {"link.traceId": trace, "link.spanId": f"{n + 1:016x}"}
        asked = {
            "component": "fetch",
            "http.method": "GET",
            "http.url": f"{SHOP}/api",
            "http.status_code": 200,
        }
        world.browser(session, 1, "HTTP GET", at, _ms=9, _id=f"abcd{n:012x}", **asked, **link, **who)
        entry = span(trace, f"{n + 1:016x}", "", "/api", 2, at + MS, 5, **who)
        world.backend("api", [entry])
        for line in range(n + 2):
            world.log("api", at + line * MS, 9, f"line {line}", _trace=trace, _span=f"{n + 1:016x}", **who)
    late = {"component": "fetch", "http.method": "GET", "http.url": f"{SHOP}/api", "http.status_code": 200}
    link = {"link.traceId": "ee" * 16, "link.spanId": "ee" * 8}
    world.browser("late", 1, "HTTP GET", NOW - S, _ms=9, _id="1a7e000000000001", **late, **link)
    world.browser(
        "unlinked",
        1,
        "HTTP GET",
        NOW - 20 * S,
        _ms=9,
        _id="0b5c000000000001",
        **late,
        **{"enduser.id": "anna"},
    )
    world.browser("unseated", 1, "HTTP GET", NOW - 20 * S, _ms=9, _id="0b5c000000000002", **late)
    with observing(world, tmp_path_factory.mktemp("session")) as found:
        yield found


def page_of(client: FlaskClient, path: str) -> LexborHTMLParser:
    answer = client.get(path)
    assert answer.status_code == 200, f"{path} answered {answer.status_code}"
    return LexborHTMLParser(answer.get_data(as_text=True))


@pytest.mark.parametrize(("session", "logs"), [("twin1", 2), ("twin2", 3), ("alone", 4), (ODD, 5)])
@pytest.mark.parametrize("scope", ["", "?env=hipster-lab", "?env=elsewhere"])
def test_the_number_of_logs_is_the_number_behind_the_link(
    client: FlaskClient, session: str, logs: int, scope: str
) -> None:
    """Two visits of one seat showed each other's logs; a session without a seat led to every log."""
    page = page_of(client, f"/rum/sessions/{quote(session, safe='')}{scope}")
    wanted = 0 if "elsewhere" in scope else logs
    assert number(page, "Logs") == wanted
    behind = page_of(client, href(page, ".related a"))
    assert len(behind.css("table.logs-table tbody tr[data-row]")) == wanted


def test_the_number_of_traces_is_the_number_behind_the_link(client: FlaskClient) -> None:
    page = page_of(client, "/rum/sessions/twin1")
    assert number(page, "Traces") == 1
    assert attribute(page.css(".related a")[1], "href").endswith("#session-traces")
    assert len(page.css("#session-traces tbody tr")) == 1


def test_a_session_without_links_offers_what_its_seat_did_at_that_time(client: FlaskClient) -> None:
    """It said *Logs (0)* and knew no trace, although the backend had both."""
    page = page_of(client, "/rum/sessions/unlinked?env=hipster-lab&since=1m")
    related = {text(node): attribute(node, "href") for node in page.css(".related a")}
    assert list(related) == ["Traces at this time", "Logs at this time"]

    traces, logs = (page_of(client, path) for path in related.values())
    listed = {attribute(node, "href").partition("?")[0] for node in traces.css("a[href^='/apm/traces/']")}
    assert listed == {f"/apm/traces/{n:032x}" for n in (1, 2)}, "of both visits of the seat"
    assert len(logs.css("table.logs-table tbody tr[data-row]")) == 5
    assert "links to a backend trace" in text(one(page, ".notice"))
    assert set(related.values()) == {attribute(node, "href") for node in page.css(".notice a")}


def test_a_session_without_links_and_seat_offers_what_ran_at_that_time(client: FlaskClient) -> None:
    page = page_of(client, "/rum/sessions/unseated")
    related = {text(node): attribute(node, "href") for node in page.css(".related a")}
    assert list(related) == ["Traces at this time", "Logs at this time"]
    assert "By time, which" in text(one(page, ".notice"))
    assert len(page_of(client, related["Logs at this time"]).css("tbody tr[data-row]")) == 14


def test_a_session_with_links_needs_no_such_search(client: FlaskClient) -> None:
    page = page_of(client, "/rum/sessions/twin1")
    assert "at this time" not in text(one(page, ".related"))


def test_an_id_with_marks_of_an_address_in_it_keeps_its_links(client: FlaskClient) -> None:
    """`?`, `#` and `%` of a session's id broke the links of its rows."""
    page = page_of(client, f"/rum/sessions/{quote(ODD, safe='')}")
    for selector in ("a[data-open]", "a.pill", ".page-rail a", "a.apm-link", "a[data-live-switch]"):
        answer = client.get(href(page, selector).partition("#")[0])
        assert answer.status_code == 200, selector


def test_the_dialog_says_whether_the_trace_may_still_come(client: FlaskClient) -> None:
    """Pruned and not yet come were told in one breath, and nothing looked again."""
    page = page_of(client, "/rum/sessions/late/apm/1a7e000000000001?since=1h")
    assert "not here yet" in text(one(page, "[data-dialog-body]"))
    assert "since=1h" in attribute(one(page, "[data-awaits]"), "hx-get")
    again = one(page, "a[data-looks-again]")
    assert (
        attribute(again, "href")
        == attribute(again, "hx-get")
        == attribute(one(page, "[data-awaits]"), "hx-get")
    )
    opened = page_of(client, "/rum/sessions/late?event=1a7e000000000001")
    assert "has not arrived (yet)" in text(one(opened, "[data-detail] .notice"))
    assert href(page, "a.no-dialog")


def test_updates_of_a_session_count_what_came_since(client: FlaskClient) -> None:
    """A student who opened the session before the checkout's beacon waited for ever."""
    page = page_of(client, "/rum/sessions/twin1")
    assert announced(client, updates_address(page)) == ""
    assert announced(client, "/rum/session-updates?id=twin1&events=0&errors=0") == "1 more event"
    assert not updates_address(page_of(client, "/rum/sessions/twin1?live=0"))
    assert client.get("/rum/session-updates?id=nobody").status_code == 404


def test_updates_name_the_errors_among_what_came(screens: Screens) -> None:
    words = announced(screens.client, f"/rum/session-updates?id={seed.SESSION}&events=20&errors=1")
    assert re.fullmatch(r"\d+ more events, 1 error", words)
