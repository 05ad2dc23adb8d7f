"""Who has the code of the class cannot take every seat of it; a seat that was freed is closed at once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from classroom import numbered_names
from lab.control.app import create_app as create_control
from lab.control.changes import Changes
from lab.control.settings import Settings as ControlSettings
from observer.screens.join.routes import JOINS_PER_ADDRESS, JOINS_WITHIN_S
from runtime import seat_generations, seats
from runtime.wsgi import Limits, WsgiServer
from tests.fixtures.html import attribute, one, text
from tests.observer.class_screens import SECRET, ClassScreens, S, class_screens, cookies_of, page_of
from tests.observer.screens import Screens
from tests.observer.screens.join.test_join import join

TOKEN = "the token"
ROUTER = "203.0.113.7"
DESK = "/api/v1/desk/session"


@pytest.fixture(name="run")
def _run(screens: Screens, tmp_path: Path, world_now: int) -> Iterator[ClassScreens]:
    """A class whose desk can act."""
    settings = ControlSettings(
        token=TOKEN,
        flags_file=tmp_path / "flags.json",
        seat_generations_file=tmp_path / "generations.json",
        otlp_url="http://127.0.0.1:9",
    )
    port = {"control_token": TOKEN}
    with class_screens(screens.reader, tmp_path, world_now) as probe:
        server = WsgiServer(
            create_control(Changes(probe.store, settings), TOKEN), "127.0.0.1", 0, Limits(threads=2)
        )
        server.start()
        try:
            url = f"http://127.0.0.1:{server.port}"
            with class_screens(screens.reader, tmp_path, world_now, control_url=url, **port) as found:
                found.store.exchange_roster(numbered_names(5))
                yield found
        finally:
            server.stop()


@pytest.fixture(name="world_now")
def _world_now(screens: Screens) -> int:
    newest = screens.reader.status().newest_unix_nano
    assert newest is not None
    return newest + 10 * S


def desk(run: ClassScreens, **action: object) -> TestResponse:
    """Act as the instructor."""
    browser = run.visitor()
    opened = browser.post(DESK, json={"passcode": run.store.facts().passcode}).json
    assert opened
    done = browser.post("/api/v1/class/actions", json=action, headers={"X-CSRF-Token": opened["token"]})
    assert done.status_code == 200, done.text
    return done


def taken(run: ClassScreens) -> list[str]:
    return [seat.slug for seat in run.store.seats() if seat.taken_unix_nano is not None]


def sits(browser: FlaskClient) -> str:
    return text(page_of(browser.get("/workshop")))


def code_of(run: ClassScreens) -> str:
    return run.store.facts().join_code


# -- one browser, one seat -----------------------------------------------------------------------


def test_whoever_has_a_seat_gets_no_second_one(run: ClassScreens) -> None:
    """Joining again leads back to the seat, however often and whatever the form pretends."""
    browser = run.visitor()
    join(browser, code_of(run))
    for form in ({}, {"change": ""}, {"change": "seat-02"}, {"change": "1"}):
        answer = browser.post("/join", data={"code": code_of(run), **form})
        assert (answer.status_code, cookies_of(answer)) == (303, {})
    assert taken(run) == ["seat-01"]


def test_another_seat_is_taken_by_giving_up_the_first(run: ClassScreens) -> None:
    """The page says so before; the first seat is free again, its code and cookie are void."""
    browser, left_behind = run.visitor(), run.visitor("seat-01")
    join(browser, code_of(run))
    old_code = run.seat("seat-01").code
    page = page_of(browser.get("/join?change=1"))
    assert "this one becomes free" in text(page)
    assert attribute(one(page, "main input[name=change]"), "value") == "seat-01"

    answer = browser.post("/join", data={"code": code_of(run), "change": "seat-01"})
    assert answer.status_code == 303
    assert taken(run) == ["seat-02"]
    assert "Your seat: Seat 02" in sits(browser)
    assert run.seat("seat-01").code != old_code
    assert left_behind.get("/workshop").status_code == 403
    assert [(a.actor, a.action) for a in run.store.actions(2)] == [
        ("seat seat-01", "free"),
        ("seat seat-02", "join"),
    ]


def test_the_code_of_a_seat_changes_to_that_seat(run: ClassScreens) -> None:
    """A wrong code gives nothing up; one's own leads back."""
    browser = run.visitor()
    join(browser, code_of(run))
    for code, status in (("wrong", 403), (run.seat("seat-01").code, 303)):
        assert browser.post("/join", data={"code": code, "change": "seat-01"}).status_code == status
        assert taken(run) == ["seat-01"]
    browser.post("/join", data={"code": run.seat("seat-05").code, "change": "seat-01"})
    assert "Your seat: Seat 05" in sits(browser)
    assert taken(run) == ["seat-05"]


