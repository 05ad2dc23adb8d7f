"""What holds on every page: no accessibility violation, no sideways scrolling, nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Dialog, Page

from tests.browser.conftest import World, visiting
from tests.fixtures import seed

SESSION = f"/rum/sessions/{seed.SESSION}"
TRACE = f"/apm/traces/{seed.TRACE}"
PAGES = (
    "/",
    "/rum",
    "/rum/tags?metric=page_load",
    "/rum/tags?metric=js_errors&attr=page:/cart",
    "/rum/sessions",
    "/rum/sessions?attr=enduser.id:nobody",
    SESSION,
    f"{SESSION}?event={seed.CHECKOUT_EVENT}",
    f"{SESSION}/apm/{seed.CHECKOUT_EVENT}",
    "/apm",
    "/apm/services",
    "/apm/services/paymentservice",
    "/apm/tags?service=paymentservice&tag=version",
    "/apm/traces",
    TRACE,
    f"{TRACE}?span={seed.CHARGE_SPAN}",
    "/logs",
    f"/logs?trace_id={seed.TRACE}",
    "/logs?q=nothing-says-this",
    "/metrics",
    "/metrics?q=nothing-says-this",
    "/metrics/http.server.request.duration",
    "/metrics/shop.orders?by=version&attr=version:v350.9",
    f"/metrics/-?name={quote('/gc/heap//allocs:by tes?&#%2F<b>', safe='')}",
    "/workshop?seat=anna",
    "/desk",
    "/join",
    "/search?q=nothing",
    "/-/keys",
    "/-/glossary",
    "/-/patterns",
    f"/rum/sessions/{quote(seed.HOSTILE_SESSION, safe='')}",
    f"/apm/traces/{seed.HOSTILE_TRACE}",
    f"/logs?trace_id={seed.HOSTILE_TRACE}",
)
EVERYTHING = json.dumps({"resultTypes": ["violations"]})
COLOURS = json.dumps({"resultTypes": ["violations"], "runOnly": ["color-contrast"]})
"""What depends on the theme; the rest is the same by day and by night."""


@dataclass
class Survey:
    """What one visit to every page found: each a list of lines, empty if all is well."""

    wide: list[str] = field(default_factory=list)
    by_day: list[str] = field(default_factory=list)
    by_night: list[str] = field(default_factory=list)
    hostile: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def survey(browser: Browser, world: World, axe: str) -> Iterator[Survey]:
    """Every page opened once, on a phone, then looked at on a desk by day and by night."""
    found = Survey()
    with visiting(browser, world) as visit:
        visitor = visit(width=390, height=844, color_scheme="light", reduced_motion="reduce")

        def refuse(dialog: Dialog) -> None:
            found.hostile.append(f"a script ran: {dialog.message}")
            dialog.dismiss()

        visitor.page.on("dialog", refuse)
        for path in PAGES:
            page = visitor.go(path)
            found.wide += _too_wide(page, path)
            if not page.title().endswith("Hipster Lab"):
                found.hostile.append(f"{path} is titled {page.title()!r}")
            if page.evaluate("document.querySelectorAll('main img, main script').length"):
                found.hostile.append(f"{path} has an image or a script in <main>")
            page.set_viewport_size({"width": 1440, "height": 900})
            page.evaluate(axe)
            found.by_day += _violations(page, path, EVERYTHING)
            page.emulate_media(color_scheme="dark")
            found.by_night += _violations(page, path, COLOURS)
            page.emulate_media(color_scheme="light")
            page.set_viewport_size({"width": 390, "height": 844})
        visitor.blameless()
        yield found


def _too_wide(page: Page, path: str) -> list[str]:
    width = page.evaluate("document.documentElement.scrollWidth")
    if width <= 390:
        return []
    culprits = page.evaluate(
        "[...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll-x, svg') && "
        "e.getBoundingClientRect().right > 391).slice(0, 4).map(e => e.tagName + '.' + e.className)"
    )
    return [f"{path}: {width} px {culprits}"]


def _violations(page: Page, path: str, rules: str) -> list[str]:
    found = []
    for violation in page.evaluate(f"axe.run(document, {rules}).then(r => r.violations)"):
        nodes = [node["html"][:160] for node in violation["nodes"][:2]]
        found.append(f"{path}: {violation['id']} ({len(violation['nodes'])}): {nodes}")
    return found


# The first that runs makes the survey.
pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]


def test_axe_finds_no_violation_by_day(survey: Survey) -> None:
    """axe-core is content with every page."""
    assert not survey.by_day, "\n".join(survey.by_day)


def test_axe_finds_no_violation_by_night(survey: Survey) -> None:
    """And with its dark colours."""
    assert not survey.by_night, "\n".join(survey.by_night)


def test_no_page_scrolls_sideways_on_a_phone(survey: Survey) -> None:
    """At 390 pixels the page is as wide as the screen."""
    assert not survey.wide, "\n".join(survey.wide)


def test_hostile_telemetry_is_text_on_every_page(survey: Survey) -> None:
    """Scripts in names, bodies and urls never run, and no page's title is changed by one."""
    assert not survey.hostile, "\n".join(survey.hostile)
