"""Deployment marks in a real browser: reached by keyboard, said in words, no barrier."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from store.api import Window
from tests.browser.conftest import Visitor, World
from tests.fixtures.world import S, World as Telemetry
from tests.helpers import eventually

pytestmark = pytest.mark.browser


def test_a_mark_is_reached_by_keyboard_and_shows_its_words(
    visit: Callable[..., Visitor], world: World, axe: str
) -> None:
    """On a desk and on a phone; its link leads to the log record that says it."""
    now = time.time_ns()
    told = Telemetry(now)
    told.log(
        "pipeline", now - 60 * S, 9, "v2 is out", _event="deployment.finished", **{"service.version": "2"}
    )
    told.log("pipeline", now - 61 * S, 9, "v1 is out", _event="deployment.finished")
    told.send(world.writer)
    eventually(lambda: world.reader.deployments(Window.ALL).items, "the event is stored")
    for width, scheme in ((1440, "light"), (390, "dark")):
        visitor = visit(width=width, color_scheme=scheme, bypass_csp=True)
        page = visitor.go("/apm/tags")
        mark = page.locator("a.chart-event:not(.change):visible").first
        words = mark.locator(".words")
        expect(words).to_be_hidden()
        page.locator("#tag-more").focus()
        for _ in range(15):
            page.keyboard.press("Tab")
            if page.evaluate("document.activeElement.matches('svg.columns a')"):
                break
        # One link of a chart is a stop of Tab, and the arrows lead to the others.
        for _ in range(100):
            if mark.evaluate("mark => mark === document.activeElement"):
                break
            page.keyboard.press("ArrowLeft")
        expect(mark).to_be_focused()
        expect(words).to_be_visible()
        expect(words).to_contain_text("2 deployments:")
        expect(
            page.get_by_role("link", name=re.compile("2 deployments:.*v1 is out.*v2 is out", re.S)).first
        ).to_be_focused()
        page.add_script_tag(content=axe)
        found = page.evaluate("axe.run('main').then(result => result.violations.map(one => one.id))")
        assert found == []
        page.keyboard.press("Enter")
        page.wait_for_url("**/logs?*log=*")
        expect(page.locator("main")).to_contain_text("v2 is out")
        visitor.blameless()