def test_where_a_seat_cannot_be_given_up_no_other_is_taken(in_class: ClassScreens) -> None:
    """Without a control process nothing changes, and the page says why."""
    in_class.store.exchange_roster(numbered_names(5))
    browser = in_class.visitor()
    join(browser, in_class.store.facts().join_code)
    for code in (in_class.store.facts().join_code, in_class.seat("seat-05").code):
        answer = browser.post("/join", data={"code": code, "change": "seat-01"})
        assert answer.status_code == 503
        assert taken(in_class) == ["seat-01"]
    assert "Your seat: Seat 01" in sits(browser)


def test_a_seat_that_is_taken_is_given_by_its_own_code_alone(run: ClassScreens) -> None:
    """The code of the class gives free seats only, so nobody can take a claimed name."""
    for slug in ("seat-01", "seat-02"):
        run.store.take(slug, 1)
    got = join(run.visitor(), code_of(run))
    assert seats.seat_of_cookie(cookies_of(got)[seats.COOKIE].split("=")[1].split(";")[0]) not in (
        "seat-01",
        "seat-02",
    )
    back = join(run.visitor(), run.seat("seat-01").code)
    assert "workshop_seat=seat-01." in cookies_of(back)[seats.COOKIE]


# -- how many seats one address takes ------------------------------------------------------------


def test_a_class_behind_one_router_joins_and_nobody_takes_every_seat(run: ClassScreens) -> None:
    """Thirty at once pass; a stranger behind the same address is stopped, and the desk learns of it once."""
    run.store.enrol([*numbered_names(5), *(f"Seat {number}" for number in range(10, 110))])
    for _ in range(30):
        assert join(run.visitor(address=ROUTER), code_of(run)).status_code == 303
    statuses = [join(run.visitor(address=ROUTER), code_of(run)).status_code for _ in range(40)]
    assert statuses == [303] * (JOINS_PER_ADDRESS - 30) + [429] * (70 - JOINS_PER_ADDRESS)
    assert len(taken(run)) == JOINS_PER_ADDRESS
    waits = [action for action in run.store.actions(100) if action.actor == "class"]
    assert len(waits) == 1
    assert ROUTER in waits[0].detail

    assert join(run.visitor(address="198.51.100.4"), code_of(run)).status_code == 303, "others join"
    assert join(run.visitor(address=ROUTER), run.seat("seat-05").code).status_code == 303, (
        "a seat's code holds"
    )
    run.clock.now_ns += JOINS_WITHIN_S * S
    assert join(run.visitor(address=ROUTER), code_of(run)).status_code == 303


def test_the_refusal_says_how_long_to_wait(run: ClassScreens) -> None:
    """And that one's own link works."""
    run.store.enrol([f"Seat {number}" for number in range(10, 10 + JOINS_PER_ADDRESS)])
    for _ in range(JOINS_PER_ADDRESS):
        join(run.visitor(address=ROUTER), code_of(run))
    run.clock.now_ns += (JOINS_WITHIN_S - 30) * S
    page = page_of(join(run.visitor(address=ROUTER), code_of(run)), 429)
    assert "in 30 seconds" in text(one(page, "[role=alert]"))


def test_the_desk_sees_from_where_a_seat_was_taken(run: ClassScreens) -> None:
    """A stranger is found by it."""
    join(run.visitor(address=ROUTER), code_of(run))
    [newest] = run.store.actions(1)
    assert (newest.action, newest.seats) == ("join", "seat-01")
    assert ROUTER in newest.detail


# -- closing, freeing ----------------------------------------------------------------------------


def test_the_desk_closes_and_opens_joining(run: ClassScreens) -> None:
    """Closed: no free seat by the code; a seat's own code and link hold."""
    desk(run, action="joining", open=False)
    refused = join(run.visitor(), code_of(run))
    assert "Joining is closed" in text(one(page_of(refused, 403), "[role=alert]"))
    assert taken(run) == []
    assert "Joining is closed" in text(page_of(run.visitor().get("/join")))
    assert join(run.visitor(), run.seat("seat-05").code).status_code == 303
    link = f"/workshop?seat=seat-01&sig={seats.sign(SECRET, 'seat-01')}"
    assert run.visitor().get(link).status_code == 303

    desk(run, action="joining", open=True)
    assert join(run.visitor(), code_of(run)).status_code == 303


