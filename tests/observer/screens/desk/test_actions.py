"""What the desk does: by its forms, through the control process, with the token, logged."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

import incidents
from classroom import MarkKind
from observer.request.errors import Malformed
from observer.screens.desk.action_form import action_of
from tests.fixtures.html import attribute, one, text
from tests.observer.class_screens import class_screens, page_of
from tests.observer.screens import Screens
from tests.observer.screens.desk.conftest import INCIDENT, Desk

LESSON = incidents.load(INCIDENT)


def test_a_repair_is_made_for_the_ticked_seats(desk: Desk) -> None:
    answer = desk.press("repair", seats=["anna", "bert"], repair="rollback")

    assert (answer.status_code, answer.headers["Location"]) == (303, "/desk?acted=1")
    assert set(desk.store.fault("anna").repaired) == set(desk.store.fault("bert").repaired) == {"rollback"}
    assert desk.store.fault("eve").repaired == {}
    page = page_of(desk.browser.get("/desk/live"))
    assert "rollback is mended for Anna, Bert." in text(one(page, "#log"))


def test_a_repair_is_taken_back_for_everybody(desk: Desk) -> None:
    desk.press("repair", whom="all", repair="")
    assert len(desk.store.fault("eve").repaired) == len(LESSON.repairs)

    desk.press("break", whom="all", seats=["anna"], repair="")
    assert desk.store.fault("eve").repaired == {}


def test_an_incident_begins_for_one_seat_and_for_all(desk: Desk) -> None:
    desk.press("incident", seats=["anna"], incident="price-typo")
    assert (desk.store.fault("anna").incident, desk.store.fault("bert").incident) == ("price-typo", INCIDENT)

    desk.press("incident", whom="all", incident="slow-provider")
    assert desk.store.fault("anna").incident == "slow-provider"
    assert incidents.load("slow-provider").title in text(one(desk.page(), ".page-head"))


def test_a_seat_is_led_to_a_step(desk: Desk) -> None:
    step = LESSON.steps[4].name
    desk.press("jump", seats=["anna"], step=step)

    assert [mark.step for mark in desk.store.marks("anna") if mark.kind is MarkKind.JUMPED] == [step]


def test_explanations_are_locked_and_unlocked(desk: Desk) -> None:
    desk.press("lock")
    assert desk.store.facts().locked
    assert "Explanations are locked" in text(one(desk.page(), ".page-head"))

    desk.press("unlock")
    assert not desk.store.facts().locked


def test_what_cannot_be_taken_back_is_asked_for_first(desk: Desk) -> None:
    """The question keeps what was chosen; only its answer acts."""
    desk.press("repair", seats=["anna"], repair="")
    code = desk.screens.seat("anna").code
    for action in ("free", "reset"):
        page = page_of(desk.press(action, seats=["anna"], back="anna"))
        assert "this seat" in text(one(page, "h1"))
        assert desk.store.fault("anna").repaired
        assert action == "reset" or desk.screens.seat("anna").code == code
        fields = MultiDict(
            (str(field.attributes["name"]), str(field.attributes["value"]))
            for field in page.css("main form input")
        )
        answer = desk.browser.post(
            "/desk/actions", data=MultiDict([*fields.items(multi=True), ("confirmed", "1")])
        )
        assert answer.headers["Location"] == "/desk/seats/anna?acted=1"
    assert desk.store.fault("anna").repaired == {}
    assert desk.screens.seat("anna").code != code


def test_a_line_is_sent_to_one_seat_as_text(desk: Desk) -> None:
    desk.press("broadcast", seats=["anna"], text="<b>Look</b> at the logs")

    newest = desk.store.newest_message("anna")
    assert newest
    assert newest.text == "<b>Look</b> at the logs"
    assert desk.store.newest_message("bert") is None
    page = desk.page("/desk?acted=1")
    assert "Sent to Anna: <b>Look</b> at the logs" in text(one(page, "[role=status].notice"))
    assert not page.css("#log b, .notice b")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"action": "repair"}, "No seat is ticked"),
        ({"action": "broadcast", "whom": "all", "text": "  "}, "nothing to send"),
        ({"action": "free", "whom": "all", "confirmed": "1"}, "cannot be freed at once"),
        ({"action": "repair", "seats": "anna", "repair": "gone"}, "no repair 'gone'"),
        ({"action": "incident", "seats": "anna", "incident": "<script>"}, "no incident named <script>"),
        ({"action": "jump", "seats": "anna", "step": "gone"}, "no step gone"),
        ({"action": "load", "users": "-1"}, "not a whole number"),
        ({"action": "load", "users": "9999"}, "too many"),
        ({"action": "explode"}, "no action 'explode'"),
        ({}, "no action ''"),
    ],
)
def test_what_is_refused_is_said_with_a_remedy(desk: Desk, fields: dict[str, str], message: str) -> None:
    """A page with the reason, and nothing in the log."""
    before = desk.store.actions()
    answer = desk.browser.post("/desk/actions", data={"csrf_token": desk.token(), **fields})

    page = page_of(answer, 400)
    assert message in text(one(page, "main"))
    assert not page.css("main script")
    assert desk.store.actions() == before


def test_without_the_token_nothing_is_done(desk: Desk) -> None:
    """A page elsewhere can send a form with the reader's cookie, were it not for the token."""
    before = desk.store.actions()
    for token in (None, "", "x", desk.token()[:-1], "ü"):
        data = {"action": "lock", **({} if token is None else {"csrf_token": token})}
        assert desk.browser.post("/desk/actions", data=data).status_code == 403
    other = {"csrf_token": desk.token(), "action": "lock"}
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert desk.browser.post("/desk/actions", data=other, headers=cross).status_code == 403
    foreign = {"Origin": "http://192.168.1.20:8080"}
    assert desk.browser.post("/desk/actions", data=other, headers=foreign).status_code == 403
    assert (
        desk.screens.visitor("anna").post("/desk/actions", data=other).headers["Location"] == "/desk/sign-in"
    )
    assert desk.browser.get("/desk/actions").headers["Location"] == "/desk"
    assert desk.store.actions() == before
    assert not desk.store.facts().locked


