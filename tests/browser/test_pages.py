"""What holds on every page: no accessibility violation, no sideways scrolling, nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

import pytest
from playwright.sync_api import Dialog

from tests.browser import seed
from tests.browser.conftest import Visitor

pytestmark = pytest.mark.browser

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
    "/workshop?seat=anna",
    "/instructor?names=anna",
    "/search?q=nothing",
    "/-/keys",
    "/-/patterns",
    f"/rum/sessions/{quote(seed.HOSTILE_SESSION, safe='')}",
    f"/apm/traces/{seed.HOSTILE_TRACE}",
    f"/logs?trace_id={seed.HOSTILE_TRACE}",
)
EVERYTHING = json.dumps({"resultTypes": ["violations"]})
COLOURS = json.dumps({"resultTypes": ["violations"], "runOnly": ["color-contrast"]})
"""What depends on the theme; the rest is the same by day and by night."""


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("theme", "rules"), [("light", EVERYTHING), ("dark", COLOURS)])
def test_axe_finds_no_violation(visit: Callable[..., Visitor], axe: str, theme: str, rules: str) -> None:
    """axe-core is content with every page in both themes, and nothing is fetched from elsewhere."""
    visitor = visit(color_scheme=theme)
    found = []
    for path in PAGES:
        page = visitor.go(path)
        page.evaluate(axe)
        for violation in page.evaluate(f"axe.run(document, {rules}).then(r => r.violations)"):
            nodes = [node["html"][:160] for node in violation["nodes"][:2]]
            found.append(f"{path}: {violation['id']} ({len(violation['nodes'])}): {nodes}")
    assert not found, "\n".join(found)
    visitor.blameless()


def test_no_page_scrolls_sideways_on_a_phone(visit: Callable[..., Visitor]) -> None:
    """At 390 pixels the page is as wide as the screen."""
    visitor = visit(width=390, height=844)
    wide = []
    for path in PAGES:
        page = visitor.go(path)
        width = page.evaluate("document.documentElement.scrollWidth")
        if width > 390:
            culprits = page.evaluate(
                "[...document.querySelectorAll('body *')].filter(e => !e.closest('.scroll-x, svg') && "
                "e.getBoundingClientRect().right > 391).slice(0, 4).map(e => e.tagName + '.' + e.className)"
            )
            wide.append(f"{path}: {width} px {culprits}")
    assert not wide, "\n".join(wide)
    visitor.blameless()


def test_hostile_telemetry_is_text_on_every_page(visit: Callable[..., Visitor]) -> None:
    """Scripts in names, bodies and urls never run, and no page's title is changed by one."""
    visitor = visit()
    alerts: list[str] = []

    def refuse(dialog: Dialog) -> None:
        alerts.append(dialog.message)
        dialog.dismiss()

    visitor.page.on("dialog", refuse)
    for path in PAGES:
        page = visitor.go(path)
        assert page.title().endswith("Hipster Lab"), f"{path} is titled {page.title()!r}"
        assert page.evaluate("document.querySelectorAll('main img, main script').length") == 0, path
    assert not alerts
    visitor.blameless()