def test_the_desk_has_a_button_that_closes_joining(run: ClassScreens) -> None:
    browser = run.visitor()
    browser.post("/desk/sign-in", data={"passcode": run.store.facts().passcode})
    page = page_of(browser.get("/desk"))
    token = attribute(page.css("input[name=csrf_token]")[0], "value")
    for action, is_open in (("close-joining", False), ("open-joining", True)):
        assert page.css(f"button[value={action}]")
        answer = browser.post("/desk/actions", data={"csrf_token": token, "action": action})
        assert answer.status_code == 303
        assert run.store.facts().joining_open is is_open


def test_a_seat_that_a_stranger_took_is_free_again_at_once(run: ClassScreens, tmp_path: Path) -> None:
    """His cookie, link and code are void in the screens; the shop's file says so, too."""
    stranger = run.visitor(address=ROUTER)
    join(stranger, code_of(run))
    code = run.seat("seat-01").code
    link = f"/workshop?seat=seat-01&sig={seats.sign(SECRET, 'seat-01')}"
    desk(run, action="free", seats=["seat-01"])

    answer = stranger.get("/workshop")
    assert answer.status_code == 403
    assert "You no longer have the seat Seat 01." in answer.text
    assert stranger.get("/rum/sessions").status_code == 403
    assert stranger.post("/workshop/repair", data={}).status_code >= 400
    assert run.visitor().get(link).status_code == 403
    assert "good once" in run.visitor().get(link).text
    assert join(run.visitor(), code).status_code == 403
    assert seat_generations.SeatGenerations(tmp_path / "generations.json").of("seat-01") == 1

    join_page = page_of(stranger.get("/join"))
    assert "You no longer have the seat Seat 01" in text(join_page)
    new = f"/workshop?seat=seat-01&sig={seats.sign(SECRET, 'seat-01', 1)}"
    owner = run.visitor()
    assert owner.get(new).status_code == 303
    assert "Your seat: Seat 01" in sits(owner)


def test_an_open_page_of_a_freed_seat_is_loaded_again(run: ClassScreens) -> None:
    """What it asks by itself is answered by the wish to load it again, and then it says what happened."""
    stranger = run.visitor("seat-01")
    desk(run, action="free", seats=["seat-01"])
    answer = stranger.get("/workshop/updates", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")
    message = stranger.get("/-/message?after=0", headers={"HX-Request": "true"})
    assert "HX-Refresh" not in message.headers, "the page that says so asks for messages, too"


def test_the_desk_is_not_locked_out_by_a_freed_seat_of_its_browser(run: ClassScreens) -> None:
    """Who tries a seat and frees it again is the instructor still."""
    browser = run.visitor("seat-01")
    browser.post("/desk/sign-in", data={"passcode": run.store.facts().passcode})
    desk(run, action="free", seats=["seat-01"])
    assert browser.get("/desk").status_code == 200
    assert browser.get("/workshop?seat=seat-02").status_code == 200


def test_a_seat_that_left_the_roster_is_closed(run: ClassScreens) -> None:
    """Also when a seat of the same name comes back."""
    left = run.visitor("seat-02")
    assert left.get("/workshop").status_code == 200
    run.store.exchange_roster(["Seat 01", "Seat 05"])
    assert left.get("/workshop").status_code == 403
    run.store.exchange_roster(["Seat 01", "Seat 02", "Seat 05"])
    assert left.get("/workshop").status_code == 403
    assert (
        run.visitor().get(f"/workshop?seat=seat-02&sig={seats.sign(SECRET, 'seat-02', 1)}").status_code == 303
    )


@pytest.mark.parametrize("open_", [None, "yes", 1])
def test_joining_needs_to_be_told_which(run: ClassScreens, open_: object) -> None:
    browser = run.visitor()
    opened = browser.post(DESK, json={"passcode": run.store.facts().passcode}).json
    assert opened
    action = {"action": "joining"} | ({} if open_ is None else {"open": open_})
    answer = browser.post("/api/v1/class/actions", json=action, headers={"X-CSRF-Token": opened["token"]})
    assert answer.status_code == 400
    assert run.store.facts().joining_open
