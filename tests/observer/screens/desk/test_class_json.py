"""The class as JSON: its seats, and actions on it, for a session of the desk alone."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

import incidents
from classroom import Mark, MarkKind
from observer.api.openapi import build
from tests.observer.api.schema_check import differences
from tests.observer.screens.desk.conftest import INCIDENT, MIN, Desk

SEATS, ACTIONS, SESSION = "/api/v1/class/seats", "/api/v1/class/actions", "/api/v1/desk/session"


@pytest.fixture
def program(desk: Desk) -> tuple[FlaskClient, str]:
    """A program that opened a session, and its token."""
    client = desk.screens.visitor()
    answer = client.post(SESSION, json={"passcode": desk.store.facts().passcode})
    assert answer.json
    return client, answer.json["token"]


def act(program: tuple[FlaskClient, str], **action: Any) -> tuple[int, dict[str, Any]]:
    client, token = program
    answer = client.post(ACTIONS, json=action, headers={"X-CSRF-Token": token})
    assert answer.json is not None
    return answer.status_code, answer.json


def test_the_seats_have_the_declared_fields(desk: Desk, program: tuple[FlaskClient, str]) -> None:
    step = incidents.load(INCIDENT).steps[1].name
    desk.store.mark(Mark("bert", INCIDENT, step, MarkKind.OPENED, desk.now - MIN))
    desk.store.repair(["bert"], ["rollback"], desk.now)
    answer = program[0].get(SEATS).json
    document = build()
    schema = document["paths"][SEATS]["get"]["responses"]["200"]["content"]["application/json"]["schema"]

    assert list(differences(answer, schema, document["components"]["schemas"])) == []
    assert answer
    seats = {seat["seat"]: seat for seat in answer["seats"]}
    assert set(seats) == {seat.slug for seat in desk.store.seats()}
    assert seats["bert"] == {
        "seat": "bert",
        "name": "Bert",
        "incident": INCIDENT,
        "step": step,
        "step_since_unix_nano": desk.now - MIN,
        "last_seen_unix_nano": desk.now - MIN,
        "orders": 0,
        "orders_failed": 0,
        "hints": 0,
        "answers": 0,
        "repaired": True,
        "state": "working",
    }
    assert (seats["anna"]["orders"], seats["anna"]["orders_failed"]) == (1, 1)
    assert (seats["eve"]["state"], seats["eve"]["step"]) == ("no-show", None)


def test_an_action_is_performed_and_logged_in_the_desks_name(
    desk: Desk, program: tuple[FlaskClient, str]
) -> None:
    """The same way as the forms take."""
    status, answer = act(program, action="repair", seats=["anna"], repairs=["rollback"])

    assert (status, answer) == (200, {"done": "rollback is mended for Anna."})
    assert set(desk.store.fault("anna").repaired) == {"rollback"}
    newest = desk.store.actions(1)[0]
    assert (newest.actor, newest.action, newest.seats) == ("desk", "repair", "anna")
    assert act(program, action="lock", locked=True, seats="all")[0] == 200
    assert desk.store.facts().locked


@pytest.mark.parametrize(
    ("action", "named"),
    [
        ({"action": "explode"}, "explode"),
        ({"action": "repair", "seats": "anna"}, "seats"),
        ({"action": "repair", "seats": []}, "No seat"),
        ({"action": "broadcast", "seats": "all"}, "nothing to send"),
        ({"action": "lock", "actor": "command line"}, "actor"),
        ({}, "action"),
    ],
)
def test_a_malformed_action_is_400(
    desk: Desk, program: tuple[FlaskClient, str], action: dict[str, Any], named: str
) -> None:
    before = desk.store.actions()
    status, answer = act(program, **action)

    assert status == 400
    assert named in answer["error"]["message"]
    assert desk.store.actions() == before


def test_both_are_closed_without_a_session(desk: Desk) -> None:
    """A student's cookie opens nothing; a session without the token changes nothing."""
    for client in (
        desk.screens.visitor(),
        desk.screens.visitor("anna"),
        desk.screens.visitor(address="127.0.0.1"),
    ):
        assert client.get(SEATS).status_code == 401
        assert client.post(ACTIONS, json={"action": "lock"}).status_code == 401
    assert desk.browser.post(ACTIONS, json={"action": "lock"}).status_code == 403
    wrong = {"X-CSRF-Token": "wrong"}
    assert desk.browser.post(ACTIONS, json={"action": "lock"}, headers=wrong).status_code == 403
    assert not desk.store.facts().locked


def test_the_seats_take_no_parameter(program: tuple[FlaskClient, str]) -> None:
    assert program[0].get(f"{SEATS}?seat=anna").status_code == 400
