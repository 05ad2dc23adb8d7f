"""The same view for all: filters hold from tab to tab, from area to area, and from a trace to its logs."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from selectolax.lexbor import LexborHTMLParser

from tests.fixtures import seed
from tests.fixtures.html import attribute, text
from tests.fixtures.scene import observing
from tests.fixtures.world import S, World, span
from tests.observer.screens import Screens

KEPT = "since=1h&env=hipster-lab&whose=synthetic"


def _tabs(screens: Screens, address: str, selector: str = "nav.sections a, nav.areas a") -> list[str]:
    return [attribute(link, "href") for link in screens.page(address).css(selector)]


def _query(address: str) -> dict[str, list[str]]:
    return parse_qs(urlsplit(address).query)


@pytest.mark.parametrize(
    "start", ["/rum", "/rum/tags", "/rum/sessions", "/apm", "/apm/tags", "/apm/traces", "/logs", "/metrics"]
)
def test_range_environment_and_audience_hold_in_every_menu(screens: Screens, start: str) -> None:
    """Two steps through the menus, from every screen to every other."""
    for tab in _tabs(screens, f"{start}?{KEPT}"):
        assert _query(tab).items() >= parse_qs(KEPT).items(), f"{start} leads to {tab}"
    for tab in _tabs(screens, f"{start}?{KEPT}"):
        if urlsplit(tab).path in ("/rum", "/apm", "/logs", "/metrics"):
            for next_tab in _tabs(screens, tab):
                assert _query(next_tab).items() >= parse_qs(KEPT).items(), f"{start}, {tab}, {next_tab}"


def test_filters_by_attribute_hold_among_the_tabs_of_rum(screens: Screens) -> None:
    """Overview, Tag Spotlight and Sessions narrow by the same attributes, and count the same."""
    wanted = "attr=enduser.id%3Aanna"
    for start in ("/rum", "/rum/tags", "/rum/sessions"):
        for tab in _tabs(screens, f"{start}?{wanted}", "nav.sections a"):
            assert _query(tab)["attr"] == ["enduser.id:anna"]
            assert "enduser.id = anna" in text(screens.page(tab).css(".chip")[0])
    views = screens.page(f"/rum?{wanted}").css("a[data-of=samples]")[0]
    assert attribute(views, "data-count") == "3", "the pages of one session"


def test_filters_hold_among_the_tabs_of_apm_and_a_page_says_what_it_cannot_apply(screens: Screens) -> None:
    wanted = "service=frontend&attr=tenant.level%3Agold&error=any&whose=people"
    for start in ("/apm", "/apm/services", "/apm/tags", "/apm/traces"):
        for tab in _tabs(screens, f"{start}?{wanted}", "nav.sections a"):
            assert _query(tab).items() >= parse_qs(wanted).items(), f"{start} leads to {tab}"
    said = screens.page(f"/apm/services?{wanted}").css("[data-not-applied]")
    assert "together" in text(said[0])
    assert "tenant.level:gold" in text(said[0])
    assert not screens.page(f"/apm/tags?service=frontend&{KEPT}").css("[data-not-applied]")


def test_the_spotlight_of_requests_counts_the_audience_alone(tmp_path: Path) -> None:
    """Of one service, requests that declare themselves synthetic and the others sum to all of them."""
    world = World(time.time_ns())
    for number in range(5):
        tags = {"tenant.level": "gold"} | ({"user_agent.synthetic.type": "test"} if number < 2 else {})
        at = world.now_unix_nano - 60 * S
        world.backend(
            "gate", [span(f"{number + 1:032x}", f"{number + 1:016x}", "", "enter", 2, at, 9, **tags)]
        )
    counts = {}
    with observing(world, tmp_path) as client:
        for whose in ("people", "synthetic", "all"):
            page = LexborHTMLParser(client.get(f"/apm/tags?service=gate&tag=tenant.level&whose={whose}").text)
            counts[whose] = [
                text(cell).split()[0] for cell in page.css(".cards tbody")[0].css("td[data-label=Requests]")
            ]
    assert counts == {"people": ["3"], "synthetic": ["2"], "all": ["5"]}


def test_a_trace_leads_to_its_logs_in_the_same_view(screens: Screens) -> None:
    page = screens.page(f"/apm/traces/{seed.TRACE}?{KEPT}")
    logs = [attribute(link, "href") for link in page.css("a[data-key=logs]")]
    assert logs
    for address in logs:
        kept = {name: values for name, values in _query(address).items() if name in ("env", "whose")}
        assert kept == {"env": ["hipster-lab"], "whose": ["synthetic"]}, "all logs of the trace, whenever"


def test_both_spotlights_share_their_words(screens: Screens) -> None:
    """One title, one way to filter, one name for a missing value, a way to what is like this."""
    words = {}
    for path in ("/rum/tags?whose=all", "/apm/tags?service=frontend"):
        page = screens.page(path)
        words[path] = (
            text(page.css("h1")[0]),
            "Click a value to filter by it." in text(page.css(".page-head p")[0]),
            text(page.css(".page-head .actions > a")[0]).endswith("like this"),
            len(page.css(".traffic .pill")),
            "not set" in text(page.css(".cards")[0]),
            "Seat" in [text(title) for title in page.css(".cards h2")],
        )
    assert words["/rum/tags?whose=all"] == words["/apm/tags?service=frontend"]
