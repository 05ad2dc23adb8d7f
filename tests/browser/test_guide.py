"""The guide in a real browser: live without losing folds and focus, accessible, narrow, without script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from classroom import MarkKind
from runtime import seats
from runtime.wsgi import Limits, WsgiServer
from tests.browser.conftest import Visitor, World, visiting
from tests.fixtures import seed
from tests.helpers import eventually
from tests.observer.screens.workshop.guide import ANNA, Guide, guided

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

TRACE = f"/apm/traces/{seed.TRACE}"
LIVE = 8_000
"""The page asks every two and a half seconds."""


@pytest.fixture
def guide(tmp_path: Path) -> Iterator[Guide]:
    with guided(tmp_path) as found:
        yield found


@pytest.fixture
def visit_guide(browser: Browser, guide: Guide) -> Iterator[Callable[..., Visitor]]:
    """Visitors who sit at Anna's seat, unless `seat` names another."""
    server = WsgiServer(guide.client.application, "127.0.0.1", 0, Limits(threads=4))
    server.start()
    served = World(f"http://127.0.0.1:{server.port}", guide.reader, None, guide.world.now_unix_nano)  # type: ignore[arg-type]  # nothing is written
    with visiting(browser, served) as make:

        def seated(seat: str = ANNA, **options: Any) -> Visitor:
            visitor = make(**options)
            cookie: Any = {
                "name": seats.COOKIE,
                "value": seats.cookie_value(seat, guide.settings.seat_secret),
                "url": visitor.base,
            }
            visitor.page.context.add_cookies([cookie])
            return visitor

        yield seated
    server.stop()


OPENS_EARLY = """
new MutationObserver((_, watch) => {
  const fold = document.querySelector("#hint-charge");
  if (fold) { fold.open = true; watch.disconnect(); }
}).observe(document, { childList: true, subtree: true });
"""


def test_a_fold_that_is_opened_before_the_scripts_ran_is_noted(
    visit_guide: Callable[..., Visitor], guide: Guide
) -> None:
    """A quick student presses a key before htmx listens."""
    lesson = visit_guide()
    lesson.page.add_init_script(OPENS_EARLY)
    page = lesson.go("/workshop")
    expect(page.locator("#hint-charge")).to_have_attribute("open", "")

    eventually(lambda: guide.marks(ANNA, MarkKind.HINT) == {"charge"}, "the hint is noted", within_s=5)


def test_what_is_done_appears_without_closing_folds_or_moving_the_focus(
    visit_guide: Callable[..., Visitor], guide: Guide
) -> None:
    """In one tab the lesson, in another the screens; a field keeps what was typed."""
    lesson = visit_guide()
    page = lesson.go("/workshop")
    expect(page.locator("#arrived")).to_contain_text("1 of 12")
    page.locator("#hint-charge summary").click()
    page.get_by_label("Version or tag").fill("version=v3")
    expect(page.locator("#step-hidden .marks")).to_contain_text("Not opened yet")

    visit_guide().go(TRACE)

    expect(page.locator("#step-hidden.done")).to_be_visible(timeout=LIVE)
    expect(page.locator("#arrived")).to_contain_text("2 of 12")
    expect(page.locator("#hint-charge")).to_have_attribute("open", "")
    expect(page.get_by_label("Version or tag")).to_be_focused()
    expect(page.get_by_label("Version or tag")).to_have_value("version=v3")
    guide.kept.repair((ANNA,), ("rollback",), guide.world.now_unix_nano)
    expect(page.locator("#repair-rollback")).to_contain_text("In force for your seat", timeout=LIVE)
    lesson.blameless()


def test_unfolding_is_noted_once_and_asks_for_nothing(
    visit_guide: Callable[..., Visitor], guide: Guide
) -> None:
    visitor = visit_guide()
    page = visitor.go("/workshop")
    sent: list[str] = []
    page.on("request", lambda asked: sent.append(asked.url) if asked.method == "POST" else None)
    for _ in range(3):
        page.locator("#expected-session summary").click()
    page.locator("#meaning-session summary").click()

    eventually(lambda: guide.marks(ANNA, MarkKind.MEANING) == {"session"}, "the mark of the second text")
    assert guide.marks(ANNA, MarkKind.EXPECTED) == {"session"}
    # The browser tells of a request while it is asked something, and the mark may be there first.
    eventually(lambda: page.evaluate("true") and len(sent) >= 2, "word of the second request")
    assert len(sent) == 2, sent
    expect(page.locator("#expected-session p").first).to_be_visible()
    expect(page.get_by_role("button", name="Note that I read this")).to_have_count(0)
    visitor.blameless()


def test_the_lesson_works_without_script(visit_guide: Callable[..., Visitor], guide: Guide) -> None:
    """Folds open, a button notes them, links lead to the pages, the answer is judged."""
    page = visit_guide(java_script_enabled=False).go("/workshop")
    page.locator("#hint-session summary").click()
    page.locator("#hint-session").get_by_role("button", name="Note that I read this").click()
    assert guide.marks(ANNA, MarkKind.HINT) == {"session"}
    page.locator("#step-charge h3 a").click()
    page.go_back()
    page.reload()
    expect(page.locator("#step-hidden.done")).to_have_count(1)
    page.get_by_label("Service", exact=True).fill("paymentservice")
    page.get_by_label("Version or tag").fill("v350.10")
    page.get_by_label("Kind of fault").select_option("configuration")
    page.get_by_label("Evidence").fill(f"http://h{TRACE}")
    page.get_by_role("button", name="Check my answer").click()
    expect(page.locator("#verdict")).to_contain_text("That is it.")
    expect(page.locator("#explanation")).to_be_visible()


def test_a_word_is_looked_up_by_one_key(visit_guide: Callable[..., Visitor]) -> None:
    """On any page; the page stays under it, and without script the link leads to the words."""
    visitor = visit_guide()
    page = visitor.go("/apm/traces")
    page.keyboard.press("g")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Glossary")).to_be_visible()
    expect(dialog).to_contain_text("real user monitoring")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page).to_have_url(f"{visitor.base}/apm/traces")
    visitor.blameless()
    plain = visit_guide(java_script_enabled=False).go("/logs")
    plain.get_by_role("contentinfo").get_by_role("link", name="Glossary", exact=True).click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("Glossary")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_is_content_with_every_state_of_the_lesson(
    visit_guide: Callable[..., Visitor], guide: Guide, axe: str, width: int, scheme: str
) -> None:
    """Unfolded, answered, repaired; at both widths and in both themes nothing scrolls sideways."""
    visitor = visit_guide(width=width, color_scheme=scheme, reduced_motion="reduce")
    page = visitor.go(TRACE)
    page = visitor.go("/workshop")
    page.get_by_label("Service", exact=True).fill("checkoutservice")
    page.get_by_role("button", name="Check my answer").click()
    guide.kept.repair((ANNA,), ("rollback",), guide.world.now_unix_nano)
    for path in ("/workshop", "/", "/-/glossary"):
        page = visitor.go(path)
        page.evaluate(
            "() => document.querySelectorAll('details:not(.menu)').forEach(d => { d.open = true; })"
        )
        page.evaluate(axe)
        found = page.evaluate(
            "async () => (await axe.run({ runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa',"
            " 'best-practice'] })).violations.map(v => `${v.id}: ${v.nodes.map(n => n.target).slice(0, 3)}`)"
        )
        assert found == [], path
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{path} is {wide} px wide"
    visitor.blameless()
