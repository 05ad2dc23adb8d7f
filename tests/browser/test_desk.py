"""The desk and the instructor's line in a real browser: live, narrow, without script, accessible."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

import incidents
from classroom import ClassStore, Mark, MarkKind
from lab.control.app import create_app as create_control
from lab.control.changes import Changes
from lab.control.settings import Settings as ControlSettings
from observer.app import create_app
from observer.settings import Settings
from runtime import seats
from runtime.wsgi import Limits, WsgiServer
from tests.browser.conftest import Visitor, World, visiting
from tests.fixtures import seed
from tests.observer.class_screens import SECRET

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

TOKEN = "the lab's token"
INCIDENT = "invalid-token"
SECOND = incidents.load(INCIDENT).steps[1]
EVIL = '<img src=x onerror="document.title=1">'
NAMES = ("anna", EVIL, *(f"Person {number:02}" for number in range(28)))
TWO_SECONDS = 2_000
MIN = 60 * 10**9


@dataclass
class Classroom:
    """A class whose screens are served, and whose store tests write to."""

    world: World
    store: ClassStore
    now: int

    @property
    def url(self) -> str:
        """The address of the screens."""
        return self.world.url


@pytest.fixture
def classroom(world: World, tmp_path: Path) -> Iterator[Classroom]:
    store = ClassStore(tmp_path / "class.sqlite3")
    store.enrol(NAMES)
    store.begin_incident(INCIDENT, world.now_unix_nano - 30 * MIN)
    changes = Changes(
        store,
        ControlSettings(
            token=TOKEN,
            flags_file=tmp_path / "flags.json",
            lab_status_file=tmp_path / "status.json",
            otlp_url="http://127.0.0.1:9",
        ),
    )
    control = WsgiServer(create_control(changes, TOKEN), "127.0.0.1", 0, Limits(threads=2))
    control.start()
    settings = Settings(
        shop_url=seed.SHOP,
        seat_secret=SECRET,
        control_url=f"http://127.0.0.1:{control.port}",
        control_token=TOKEN,
    )
    server = WsgiServer(
        create_app(world.reader, settings, class_store=store), "127.0.0.1", 0, Limits(threads=6)
    )
    server.start()
    served = World(f"http://127.0.0.1:{server.port}", world.reader, world.writer, world.now_unix_nano)
    yield Classroom(served, store, world.now_unix_nano)
    server.stop()
    control.stop()
    store.close()


@pytest.fixture
def visit_class(browser: Browser, classroom: Classroom) -> Iterator[Callable[..., Visitor]]:
    """Visitors of the class's screens."""
    with visiting(browser, classroom.world) as make:
        yield make


def at_the_desk(visitor: Visitor, classroom: Classroom) -> Page:
    """Sign in, and look at the desk."""
    page = visitor.go("/desk")
    page.get_by_label("Passcode").fill(classroom.store.facts().passcode)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("The desk")
    return page


def seated(visitor: Visitor, slug: str) -> Visitor:
    """The visitor with a seat's cookie."""
    cookie: Any = {
        "name": seats.COOKIE,
        "value": seats.cookie_value(slug, SECRET),
        "url": visitor.base,
    }
    visitor.page.context.add_cookies([cookie])
    return visitor


def row_of(page: Page, name: str) -> Any:
    """A seat's row of the table."""
    return page.locator("tr[data-row]").filter(has=page.get_by_role("link", name=name, exact=True))


def test_the_desk_says_as_of_when_and_keeps_the_time_current(
    visit_class: Callable[..., Visitor], classroom: Classroom
) -> None:
    """Its time moves with its numbers, and stands still while it is paused."""
    page = at_the_desk(visit_class(), classroom)
    shown = page.locator("#desk-live [data-as-of]")
    expect(shown).to_have_text(re.compile(r"as of \d\d:\d\d:\d\d(\.\d+)?, live"))
    first = shown.inner_text()
    expect(shown).not_to_have_text(first, timeout=15_000)
    page.goto(f"{classroom.url}/desk?live=0")
    expect(shown).to_have_text(re.compile(", paused$"))


def test_a_line_is_on_every_screen_within_two_seconds(
    visit_class: Callable[..., Visitor], classroom: Classroom
) -> None:
    """Also on one that was opened long before; as text; dismissed, it stays away."""
    students = [seated(visit_class(), "anna"), seated(visit_class(width=390), "person-01"), visit_class()]
    for student, path in zip(students, ("/logs", "/apm", "/rum"), strict=True):
        student.go(path)
    desk = visit_class()
    page = at_the_desk(desk, classroom)
    page.get_by_label("every seat").check()
    page.get_by_label("Message on their screens").fill(f"{EVIL} look at the logs")
    page.get_by_role("button", name="Send").click()
    for student in students:
        line = student.page.locator("#broadcast[role=status]")
        expect(line).to_contain_text(f"From your instructor: {EVIL} look at the logs", timeout=TWO_SECONDS)
        expect(line.locator("img")).to_have_count(0)
    first = students[0].page
    first.get_by_role("button", name="Dismiss the message").click()
    expect(first.locator("#broadcast p")).to_have_count(0)
    first.reload()
    expect(first.locator("#broadcast p")).to_have_count(0)
    for visitor in (*students, desk):
        visitor.blameless()


