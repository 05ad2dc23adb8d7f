"""Updates while one reads: what was typed, chosen, folded and opened stays; who asks, and how often."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from observer.app import create_app
from observer.settings import Settings
from runtime.wsgi import Limits, WsgiServer
from signals.model import SessionId, TraceId
from tests.browser.conftest import Visitor, World
from tests.fixtures import seed
from tests.fixtures.world import MS, World as Telemetry, span
from tests.helpers import eventually

pytestmark = pytest.mark.browser

UPDATE_MS = 15_000
HERE = {"location.href": f"{seed.SHOP}/cart"}


def trace(world: World, trace_id: str, names: list[str], now: int, first: int = 1) -> None:
    """Send a trace of one root and these children, whose ids count up from `first`."""
    late = Telemetry(now)
    spans = [] if first > 1 else [span(trace_id, "ff" * 8, "", "root", 2, now, 900)]
    spans += [
        span(
            trace_id,
            f"{n:016x}",
            name.partition("<")[2] or "ff" * 8,
            name.partition("<")[0],
            1,
            now + n * MS,
            1,
        )
        for n, name in enumerate(names, first)
    ]
    late.backend("updated", spans)
    late.send(world.writer)
    eventually(lambda: world.reader.trace_summaries([TraceId(trace_id)]), "the trace that is read")


def show(page: Page, words: str) -> None:
    """Wait for the announcement, and click on it."""
    button = page.get_by_role("button", name=re.compile(f"{words}.* · show"))
    expect(button).to_be_visible(timeout=UPDATE_MS)
    expect(page.locator("#say")).to_contain_text(re.compile(words))
    button.click()
    expect(button).to_have_count(0)


def type_and_choose(page: Page, label: str) -> None:
    """Type into a field, and choose the last three letters of it."""
    field = page.get_by_label(label)
    field.fill("half a word")
    field.evaluate("field => field.setSelectionRange(8, 11)")


def chosen(page: Page) -> str:
    """The letters that are chosen in the field that has the focus."""
    return str(
        page.evaluate(
            "(() => { const field = document.activeElement;"
            " return field.value.slice(field.selectionStart, field.selectionEnd); })()"
        )
    )


def test_the_list_of_sessions_keeps_what_is_typed_and_where_one_is(
    visit: Callable[..., Visitor], world: World
) -> None:
    """A new load emptied the field and lost the focus."""
    visitor = visit()
    page = visitor.go("/rum/sessions")
    rows = page.locator("table.sessions tbody tr")
    before, first = rows.count(), rows.first.get_attribute("id")
    type_and_choose(page, "Your seat (enduser.id)")
    now = time.time_ns()
    late = Telemetry(now, first=now)
    seed.visit(late, f"5e55{now:028x}", "visitor-one", now)
    late.send(world.writer)
    show(page, "new session")
    expect(rows).to_have_count(before + 1)
    expect(page.get_by_label("Your seat (enduser.id)")).to_be_focused()
    expect(page.get_by_label("Your seat (enduser.id)")).to_have_value("half a word")
    assert chosen(page) == "ord"

    page.locator(f"tr[id='{first}'] a[data-main]").focus()
    late = Telemetry(now, first=now + 100)
    seed.visit(late, f"5e56{now:028x}", "visitor-two", now + MS)
    late.send(world.writer)
    show(page, "1 new session")
    expect(rows).to_have_count(before + 2)
    assert page.evaluate("document.activeElement.closest('tr').id") == first
    visitor.blameless()


def test_the_list_of_traces_keeps_what_is_typed_and_where_one_is(
    visit: Callable[..., Visitor], world: World
) -> None:
    visitor = visit()
    page = visitor.go("/apm/traces")
    now = time.time_ns()
    rows = page.locator("table.traces tbody tr")
    before = rows.count()
    type_and_choose(page, "Tag")
    trace(world, f"70ff{now:028x}", ["one"], now)
    show(page, "1 new trace")
    expect(rows).to_have_count(before + 1)
    expect(page.get_by_label("Tag")).to_be_focused()
    expect(page.get_by_label("Tag")).to_have_value("half a word")
    assert chosen(page) == "ord"

    newest = page.locator(f"#t-70ff{now:028x}")
    page.locator("h1").click()
    newest.focus()
    assert (
        newest.evaluate(
            "row => { row.scrollIntoView({block: 'center', behavior: 'instant'}); return scrollY; }"
        )
        > 0
    )
    trace(world, f"71ff{now:028x}", ["one"], time.time_ns())
    expect(page.get_by_role("button", name="1 new trace · show")).to_be_visible(timeout=UPDATE_MS)
    place = newest.evaluate("row => row.getBoundingClientRect().top")
    page.keyboard.press("n")
    expect(rows).to_have_count(before + 2)
    expect(newest).to_be_focused()
    eventually(
        lambda: abs(newest.evaluate("row => row.getBoundingClientRect().top") - place) < 2,
        "the row stays where it is looked at",
    )
    visitor.blameless()


def test_a_trace_keeps_its_folds_and_opened_rows(visit: Callable[..., Visitor], world: World) -> None:
    """What arrived unfolded the trace, and closed what was read."""
    now = time.time_ns()
    trace_id = f"72ff{now:028x}"
    trace(world, trace_id, ["parent", f"child<{1:016x}", "other"], now)
    visitor = visit()
    page = visitor.go(f"/apm/traces/{trace_id}")
    parent = page.get_by_role("row", name="updated: parent").first
    child = page.get_by_role("row", name="updated: child")
    opened = page.get_by_role("region", name="Span updated: other")
    page.get_by_role("link", name="updated: other").click()
    expect(page.locator("[data-detail]")).to_have_count(1)
    page.get_by_role("link", name="updated: root").click()
    expect(page.locator("[data-detail]")).to_have_count(2)
    parent.locator(".twist").click()
    expect(child).to_be_hidden()
    parent.focus()
    trace(world, trace_id, [f"late<{1:016x}", "last"], now, first=4)
    show(page, "2 more spans arrived")
    expect(page.get_by_role("row", name="updated: last")).to_be_visible()
    expect(parent).to_have_attribute("aria-expanded", "false")
    expect(parent).to_be_focused()
    expect(child).to_be_hidden()
    late = page.locator("tr[data-row]", has_text="late")
    expect(late).to_have_count(1)
    expect(late).to_be_hidden()
    expect(page.locator("[data-detail]")).to_have_count(2)
    expect(opened).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(child).to_be_visible()
    expect(late).to_be_visible()
    visitor.blameless()


def test_a_session_keeps_what_is_opened_within_opened_rows(
    visit: Callable[..., Visitor], world: World
) -> None:
    """Of a part opened within an opened row, and a fold, two of three stayed."""
    now = time.time_ns()
    session = f"5e57{now:028x}"
    early = Telemetry(now, first=now)
    for n in range(2):
        early.browser(session, 1, f"Step {n}", now + n * MS, _notes={"begun": now + n * MS}, **HERE)
    for n in range(3):
        asked = {
            "component": "document-load",
            "http.url": f"{seed.SHOP}/static/{n}.js",
            "http.status_code": 200,
        }
        early.browser(session, 1, "resourceFetch", now + (5 + n) * MS, _ms=1, **asked, **HERE)
    early.send(world.writer)
    eventually(lambda: world.reader.session(SessionId(session)), "the session that is read")
    visitor = visit()
    page = visitor.go(f"/rum/sessions/{session}")
    page.get_by_role("row", name="3 resources").get_by_role("link").click()
    resource = page.get_by_role("row", name="Resource GET /static/0.js")
    expect(resource).to_be_visible()
    page.get_by_role("row", name="Step 0").get_by_role("link").click()
    page.get_by_role("row", name="Step 1").get_by_role("link").click()
    expect(page.locator("[data-detail]")).to_have_count(2)
    details = page.locator("[data-detail] details")
    expect(details).to_have_count(2)
    for n in range(2):
        details.nth(n).locator("summary").click()
    page.locator("[data-detail] details summary").first.focus()
    late = Telemetry(now, first=now + 100)
    late.browser(session, 1, "Step 2", now + 20 * MS, **HERE)
    late.send(world.writer)
    show(page, "1 more event")
    expect(page.get_by_role("row", name="Step 2")).to_be_visible()
    expect(page.locator("[data-detail]")).to_have_count(2)
    expect(page.locator("[data-detail] details[open]")).to_have_count(2)
    expect(page.locator("[data-detail] details summary").first).to_be_focused()
    expect(resource).to_be_visible()
    expect(page).to_have_url(re.compile("unfold="))
    visitor.blameless()


def test_the_policy_refuses_what_an_injected_attribute_would_run(visit: Callable[..., Visitor]) -> None:
    """htmx evaluates `hx-on`; should telemetry ever become an attribute, the browser does not."""
    visitor = visit()
    page = visitor.go("/rum/sessions")
    page.evaluate(
        "(() => { const link = document.createElement('button'); link.id = 'injected';"
        " link.textContent = 'injected'; link.setAttribute('hx-on:click', 'document.title = \"owned\"');"
        " document.querySelector('main').prepend(link); window.htmx.process(link); })()"
    )
    page.click("#injected")
    eventually(lambda: any("unsafe-eval" in said for said in visitor.complaints), "the refusal of the policy")
    assert "owned" not in page.title()


def test_the_header_says_when_the_server_is_gone_and_forgets_it(
    visit: Callable[..., Visitor], world: World
) -> None:
    """Also on a page that has nothing to ask but whether anything answers."""
    app = create_app(world.reader, Settings(shop_url=seed.SHOP))
    server = WsgiServer(app, "127.0.0.1", 0, Limits(threads=4))
    server.start()
    port = server.port
    visitor = visit()
    pages = [visitor.page, visitor.page.context.new_page()]
    for page, path in zip(pages, ("/", "/apm"), strict=True):
        page.goto(f"http://127.0.0.1:{port}{path}")
        expect(page.locator("[data-live-switch]")).to_have_text("Live")
    server.stop()
    for page in pages:
        page.bring_to_front()
        words = re.compile(r"Not connected since \d\d:\d\d:\d\d")
        expect(page.locator("[data-live-switch]")).to_have_text(words, timeout=30_000)
        expect(page.locator("#say")).to_have_text(words)
    server = WsgiServer(app, "127.0.0.1", port, Limits(threads=4))
    server.start()
    try:
        for page in pages:
            page.bring_to_front()
            expect(page.locator("[data-live-switch]")).to_have_text("Live", timeout=30_000)
    finally:
        server.stop()


def asked(page: Page, pattern: str) -> list[str]:
    """The addresses of a pattern that the page asks from now on."""
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if re.search(pattern, request.url) else None)
    return found


def test_a_silent_server_is_asked_ever_more_slowly(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    page.clock.install()
    page.route("**/rum/sessions/updates*", lambda route: route.abort())
    visitor.go("/rum/sessions")
    requests = asked(page, "/rum/sessions/updates")
    for _ in range(48):
        page.clock.run_for(2_500)
        page.evaluate("fetch('/healthz').then(answer => answer.text())")
    # At 2.5, 5, 10 and 20 s, then every 20 s of the two minutes.
    assert 6 <= len(requests) <= 12, len(requests)


def test_a_hidden_page_does_not_ask(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    page.clock.install()
    page.add_init_script("Object.defineProperty(document, 'hidden', {get: () => !window.seen})")
    for path in ("/", "/rum/sessions", "/apm", "/logs"):
        visitor.go(path)
        page.evaluate("window.seen = false")
        requests = asked(page, "/healthz|/updates|/logs/rows|:[0-9]+/$")
        page.clock.run_for(30_000)
        assert requests == [], path
        page.evaluate("window.seen = true")
        page.clock.run_for(30_000)
        eventually(requests.copy, f"{path} asks when it is seen again")


def test_the_tail_of_a_page_begins_once(visit: Callable[..., Visitor]) -> None:
    """Each part that takes a place in the page made another one, which asked as often as the first."""
    visitor = visit()
    page = visitor.page
    page.clock.install()
    visitor.go("/logs")
    for _ in range(5):
        page.evaluate("document.dispatchEvent(new CustomEvent('lab:content', {detail: document.body}))")
    requests = asked(page, "/logs/rows")
    for _ in range(4):
        page.clock.run_for(2_500)
        page.evaluate("fetch('/healthz').then(answer => answer.text())")
    assert 3 <= len(requests) <= 4, len(requests)
