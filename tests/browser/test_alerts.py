"""Alerts and the metrics of a service: by pointer and keyboard, without a script, on a phone, by night."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, expect

from runtime.wsgi import Limits, WsgiServer
from tests.browser.conftest import Visitor, World, visiting
from tests.observer.screens.alerts.conftest import AlertScreens, evaluated

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SERVICE = "/apm/services/checkoutservice"


@dataclass
class Place:
    """The screens, served."""

    screens: AlertScreens
    url: str


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with evaluated(tmp_path_factory.mktemp("alerts")) as screens:
        server = WsgiServer(screens.app, "127.0.0.1", 0, Limits(threads=4))
        server.start()
        yield Place(screens, f"http://127.0.0.1:{server.port}")
        server.stop()


@pytest.fixture
def visit(browser: Browser, place: Place) -> Iterator[Callable[..., Visitor]]:
    found = World(place.url, place.screens.reader, None, place.screens.now_unix_nano)  # type: ignore[arg-type]  # nothing is written
    with visiting(browser, found) as make:
        yield make


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_page_is_accessible_and_fits(
    visit: Callable[..., Visitor], place: Place, axe: str, width: int, theme: str
) -> None:
    """axe-core is content, and nothing scrolls sideways."""
    visitor = visit(width=width, color_scheme=theme)
    pages = ("/alerts", "/alerts?detector=versions", "/alerts?state=no_data", "/",
             place.screens.path("orders-failing"), place.screens.path("versions"), SERVICE)  # fmt: skip
    for path in pages:
        page = visitor.go(path)
        if path == SERVICE:
            expect(page.locator("#metrics-own")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        page.evaluate(axe)
        found = page.evaluate("axe.run(document).then(r => r.violations.map(v => [v.id, v.nodes[0].html]))")
        assert found == [], path
    visitor.blameless()


def test_the_keyboard_leads_from_any_page_to_an_alert_and_on(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.go("/logs")
    page.keyboard.press("6")
    page.wait_for_url(re.compile("/alerts"))
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/alerts/[0-9a-f]+"))
    page.keyboard.press("M")
    page.wait_for_url(re.compile("/metrics"))
    visitor.blameless()


def test_a_band_is_reached_by_tab_and_leads_to_its_alert(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.go("/apm/services/frontend")
    band = page.locator("svg.chart a.chart-alert").first
    band.focus()
    assert page.evaluate("document.activeElement.matches('a.chart-alert')")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/alerts/"))
    visitor.blameless()


@pytest.mark.parametrize("script", [True, False])
def test_an_alert_is_acknowledged_and_silenced(
    visit: Callable[..., Visitor], place: Place, *, script: bool
) -> None:
    visitor = visit(java_script_enabled=script)
    page = visitor.go(place.screens.path("errors-lasting"))
    page.locator("#ack-by").fill(f"anna {script}")
    page.get_by_role("button", name=re.compile("^Acknowledge")).click()
    expect(page.locator("[aria-labelledby=seen-title]")).to_contain_text(f"anna {script}")
    page.locator("#sil-note").fill("known")
    page.get_by_role("button", name="Silence", exact=True).click()
    expect(page.locator("[aria-labelledby=silence-title]")).to_contain_text("known")
    page.get_by_role("button", name="End this silence").first.click()
    expect(page.get_by_role("button", name="End this silence")).to_have_count(0)
    visitor.blameless()


def test_the_metrics_of_a_service_come_by_themselves(visit: Callable[..., Visitor]) -> None:
    """And again after the page was brought up to date in place."""
    visitor = visit()
    page = visitor.go(SERVICE)
    expect(page.locator("#metrics-own")).to_be_visible()
    expect(page.locator(".metric-small").first).to_contain_text("shop.orders")
    visitor.blameless()


def test_without_a_script_the_metrics_of_a_service_are_a_link_away(visit: Callable[..., Visitor]) -> None:
    visitor = visit(java_script_enabled=False)
    page = visitor.go(SERVICE)
    page.get_by_role("link", name=re.compile("^Show the metrics")).click()
    expect(page.locator("#metrics-own")).to_be_visible()
    expect(page.get_by_role("link", name="shop.orders")).to_be_visible()


def test_what_somebody_else_did_comes_into_an_open_page(visit: Callable[..., Visitor], place: Place) -> None:
    """The list, an alert's page and the badge in the header are kept current; what is typed stays."""
    screens, visitor = place.screens, visit()
    alert = screens.alert("orders-failing")
    lists, page = visitor.go("/alerts"), visit().go(f"/alerts/{alert.alert_id}")
    page.locator("#ack-note").fill("half a sen")
    screens.file.acknowledge(alert.alert_id, "dora", "mine", screens.now_unix_nano)
    expect(lists.locator("#alert-lists")).to_contain_text("acknowledged by dora")
    expect(page.locator("#alert-now")).to_contain_text("acknowledged by dora")
    expect(page.locator("#ack-note")).to_have_value("half a sen")
    expect(lists.locator("#alert-badge")).to_have_attribute("title", re.compile("1 acknowledged"))
    visitor.blameless()
