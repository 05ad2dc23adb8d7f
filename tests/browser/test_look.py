"""What a look at the pages would find, measured: whole words, spans on one line, a low header, the face."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Visitor
from tests.fixtures import seed
from tests.helpers import required_in_ci

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

TRACE = f"/apm/traces/{seed.TRACE}"
TABLES = (
    "/apm?service=paymentservice",
    "/apm/services",
    "/apm/services/checkoutservice",
    "/apm/tags?service=paymentservice",
    "/apm/traces",
    "/rum",
    "/rum/tags?metric=page_load",
    "/rum/sessions",
    "/logs",
    "/metrics",
    "/metrics/http.server.request.duration",
)
# Every word of at most twenty letters in a cell must be in one piece. Messages are sentences of others,
# and what holds a character that had to be named is one long word in several elements.
BROKEN_WORDS = """() => {
  const broken = [];
  for (const cell of document.querySelectorAll("table.data :is(th, td):not(.message), .fields .name")) {
    if (!cell.checkVisibility() || cell.querySelector(".ctl")) continue;
    const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      for (const word of texts.currentNode.data.matchAll(/\\S+/g)) {
        if (word[0].length > 20) continue;
        const range = document.createRange();
        range.setStart(texts.currentNode, word.index);
        range.setEnd(texts.currentNode, word.index + word[0].length);
        const pieces = [...range.getClientRects()].filter((piece) => piece.width);
        if (new Set(pieces.map((piece) => Math.round(piece.top))).size > 1) broken.push(word[0]);
      }
    }
  }
  return broken;
}"""


@pytest.mark.parametrize("width", [390, 1024, 1440])
def test_short_values_stay_in_one_piece(visit: Callable[..., Visitor], width: int) -> None:
    """`v350.1` and `0` below it is another version: no short word of a table is broken."""
    visitor = visit(width=width)
    broken = {path: visitor.go(path).evaluate(BROKEN_WORDS) for path in TABLES}

    assert {path: words for path, words in broken.items() if words} == {}


@pytest.mark.parametrize("trace", [TRACE, f"/apm/traces/{seed.HOSTILE_TRACE}"])
def test_a_span_is_one_line_with_the_end_of_its_operation(visit: Callable[..., Visitor], trace: str) -> None:
    """On a desk the rows of a trace are equally high, and what tells operations apart is not cut."""
    page = visit(width=1440).go(trace)
    rows = page.locator(".waterfall tbody tr[aria-level]")
    heights = rows.evaluate_all("all => all.map(row => row.offsetHeight)")
    cut = page.locator(".waterfall .op-end").evaluate_all(
        "all => all.filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent)"
    )

    assert heights
    assert max(heights) <= 36, heights
    assert cut == []


def test_the_header_of_a_phone_has_three_rows(visit: Callable[..., Visitor]) -> None:
    """Nothing is lost of it, and every part can be met by a thumb."""
    page = visit(width=390, height=844).go("/apm/traces")
    targets = page.locator(".top :is(a, button, input:not([type=hidden]), summary)")
    heights = targets.evaluate_all("all => all.filter(e => e.checkVisibility()).map(e => e.offsetHeight)")

    assert page.locator(".top").evaluate("e => e.offsetHeight") <= 136
    assert len(heights) == 16
    assert min(heights) >= 24


def test_a_phone_has_the_related_content_in_one_row(visit: Callable[..., Visitor]) -> None:
    """It stands over the page all the time."""
    page = visit(width=390, height=844).go(TRACE)

    assert page.locator(".related").evaluate("e => e.offsetHeight") <= 48


def test_the_face_comes_once_and_from_the_page_itself(visit: Callable[..., Visitor]) -> None:
    """The preloaded file is the one that the style sheet asks for, and the letters are drawn with it."""
    if not (Path(os.environ.get("HIPSTERLAB_WEB_DIR") or Path(sys.prefix) / "web") / "inter.woff2").is_file():
        required_in_ci("the typeface is not installed: run `python3 -m lab test` once")
    visitor = visit()
    page = visitor.go("/")
    loaded = _faces(page)

    assert [name.partition("?")[0] for name in loaded] == [f"{visitor.base}/static/inter.woff2"]
    assert page.evaluate("document.fonts.ready.then(() => document.fonts.check('16px Inter'))")
    visitor.blameless()


def _faces(page: Page) -> list[str]:
    names: list[str] = page.evaluate(
        "document.fonts.ready.then(() => performance.getEntriesByType('resource')"
        ".map(e => e.name).filter(name => name.includes('.woff2')))"
    )
    return names