def test_a_line_to_one_seat_is_on_its_screen_alone(
    visit_class: Callable[..., Visitor], classroom: Classroom
) -> None:
    anna, other = seated(visit_class(), "anna"), seated(visit_class(), "person-01")
    anna.go("/logs")
    other.go("/logs")
    page = at_the_desk(visit_class(), classroom)
    row_of(page, "anna").get_by_role("checkbox").check()
    page.get_by_label("Message on their screens").fill("only for you")
    page.keyboard.press("Enter")
    expect(anna.page.locator("#broadcast")).to_contain_text("only for you", timeout=TWO_SECONDS)
    expect(page.locator("#log")).to_contain_text("Sent to anna: only for you")
    expect(other.page.locator("#broadcast p")).to_have_count(0)


def test_the_table_moves_within_two_seconds_and_keeps_what_is_ticked(
    visit_class: Callable[..., Visitor], classroom: Classroom
) -> None:
    """A row that moves takes its tick and the focus with it; what is typed stays."""
    visitor = visit_class()
    page = at_the_desk(visitor, classroom)
    row = row_of(page, "Person 01")
    row.get_by_role("checkbox").check()
    page.get_by_label("Message on their screens").fill("half a sen")
    row.get_by_role("checkbox").focus()
    classroom.store.take("person-01", classroom.now - MIN)
    classroom.store.mark(Mark("person-01", INCIDENT, SECOND.name, MarkKind.OPENED, classroom.now))
    expect(row).to_contain_text(SECOND.title, timeout=TWO_SECONDS)
    expect(row.get_by_role("checkbox")).to_be_checked()
    expect(row.get_by_role("checkbox")).to_be_focused()
    expect(page.get_by_label("Message on their screens")).to_have_value("half a sen")
    expect(page.locator("input[name=seats]:checked")).to_have_count(1)
    visitor.blameless()


def test_the_desk_works_without_script(visit_class: Callable[..., Visitor], classroom: Classroom) -> None:
    visitor = visit_class(java_script_enabled=False)
    page = at_the_desk(visitor, classroom)
    row_of(page, "anna").get_by_role("checkbox").check()
    page.get_by_role("button", name="Mend").click()
    expect(page.get_by_role("status").filter(has_text="is mended for Anna")).to_be_visible()
    row_of(page, "anna").get_by_role("link", name="anna").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("anna")
    page.get_by_role("button", name="Begin anew").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("^Begin anew for this seat"))
    page.get_by_role("button", name="Yes, do it").click()
    expect(page.get_by_role("status").filter(has_text="begins anew for anna")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_pages_of_the_desk_are_accessible_and_fit(
    visit_class: Callable[..., Visitor], classroom: Classroom, axe: str, width: int, scheme: str
) -> None:
    """With a line on the screen; at both widths and in both themes."""
    visitor = visit_class(width=width, color_scheme=scheme)
    at_the_desk(visitor, classroom)
    classroom.store.send([""], f"{EVIL} look", classroom.now)
    for path in ("/desk", "/desk/seats/anna", "/desk/sheet", "/desk/flags"):
        page = visitor.go(path)
        expect(page.locator("#broadcast p")).to_be_visible()
        page.evaluate(axe)
        found = page.evaluate(
            "async () => (await axe.run({ runOnly: "
            "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] }))"
            ".violations.map(v => `${v.id}: ${v.nodes.map(n => n.target).slice(0, 3).join(' | ')}`)"
        )
        assert found == [], path
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width, f"{path} is {wide} px wide"
    visitor.blameless()


def test_no_slip_is_split_over_two_pages(visit_class: Callable[..., Visitor], classroom: Classroom) -> None:
    """Thirty slips on at most five sheets of A4 or Letter, each whole."""
    visitor = visit_class()
    at_the_desk(visitor, classroom)
    page = visitor.go("/desk/sheet")
    page.emulate_media(media="print")
    slips = page.locator(".slip")
    expect(slips).to_have_count(len(NAMES))
    assert slips.first.evaluate("slip => getComputedStyle(slip).breakInside") == "avoid"
    expect(page.locator("header.top")).to_be_hidden()
    for paper in ("A4", "Letter"):
        printed = page.pdf(format=paper, prefer_css_page_size=False)
        pages = len(re.findall(rb"/Type\s*/Page\b", printed))
        assert 1 <= pages <= 8, f"{pages} pages of {paper}"
