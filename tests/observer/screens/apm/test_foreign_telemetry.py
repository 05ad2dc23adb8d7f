"""Telemetry that nobody here made: its names, shapes and habits come out right on the APM pages."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urljoin

import pytest
from flask.testing import FlaskClient
from selectolax.lexbor import LexborHTMLParser

from observer.lookup.traces import FoundTrace, find_trace
from observer.screens.apm.trace import trace_cache
from store.api import Reader
from tests.fixtures.html import attribute, first, text
from tests.fixtures.scene import observing
from tests.fixtures.world import MS, S, World, pairs, span

SERVER, CLIENT = 2, 3
BROWSER_TRACE = "b0" * 16
LINKED_TRACE = "1d" * 16
LARGE_TRACE = "1a" * 16
BUSY = 60
"""Requests of one busy second."""
ODD_NAMES = ("../x", "..", ".", "/lead", "a//b", "a/b?c#d", "end\n", "-", " led", "%2e%2e", "a&b=c", "ünï;x")
"""What a browser or a server would change in a path, and what it would not."""


def _odd_names(world: World) -> None:
    for number, name in enumerate(ODD_NAMES, 1):
        trace = f"{number:032x}"
        at = world.now_unix_nano - 60 * S + number * S
        world.backend(name, [span(trace, f"{number:016x}", "", "GET /op", SERVER, at, 50)])


def _linked(world: World) -> None:
    """A consumer that a link, not a parent, joins to the trace of its message; shorter than a millisecond."""
    at = world.now_unix_nano - 30 * S
    one = span(LINKED_TRACE, "1d" * 8, "", "letters receive", SERVER, at, 0.25)
    one["links"] = [{"traceId": "1" * 32, "spanId": "1" * 16, "attributes": pairs({"link.reason": "batch"})}]
    world.backend("post", [one, span(LINKED_TRACE, "1e" * 8, "1d" * 8, "late", 1, at, 5)])


def _large(world: World) -> None:
    """A trace large enough for its analysis to be kept, and for more than one page of rows."""
    at = world.now_unix_nano - 25 * S
    spans = [span(LARGE_TRACE, "1a" * 8, "", "many", SERVER, at, 900)]
    for number in range(trace_cache.FROM_SPANS + 1_010):
        spans.append(span(LARGE_TRACE, f"{number + 1:016x}", "1a" * 8, f"step {number}", 1, at, 1))
    world.backend("large", spans)


def _busy(world: World) -> None:
    for number in range(BUSY):
        at = world.now_unix_nano - 3 * S + number * 10 * MS
        tags = {"zone": "east"} if number % 2 else {}
        trace = f"{0xB0_0000 + number:032x}"
        world.backend(
            "busy", [span(trace, f"{number + 1:016x}", "", f"GET /Item/{number % 3}", SERVER, at, 9, **tags)]
        )


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlaskClient]:
    world = World(time.time_ns())
    _odd_names(world)
    _linked(world)
    _busy(world)
    _large(world)
    world.browser("5e5510", 1, "HTTP GET", world.now_unix_nano - 20 * S, _trace=BROWSER_TRACE, _ms=12)
    with observing(world, tmp_path_factory.mktemp("foreign")) as found:
        yield found


def _page(client: FlaskClient, path: str) -> LexborHTMLParser:
    answer = client.get(path)
    assert answer.status_code == 200, f"{path} answered {answer.status_code}"
    return LexborHTMLParser(answer.text)


def test_every_name_of_a_service_leads_to_its_page(client: FlaskClient) -> None:
    """`..` and its like were resolved by the browser, slashes merged by the server: a page of nobody."""
    links = _page(client, "/apm/services").css("tbody a[data-main]")
    assert {text(link) for link in links} >= {"../x", "..", "a//b"}
    for link in links:
        resolved = urljoin("http://observer/apm/services", attribute(link, "href"))
        there = _page(client, resolved.removeprefix("http://observer"))
        assert text(first(there, "h1")) == text(link)
        assert not there.css(".empty h2"), "its endpoints are its own"


def test_the_links_from_a_trace_to_its_service_hold_too(client: FlaskClient) -> None:
    for number, name in enumerate(ODD_NAMES, 1):
        tree = _page(client, f"/apm/traces/{number:032x}")
        there = _page(client, attribute(first(tree, ".trace-side .entry a"), "href"))
        assert text(first(there, "h1")) == text(first(tree, ".trace-side .entry b")), name


def test_a_trace_of_which_only_the_browser_told_says_so_and_leads_to_its_session(client: FlaskClient) -> None:
    """It was dated 1970, took 0 ms and had an empty waterfall."""
    tree = _page(client, f"/apm/traces/{BROWSER_TRACE}")
    assert "1970" not in text(first(tree, "main"))
    assert not tree.css(".waterfall")
    session = attribute(first(tree, ".empty a[data-key=session]"), "href")
    assert session.startswith("/rum/sessions/5e5510")
    _page(client, session)


def test_a_link_shows_its_attributes_and_leads_to_the_other_trace(client: FlaskClient) -> None:
    detail = first(_page(client, f"/apm/traces/{LINKED_TRACE}?span={'1d' * 8}"), ".span-detail")
    assert "link.reason" in text(detail)
    link = next(a for a in detail.css("a") if "Another trace" in a.text())
    assert attribute(link, "href").startswith(f"/apm/traces/{'1' * 32}?span={'1' * 16}")


def test_the_times_of_a_short_span_tell_its_ends_apart(client: FlaskClient) -> None:
    """A span of 250 µs began and ended at the same millisecond."""
    detail = first(_page(client, f"/apm/traces/{LINKED_TRACE}?span={'1d' * 8}"), ".span-detail")
    began, ended = (text(time) for time in detail.css(".facts time"))
    assert began != ended


def test_the_critical_path_says_where_it_ends_before_what_runs_on(client: FlaskClient) -> None:
    legend = text(first(_page(client, f"/apm/traces/{LINKED_TRACE}"), ".waterfall-legend"))
    assert "must shrink" in legend
    assert "+250 µs" in legend


def test_an_operation_is_found_by_a_part_of_its_name(client: FlaskClient) -> None:
    found = _page(client, "/apm/traces?service=busy&operation=item/2")
    names = {text(first(row, "th a")) for row in found.css("tbody tr[data-row]")}
    assert names == {"busy : GET /Item/2"}
    assert "operation contains item/2" in text(first(found, ".chip:nth-child(2)"))
    listed = {attribute(each, "value") for each in found.css("#t-operations option")}
    assert listed == {f"GET /Item/{n}" for n in range(3)}
    endpoint = first(_page(client, "/apm/services/busy"), "tbody th a")
    assert "exact=1" in attribute(endpoint, "href"), "GET / is not GET /cart"
    whole = _page(client, "/apm/traces?service=busy&operation=item/2&exact=1")
    assert not whole.css("tbody tr[data-row]")


def test_the_picture_spans_what_it_shows(client: FlaskClient) -> None:
    """The fifty newest of fifteen minutes stood on one line at the right."""
    tree = _page(client, "/apm/traces?service=busy")
    places = [float(attribute(dot, "cx")) for dot in first(tree, "svg.scatter").css("circle")]
    width = float(attribute(first(tree, "svg.scatter"), "viewBox").split()[2])
    assert max(places) - min(places) > 0.8 * (width - 64)


def test_long_ranges_are_dated(client: FlaskClient) -> None:
    day = time.strftime("%Y-")
    assert day in text(first(_page(client, "/apm/traces?since=7d"), ".traces tbody td"))
    assert day not in text(first(_page(client, "/apm/traces?since=1h"), "tbody td"))


def test_what_is_not_set_can_be_asked_for(client: FlaskClient) -> None:
    tree = _page(client, "/apm/tags?service=busy&tag=zone")
    unset = next(a for a in tree.css(".cards th a") if text(a) == "not set")
    narrowed = _page(client, attribute(unset, "href"))
    assert "zone = not set" in text(first(narrowed, ".chip"))
    counts = {text(cell) for cell in narrowed.css(".cards td[data-label=Requests]")}
    assert counts == {str(BUSY // 2)}


def test_tags_of_all_services_at_once(client: FlaskClient) -> None:
    tree = _page(client, "/apm/tags?service=*")
    assert "All services" in text(first(tree, "#tag-service option[selected]"))
    assert "of all services" in text(first(tree, ".page-head"))


@pytest.mark.parametrize("key", ["name", "requests", "p50", "p99"])
def test_a_table_sorts_by_a_column_both_ways(client: FlaskClient, key: str) -> None:
    heads = {}
    for way in ("asc", "desc"):
        tree = _page(client, f"/apm/services?sort={key}&dir={way}")
        head = first(tree, "th[aria-sort]")
        assert attribute(head, "aria-sort").startswith(way)
        other = attribute(first(head, "a"), "href")
        assert f"dir={'desc' if way == 'asc' else 'asc'}" in other
        heads[way] = [text(row) for row in tree.css("tbody th[scope=row]")]
    assert (heads["asc"] == heads["desc"][::-1]) is (key == "name"), "equals stay in the order of their names"
    if key == "requests":
        assert heads["desc"][0] == heads["asc"][-1] == "busy"
    endpoints = _page(client, "/apm/services/busy?sort=name&dir=desc").css("tbody[data-rows] th[scope=row]")
    assert [text(row) for row in endpoints] == [f"GET /Item/{n}" for n in (2, 1, 0)]


def test_a_large_trace_is_not_read_again_for_every_fold(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each fold, filter and opened span of 10,000 spans took a quarter of a second of reading."""
    read: list[str] = []

    def reading(reader: Reader, text: str) -> FoundTrace:
        read.append(text)
        return find_trace(reader, text)

    monkeypatch.setattr(trace_cache, "find_trace", reading)
    seen = [
        client.get(f"/apm/traces/{LARGE_TRACE}{args}").text for args in ("", "?errors=errors", "?at=1000", "")
    ]
    assert len(read) == 1
    assert seen[0] == seen[3]
    assert "step 1500" in seen[2]
    assert "step 1500" not in seen[0]
