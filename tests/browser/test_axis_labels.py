"""No label of an axis lies on another or leaves its drawing: wide and narrow, of long and short."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import quote
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser

from observer.app import create_app
from observer.components.number_format import count, duration
from observer.drawing import charts
from observer.settings import Settings
from runtime.wsgi import Limits, WsgiServer
from store import open_reader, open_writer
from store.api import Window
from tests.browser.conftest import Visitor, World as Served, visiting
from tests.fixtures.world import MS, S, World, span

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

NOW = 1_800_000_930 * S
TRACE = "1a" * 16
SESSION = "5e" * 16
DAY = 86_400 * S
# What one sees of a text is its box without the room above and below its letters.
COLLISIONS = """() => {
  const wrong = [];
  const box = (e) => {
    const { left, right, top, bottom, height } = e.getBoundingClientRect(), trim = height * 0.18;
    return { left: left + 0.25, right: right - 0.25, top: top + trim, bottom: bottom - trim,
      words: e.textContent };
  };
  for (const place of document.querySelectorAll("svg, .ticks")) {
    const own = place.matches("svg") ? "text.tick" : "span";
    const seen = [...place.querySelectorAll(own)].filter((e) => e.checkVisibility() && e.textContent.trim());
    if (!seen.length) continue;
    const frame = place.getBoundingClientRect(), boxes = seen.map(box);
    for (const one of boxes) {
      const outside = one.left < frame.left - 1 || one.right > frame.right + 1;
      if (outside) wrong.push(`${one.words} leaves its drawing`);
      for (const other of boxes.slice(boxes.indexOf(one) + 1)) {
        const beside = one.left >= other.right || other.left >= one.right;
        const level = one.top < other.bottom && other.top < one.bottom;
        if (level && !beside) wrong.push(`${one.words} on ${other.words}`);
      }
    }
  }
  return wrong;
}"""
RANGES = {
    "live": (900 * S, 0),
    "a week": (7 * DAY, 0),
    "a year": (364 * DAY, 0),
    "a second": (S, 130 * S - S // 2),
    "two milliseconds": (2 * MS, 130 * S - MS),
    "three hours, oddly": (10_813 * S, 0),
}
PAGES = (
    "/rum?whose=all",
    "/rum/tags?whose=all&metric=page_load",
    "/rum/tags?whose=all&metric=page_views",
    "/apm/services/-?name=shop",
    "/apm/traces",
    "/logs",
)
LENGTHS = (
    1, 999, 10**4, 10**7, S, 3 * S, 61 * S, 900 * S, 7_200 * S, DAY, 9 * DAY, 45 * DAY, 364 * DAY, 4000 * DAY,
)  # fmt: skip
_STYLE = "".join(
    f'<link rel="stylesheet" href="/static/{name}.css">'
    for name in ("tokens", "base", "components", "charts")
)


def world() -> World:
    """Requests from a microsecond to an hour, many of them, and a page that took its time."""
    made = World(NOW)
    for number in range(1, 60):
        at = NOW - number * 13 * S
        own, trace = f"{number:016x}", f"{number + 0xC000:032x}"
        took_ms = 10 ** (number % 8 - 3)
        made.backend("shop", [span(trace, own, "", "POST /order", 2, at - round(took_ms * MS), took_ms)])
        made.log("shop", at, 9 + 4 * (number % 3), f"line {number}")
    begun = NOW - 300 * S
    made.backend("shop", [
        span(TRACE, "aa" * 8, "", "GET /", 2, begun, 123_456.789),
        span(TRACE, "bb" * 8, "aa" * 8, "inner", 1, begun + S, 0.001),
    ])  # fmt: skip
    here = {"location.href": "http://shop/cart"}
    for number in range(40):
        at = begun + number * 7 * S
        made.browser(SESSION, 1, "documentLoad" if not number else "click", at, _ms=1200 if not number else 3,
                     component="document-load" if not number else "user-interaction", **here)  # fmt: skip
    return made


@pytest.fixture(scope="module", name="served")
def serve_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """These data behind the application; the clock stands still."""
    path = tmp_path_factory.mktemp("axes") / "store.sqlite3"
    writer = open_writer(path)
    world().send(writer)
    writer.close()
    reader = open_reader(path)
    app = create_app(reader, Settings(store_path=path), clock=lambda: NOW)
    app.add_url_rule("/every-chart/<zone>/<int:width>", view_func=_every_chart)
    server = WsgiServer(app, "127.0.0.1", 0, Limits(threads=4))
    server.start()
    try:
        yield Served(f"http://127.0.0.1:{server.port}", reader, writer, NOW)
    finally:
        server.stop()
        reader.close()


def _every_chart(zone: str, width: int) -> str:
    """Every kind of chart over ranges and with values that no screen has at once."""
    where = ZoneInfo(zone.replace("~", "/"))
    drawn: list[str] = []
    for length in LENGTHS:
        for begin in (1_774_000_000 * S + 123_456_789, 1_774_915_199 * S):
            window = Window(begin, begin + length)
            for top in (0.0, 1.0, 987_654.0, 123_456_789_012.0, 9e17):
                for unit in (count, duration):
                    frame = charts.Frame("x", window, where, unit, width=float(width))
                    drawn.append(charts.columns(frame, [charts.Layer("a", "ok", [top, top / 3])]))
            dots = [
                charts.Dot(begin + length * n // 9, 10.0**power, "ok", "", "#")
                for n, power in enumerate((0, 2, 3, 6, 7, 9, 12, 13, 16))
            ]
            frame = charts.Frame("x", window, where, duration, width=float(width), height=150.0)
            drawn += [charts.scatter(frame, some) for some in (dots, dots[:2], dots[4:])]
    panels = "".join(f"<div class=panel><div class=body>{one}</div></div>" for one in drawn)
    return f"<!doctype html><title>Every chart</title>{_STYLE}<main>{panels}</main>"


@pytest.fixture(name="see")
def _see(browser: Browser, served: Served) -> Iterator[Callable[..., Visitor]]:
    with visiting(browser, served) as make:
        yield make


@pytest.mark.parametrize("width", [390, 1440])
def test_labels_of_the_screens_do_not_collide(see: Callable[..., Visitor], width: int) -> None:
    """Of each screen with a chart over each range."""
    visitor = see(width=width, timezone_id="Asia/Kathmandu")
    wrong = {}
    visitor.go("/")
    for path in PAGES:
        for name, (length, ago) in RANGES.items():
            begin, end = (NOW - ago - length) // 1000, (NOW - ago) // 1000
            asked = "" if name == "live" else f"from={quote(_iso(begin))}&to={quote(_iso(end))}"
            page = visitor.go(f"{path}{'&' if '?' in path else '?'}{asked}")
            if found := page.evaluate(COLLISIONS):
                wrong[f"{path}, {name}"] = found[:5]
    assert wrong == {}


@pytest.mark.parametrize("width", [390, 1440])
def test_labels_of_one_trace_and_one_session_do_not_collide(see: Callable[..., Visitor], width: int) -> None:
    visitor = see(width=width)
    found = {
        path: visitor.go(path).evaluate(COLLISIONS)
        for path in (f"/apm/traces/{TRACE}", f"/rum/sessions/{SESSION}", "/-/patterns")
    }
    assert {path: words for path, words in found.items() if words} == {}


@pytest.mark.parametrize(
    ("width", "drawn", "zone"),
    [
        (390, 600, "Asia/Kathmandu"),
        (390, 400, "UTC"),
        (1440, 600, "America/St_Johns"),
        (1440, 1320, "Pacific/Chatham"),
        (800, 480, "Europe/Zurich"),
    ],
)
def test_labels_of_every_chart_do_not_collide(
    see: Callable[..., Visitor], zone: str, width: int, drawn: int
) -> None:
    """Ranges of a nanosecond to ten years, values up to 10^18, logarithms over sixteen powers of ten."""
    page = see(width=width).go(f"/every-chart/{zone.replace('/', '~')}/{drawn}")
    assert page.locator("svg.chart").count() > 100
    assert page.evaluate(COLLISIONS)[:5] == []


def _iso(unix_us: int) -> str:
    return datetime.fromtimestamp(unix_us / 1_000_000, UTC).isoformat().replace("+00:00", "Z")