def test_a_control_process_that_is_gone_is_said(screens: Screens, tmp_path: Path, world_now: int) -> None:
    for control_url, said in (("", "no control process"), ("http://127.0.0.1:9", "does not answer")):
        with class_screens(screens.reader, tmp_path, world_now, control_url=control_url) as found:
            browser = found.visitor()
            browser.post("/desk/sign-in", data={"passcode": found.store.facts().passcode})
            token = attribute(one(page_of(browser.get("/desk")), "form.desk input[name=csrf_token]"), "value")
            answer = browser.post("/desk/actions", data={"csrf_token": token, "action": "lock"})
            assert said in text(one(page_of(answer, 503), "main"))


class FakeControl:
    """A control process that writes down what it is asked and answers as it is told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.answer: tuple[int, bytes] = (200, b'{"done": "as you say"}')
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                fake.asked.append((self.headers["Authorization"], body))
                self.send_response(fake.answer[0])
                self.end_headers()
                self.wfile.write(fake.answer[1])

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        """Its base address."""
        return f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def fake() -> Iterator[FakeControl]:
    fake = FakeControl()
    yield fake
    fake.server.shutdown()
    fake.server.server_close()


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ((500, b"<h1>broken</h1>"), 503, "answered 500"),
        ((401, b"[]"), 503, "answered 401"),
        ((400, b'{"error": {"message": "No.", "remedy": "Do."}}'), 400, "No."),
        ((503, b'{"error": "odd"}'), 503, "answered 503"),
    ],
)
def test_whatever_the_control_process_answers_the_page_is_one(
    screens: Screens,
    tmp_path: Path,
    world_now: int,
    fake: FakeControl,
    answer: tuple[int, bytes],
    status: int,
    said: str,
) -> None:
    """The desk sends its name and the lab's token, and shows what came back."""
    fake.answer = answer
    given = {"control_url": fake.url, "control_token": "secret"}
    with class_screens(screens.reader, tmp_path, world_now, **given) as found:
        browser = found.visitor()
        browser.post("/desk/sign-in", data={"passcode": found.store.facts().passcode})
        token = attribute(one(page_of(browser.get("/desk")), "form.desk input[name=csrf_token]"), "value")
        page = page_of(
            browser.post("/desk/actions", data={"csrf_token": token, "action": "load", "users": "7"}), status
        )

    assert said in text(one(page, "main"))
    assert fake.asked == [("Bearer secret", {"action": "load", "users": 7, "seats": "all", "actor": "desk"})]


def test_a_form_cannot_name_another_actor() -> None:
    """Only what a button needs of the form is sent on."""
    form = MultiDict([("action", "lock"), ("actor", "command line"), ("text", "x"), ("seats", "anna")])

    assert action_of(form) == {"action": "lock", "locked": True, "seats": "all"}
    with pytest.raises(Malformed):
        action_of(MultiDict([("action", "load"), ("users", "٣")]))
