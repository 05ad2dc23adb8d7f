"""A class on one machine: thirty seats over HTTP and two browsers, each at its own pace, beside a stranger.

One is stuck, one comes late by the code, one opens a neighbour's link, one orders three times, one repairs.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from tests.browser.class_play import (
    TWO_SECONDS,
    Diary,
    Row,
    School,
    Stranger,
    Student,
    Watch,
    program,
    reached,
)
from tests.browser.test_class_lesson import joined, order, press, shop_of
from tests.helpers import eventually
from tests.lab.test_whole_lab import Lab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.timeout(420)]

OVER_HTTP = 30
AT_ONCE = 4
"""Students who act in the same moment: more are a queue on two cores, and say nothing new."""
WANDERER, LATE, ABSENT = "seat-31", "seat-32", "seat-33"
SESSIONS = "/rum/sessions?attr=enduser.id:{seat}"
VERSIONS = "/apm/tags?service=paymentservice&tag=version"
RIGHT = {"service": "paymentservice", "tag": "version=v350.10", "kind": "configuration"}
WRONG = {"service": "cartservice", "tag": "version=v350.9", "kind": "network"}
Pace = Callable[[Student], None]


def looks_around(student: Student) -> None:
    student.look_around()


def orders_once(student: Student) -> None:
    student.order()


def reads(student: Student) -> None:
    student.order()
    student.open("session", SESSIONS.format(seat=student.seat))


def is_ahead(student: Student) -> None:
    reads(student)
    student.open("version", VERSIONS)


def is_stuck(student: Student) -> None:
    student.order()
    for number in range(1, 4):
        student.answer(number, **WRONG)


def finishes(student: Student) -> None:
    is_ahead(student)
    student.answer(1, **RIGHT, evidence=student.see_in_trace(RIGHT["service"]))


def orders_thrice(student: Student) -> None:
    for _ in range(3):
        student.order()


def repairs(student: Student) -> None:
    student.order()
    student.repair("rollback")
    student.repair("endpoints")


PACES: tuple[Pace, ...] = (
    is_stuck, orders_thrice, repairs, finishes,
    *[looks_around] * 8, *[orders_once] * 8, *[reads] * 7, *[is_ahead] * 3,
)  # fmt: skip
SEAT = {pace: f"seat-{number:02}" for number, pace in reversed(list(enumerate(PACES, 1)))}
"""The first seat of each pace."""
NEIGHBOUR = SEAT[orders_once]
EXPECTED: Mapping[Pace, tuple[str | None, str, int]] = {
    looks_around: (None, "working", 0),
    orders_once: ("buy", "working", 1),
    reads: ("session", "working", 1),
    is_ahead: ("version", "working", 1),
    is_stuck: ("buy", "stuck", 1),
    finishes: ("version", "done", 1),
    orders_thrice: ("buy", "working", 3),
}
"""Step, state and orders at the end. Of the repairer, see the test of its orders."""


@dataclass(frozen=True, slots=True)
class Played:
    """What is known after the class."""

    school: School
    watch: Watch
    diary: Diary
    students: Mapping[str, Student]
    stranger: Stranger
    rows: Mapping[str, Row]
    wanderers_session: str

    def sessions(self, seat: str) -> set[str]:
        """The ids of the browser sessions of a seat, by the API."""
        return set(sessions_of(self.school, seat))


def sessions_of(school: School, seat: str) -> list[str]:
    with program() as client:
        found = client.get(f"{school.screens}/api/v1{SESSIONS.format(seat=seat)}", timeout=30).json()
    return [session["session_id"] for session in found["sessions"]]


@pytest.fixture(name="classroom", scope="module")
def _classroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("class"))
    started = lab.command(
        "up", "--detach", "--free-ports", "--no-load", "--class", str(OVER_HTTP + 3), "--host", "127.0.0.1"
    )
    try:
        assert started.returncode == 0, started.stderr
        yield lab
    finally:
        stopped = lab.command("down")
        assert stopped.returncode == 0, stopped.stderr


@pytest.fixture(name="played", scope="module")
def _played(classroom: Lab, browser: Browser) -> Played:
    """The class, from the first link to the last row of the desk."""
    urls: dict[str, Any] = classroom.live_status()["urls"]
    printed = json.loads(classroom.command("class", "--json").stdout)
    school, diary = School.of(urls["shop"], urls["observer"], printed), Diary()
    students = [Student(school, f"seat-{number:02}", diary) for number in range(1, OVER_HTTP + 1)]
    watch = Watch(school)
    watch.start()
    stranger = Stranger(school, students[-1].screens, WANDERER)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(Student.sit, students))
        plays = [pool.submit(pace, student) for pace, student in zip(PACES, students, strict=True)]
        plays.append(pool.submit(stranger.act))
        first = _wander(browser, school, diary)
        _come_late(browser, classroom, diary)
        for play in plays:
            play.result()
    eventually(lambda: _all_shown(watch, diary), "the desk shows everything that was done", within_s=45)
    watch.stop()
    for student in students:
        student.go()
    rows = watch.look()
    by_seat = {student.seat: student for student in students}
    return Played(school, watch, diary, by_seat, stranger, rows, first)


def _all_shown(watch: Watch, diary: Diary) -> bool:
    if not watch.looks:
        return False
    rows = watch.looks[-1][1]
    browsers_done = rows[WANDERER]["orders"] and rows[LATE]["orders"] and rows[NEIGHBOUR]["orders"] == 2
    listed = all(deed.trace_id in watch.visible for deed in diary.deeds if deed.trace_id)
    return bool(browsers_done) and listed and all(deed.shown(rows[deed.seat]) for deed in diary.deeds)


def _context(browser: Browser) -> BrowserContext:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(30_000)
    return context


def _wander(browser: Browser, school: School, diary: Diary) -> str:
    """Order on one's own link, then on a neighbour's; returns the id of the first session."""
    context = _context(browser)
    page = context.new_page()
    page.goto(f"{school.screens}/workshop?{school.links[WANDERER]}")
    diary.note(WANDERER, "came", lambda row: row["state"] != "no-show")
    page.goto(f"{school.shop}/")
    expect(page.locator(".seat-fixed")).to_have_text(f"Seat {WANDERER}")
    assert order(page) == "Uh, oh!"
    [first] = eventually(lambda: sessions_of(school, WANDERER), "the wanderer's session", within_s=30)

    page.goto(f"{school.shop}/?{school.links[NEIGHBOUR]}")
    expect(page.locator(".seat-fixed")).to_have_text(f"Seat {NEIGHBOUR}")
    assert order(page) == "Uh, oh!"
    context.close()
    return first


def _come_late(browser: Browser, classroom: Lab, diary: Diary) -> None:
    """Join by the code, order, and open the first page of the screens."""
    context = _context(browser)
    page = joined(context, classroom)
    diary.note(LATE, "came", lambda row: row["state"] != "no-show")
    expect(page.locator("body")).to_contain_text("Your seat: Seat 32")
    shop = shop_of(page, page.get_by_role("link", name="Open the shop").first)
    assert order(shop) == "Uh, oh!"
    press(page.locator("#step-session h3 a"))
    page.wait_for_url("**/rum/sessions?**")
    diary.note(LATE, "opened session", reached("session"))
    context.close()


def test_the_desk_shows_each_seat_where_it_is(played: Played) -> None:
    found = {
        student.seat: tuple(played.rows[student.seat][key] for key in ("step", "state", "orders"))
        for student in played.students.values()
    }
    expected = {f"seat-{n:02}": EXPECTED[pace] for n, pace in enumerate(PACES, 1) if pace in EXPECTED}
    # The wanderer ordered there, too.
    expected[NEIGHBOUR] = ("buy", "working", 2)
    assert {seat: found[seat] for seat in expected} == expected
    browsers = {seat: (played.rows[seat]["step"], played.rows[seat]["orders"]) for seat in (WANDERER, LATE)}
    assert browsers == {WANDERER: ("buy", 1), LATE: ("session", 1)}
    assert played.rows[ABSENT]["state"] == "no-show"


def test_the_desk_shows_what_is_there_within_two_seconds(played: Played) -> None:
    """No look at the desk from two seconds on after the data was there lacks it.

    An order is there when the API lists its trace; a page that was opened, an answer, a repair and a seat
    that was taken, when the student has the response. Counted is the moment at which the desk was asked.
    """
    lags = {(deed.seat, deed.what): played.watch.late(deed) for deed in played.diary.deeds}
    assert len(lags) > 2 * OVER_HTTP
    assert {deed: lag for deed, lag in lags.items() if lag and lag > TWO_SECONDS} == {}


def test_only_the_repairers_orders_succeed(played: Played) -> None:
    """From the repair on all of them; both repairs are in force at the end."""
    mender = SEAT[repairs]
    statuses = {seat: student.statuses for seat, student in played.students.items() if seat != mender}
    assert {status for each in statuses.values() for status in each} == {500}
    others = [row for seat, row in played.rows.items() if seat != mender]
    assert all(row["orders_failed"] == row["orders"] and not row["repaired"] for row in others)

    its = played.students[mender].statuses
    assert its[0] == 500
    assert its[its.index(200) :] == [200] * (len(its) - its.index(200))
    row = played.rows[mender]
    assert row["repaired"]
    assert row["orders"] - row["orders_failed"] == its.count(200) >= 2


def test_a_session_stays_with_its_first_seat(played: Played) -> None:
    """Who opens a neighbour's link begins another session there; the past does not move."""
    assert played.sessions(WANDERER) == {played.wanderers_session}
    own = played.students[NEIGHBOUR].shopper.rum.id
    beside = played.sessions(NEIGHBOUR)
    assert own in beside
    assert played.wanderers_session not in beside
    assert len(beside) == 2


def test_the_hostile_class_gets_nothing(played: Played) -> None:
    """Refused one by one, while the others went on; no seat was taken and none was made."""
    answers = {attempt: set(statuses) for attempt, statuses in played.stranger.answers.items()}
    assert answers == {
        "passcode": {401, 429},
        "code": {403},
        "unsigned": {403},
        "forged": {403},
        "cross-site": {403},
        "for another": {403},
        "desk": {401},
        "host": {421},
        "flags": {404},
        "ghosts": {200},
    }
    assert set(played.rows) == set(played.school.links), "the roster, and nobody else"
    assert played.sessions("ghost") == set()
    assert not played.rows[WANDERER]["repaired"]


def test_the_desk_that_was_open_is_not_shut_out_by_wrong_passcodes(played: Played) -> None:
    """Its session goes on; and the wrong ones were many enough to be refused unread."""
    assert 429 in played.stranger.answers["passcode"]
    asked_s, rows = time.monotonic(), played.watch.look()
    assert rows
    assert played.watch.looks[-1][0] >= asked_s
