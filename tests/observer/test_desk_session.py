"""The desk: opened by the passcode, guarded by a token, closed to everyone else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from observer.app import create_app
from observer.request import desk_session
from observer.settings import Settings
from tests.fixtures.html import attribute, one, text
from tests.observer.class_screens import ClassScreens, S, cookies_of, page_of
from tests.observer.screens import Screens

SESSION = "/api/v1/desk/session"
END = "/api/v1/desk/session/end"
SIGN_IN = "/desk/sign-in"
FORGED = ("", "x", "0" * 43, "' OR 1=1 --", "\u00fc")


def add_desk(app: Flask) -> None:
    """A page and a route of the API, guarded as those of the desk are."""
    done: list[str] = app.extensions.setdefault("done", [])

    @desk_session.desk_only
    def page() -> str:
        done.append("page")
        return f"the desk {desk_session.csrf_token()}"

    @desk_session.desk_only_api
    def api() -> str:
        done.append("api")
        return "the desk"

    app.add_url_rule("/desk/test", "desk_page", page, methods=["GET", "POST"])
    app.add_url_rule("/api/v1/desk/test", "desk_api", api, methods=["GET", "POST"])


@pytest.fixture(name="desk")
def _desk(in_class: ClassScreens) -> ClassScreens:
    add_desk(in_class.app)
    return in_class


@contextmanager
def open_lab(screens: Screens) -> Iterator[Flask]:
    app = create_app(screens.reader, Settings())
    add_desk(app)
    yield app


def signed_in(desk: ClassScreens) -> tuple[FlaskClient, str]:
    """The instructor's browser, and the token."""
    visitor = desk.visitor()
    return visitor, token_of(visitor.post(SESSION, json={"passcode": desk.store.facts().passcode}))


def token_of(answer: TestResponse) -> str:
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    token: str = answer.json["token"]
    return token


def done(desk: ClassScreens) -> list[str]:
    """What guarded views did."""
    found: list[str] = desk.app.extensions["done"]
    return found


def test_the_passcode_opens_a_session_that_no_script_reads(desk: ClassScreens) -> None:
    """As it is printed or in small letters with blanks; the sign-in is in the log of the class."""
    passcode = desk.store.facts().passcode
    for typed in (passcode, f" {passcode[:5].lower()}-{passcode[5:].lower()} "):
        visitor = desk.visitor()
        answer = visitor.post(SESSION, json={"passcode": typed})
        cookie = cookies_of(answer)[desk_session.COOKIE]
        assert all(part in cookie for part in ("HttpOnly", "SameSite=Strict", "Path=/"))
        assert token_of(answer) not in cookie
        assert "Max-Age" not in cookie
        assert visitor.get("/desk/test").text == f"the desk {token_of(answer)}"
    assert [(action.actor, action.action) for action in desk.store.actions()] == [("desk", "sign in")] * 2


def test_who_has_not_signed_in_sees_nothing_of_the_desk(desk: ClassScreens) -> None:
    """Pages lead to the passcode, the API answers 401: with or without a seat."""
    for visitor in (desk.visitor(), desk.visitor("anna"), desk.visitor(address="127.0.0.1")):
        answer = visitor.get("/desk/test?x=1")
        assert (answer.status_code, answer.headers["Location"]) == (
            303,
            f"{SIGN_IN}?next=%2Fdesk%2Ftest%3Fx%3D1",
        )
        assert visitor.post("/desk/test").headers["Location"] == SIGN_IN
        for method in ("GET", "POST"):
            answer = visitor.open("/api/v1/desk/test", method=method)
            assert (answer.status_code, answer.json["error"]["code"]) == (401, "unauthorized")  # type: ignore[index]
        assert visitor.get("/desk").headers["Location"] == f"{SIGN_IN}?next=%2Fdesk"
    assert done(desk) == []


@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_session_is_none(desk: ClassScreens, forged: str) -> None:
    """Neither a made-up id nor the token of a session opens the desk."""
    _, token = signed_in(desk)
    for value in (forged, token):
        visitor = desk.visitor()
        visitor.set_cookie(desk_session.COOKIE, value, domain="192.168.1.20")
        assert visitor.get("/api/v1/desk/test").status_code == 401
        assert visitor.get("/desk").status_code == 303


@pytest.mark.parametrize("passcode", ["", "WRONG", "ABCDEFGHJK" * 3, None, 7, ["x"], {"a": 1}])
def test_a_wrong_passcode_opens_nothing(desk: ClassScreens, passcode: Any) -> None:
    """401, or 400 for what is not text; no cookie."""
    answer = desk.visitor().post(SESSION, json={"passcode": passcode})
    assert answer.status_code == (401 if isinstance(passcode, str) else 400)
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"null"])
def test_a_body_that_is_no_object_is_malformed(desk: ClassScreens, body: bytes) -> None:
    """400 with a remedy."""
    answer = desk.visitor().post(SESSION, data=body, content_type="application/json")
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "malformed")  # type: ignore[index]


def test_the_passcode_cannot_be_guessed_by_trying(desk: ClassScreens) -> None:
    """Ten within a minute from an address, then even the right one waits; page and API count together."""
    visitor, passcode = desk.visitor(), desk.store.facts().passcode
    assert [visitor.post(SESSION, json={"passcode": "WRONG"}).status_code for _ in range(5)] == [401] * 5
    assert [visitor.post(SIGN_IN, data={"passcode": "WRONG"}).status_code for _ in range(5)] == [403] * 5
    for tried in ("WRONG", passcode):
        answer = visitor.post(SESSION, json={"passcode": tried})
        assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")
        page = page_of(visitor.post(SIGN_IN, data={"passcode": tried}), 429)
        assert "Wait 60 seconds" in text(page)
    assert desk.visitor(address="192.168.1.9").post(SESSION, json={"passcode": passcode}).status_code == 200
    desk.clock.now_ns += 60 * S
    assert visitor.post(SESSION, json={"passcode": passcode}).status_code == 200


def test_a_class_that_tries_does_not_shut_the_machine_out(desk: ClassScreens) -> None:
    """Sixty wrong ones a minute in all; who sits at the machine still signs in."""
    tried = [
        desk.visitor(address=f"10.0.{n}.1").post(SESSION, json={"passcode": "WRONG"}).status_code
        for n in range(70)
    ]
    assert (tried.count(401), tried.count(429)) == (60, 10)
    right = {"passcode": desk.store.facts().passcode}
    assert desk.visitor(address="127.0.0.1").post(SESSION, json=right).status_code == 200


@pytest.mark.parametrize("path", ["/desk/test", "/api/v1/desk/test", END, "/desk/sign-out"])
@pytest.mark.parametrize("token", [*FORGED, None])
def test_a_change_needs_the_token(desk: ClassScreens, path: str, token: str | None) -> None:
    """Without it, with a wrong one, with that of another session: 403, and nothing is done."""
    visitor, _ = signed_in(desk)
    _, foreign = signed_in(desk)
    for given in (token, foreign):
        headers = {desk_session.TOKEN_HEADER: given} if given is not None else {}
        form = {desk_session.TOKEN_FIELD: given or ""}
        assert visitor.post(path, headers=headers).status_code == 403
        assert visitor.post(path, data=form).status_code == 403
        assert visitor.post(f"{path}?{desk_session.TOKEN_FIELD}={given}").status_code == 403
    assert done(desk) == []
    assert visitor.get("/desk/test").status_code == 200


@pytest.mark.parametrize("path", ["/desk/test", "/api/v1/desk/test"])
def test_header_or_form_field_may_carry_the_token(desk: ClassScreens, path: str) -> None:
    """A script sends the header, a form the field."""
    visitor, token = signed_in(desk)
    assert visitor.post(path, headers={"X-CSRF-Token": token}).status_code == 200
    assert visitor.post(path, data={"csrf_token": token}).status_code == 200


@pytest.mark.parametrize("path", ["/desk/test", "/api/v1/desk/test", END])
@pytest.mark.parametrize(
    "headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_page_elsewhere_changes_nothing_even_with_the_token(
    desk: ClassScreens, path: str, headers: dict[str, str]
) -> None:
    """Its browser says where the request comes from."""
    visitor, token = signed_in(desk)
    assert visitor.post(path, headers={**headers, "X-CSRF-Token": token}).status_code == 403
    assert done(desk) == []
    assert visitor.get("/desk/test").status_code == 200


def test_a_session_ends_by_request_by_time_and_by_number(desk: ClassScreens) -> None:
    """For programs and by the form; after twelve hours; the oldest of more than thirty-two."""
    visitor, token = signed_in(desk)
    answer = visitor.post(END, headers={"X-CSRF-Token": token})
    assert (answer.json, "Max-Age=0" in answer.headers["Set-Cookie"]) == ({"ended": True}, True)
    visitor, token = signed_in(desk)
    answer = visitor.post("/desk/sign-out", data={"csrf_token": token})
    assert (answer.status_code, answer.headers["Location"]) == (303, SIGN_IN)
    visitor, _ = signed_in(desk)
    cookie = visitor.get_cookie(desk_session.COOKIE, domain="192.168.1.20")
    desk.clock.now_ns += 12 * 3600 * S - 1
    assert visitor.get("/desk/test").status_code == 200
    desk.clock.now_ns += 1
    assert visitor.get("/desk/test").status_code == 303
    assert cookie is not None
    oldest, _ = signed_in(desk)
    for _ in range(32):
        newest, _ = signed_in(desk)
    assert (oldest.get("/desk/test").status_code, newest.get("/desk/test").status_code) == (303, 200)


def test_the_form_signs_in_and_leads_back(desk: ClassScreens) -> None:
    """To the page that was asked for; never to another site; a wrong passcode is said beside the field."""
    passcode = desk.store.facts().passcode
    page = page_of(desk.visitor().get(f"{SIGN_IN}?next=/desk/test%3Fa=%22%3E%3Cscript%3E"))
    assert attribute(one(page, "main input[name=next]"), "value") == '/desk/test?a="><script>'
    assert not page.css("main script")
    assert attribute(one(page, "#passcode"), "type") == "password"
    refused = page_of(desk.visitor().post(SIGN_IN, data={"passcode": "WRONG", "next": "/desk/test"}), 403)
    assert "not the passcode" in text(one(refused, "[role=alert]"))
    assert "WRONG" not in text(refused)
    for onward, leads_to in (
        ("/desk/test?a=1", "/desk/test?a=1"),
        ("", "/desk"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
    ):
        visitor = desk.visitor()
        answer = visitor.post(SIGN_IN, data={"passcode": passcode, "next": onward})
        assert (answer.status_code, answer.headers["Location"]) == (303, leads_to)
        assert visitor.get("/desk/test").status_code == 200
        assert visitor.get(SIGN_IN).status_code == 303, "who has signed in is led on"


def test_the_desk_sees_the_class_and_gives_out_its_links(desk: ClassScreens) -> None:
    """Signed, for the roster, names as text; a student's lesson is seen and no seat is taken."""
    visitor, _ = signed_in(desk)
    answer = visitor.get("/desk/sheet")
    page = page_of(answer)
    links = [text(node) for node in page.css(".slip .link")]
    assert len(links) == len(desk.store.seats())
    assert all(str(link).startswith("http://192.168.1.20:8090/workshop?seat=") for link in links)
    assert not page.css("main script, main img[src=x]")
    student = desk.visitor()
    assert student.get(str(links[0])).status_code == 303
    assert "Your seat: Anna" in text(page_of(student.get("/workshop")))
    watched = visitor.get("/workshop?seat=anna")
    assert "The page of Anna" in text(page_of(watched))
    assert "Set-Cookie" not in watched.headers
    assert "Your seat:" not in text(page_of(visitor.get("/workshop")))


def test_without_a_class_whoever_sits_at_the_machine_is_the_desk(screens: Screens) -> None:
    """By loopback, and by a name of loopback: no passcode, but the token for changes."""
    with open_lab(screens) as app:
        client = app.test_client()
        token = token_of(client.post(SESSION, json={"passcode": "any"}))
        for host in ("localhost:8090", "127.0.0.1", "[::1]:8090"):
            assert client.get("/desk/test", headers={"Host": host}).text == f"the desk {token}"
        assert client.get(SIGN_IN).status_code == 303
        assert client.post("/desk/test").status_code == 403
        assert client.post("/desk/test", data={"csrf_token": "x"}).status_code == 403
        assert client.post("/desk/test", data={"csrf_token": token}).status_code == 200
        foreign = {"X-CSRF-Token": token, "Origin": "http://evil.example"}
        assert client.post("/api/v1/desk/test", headers=foreign).status_code == 403


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("127.0.0.1", "evil.example"),
        ("127.0.0.1", "192.168.1.20:8090"),
        ("127.0.0.1", ""),
        ("192.168.1.77", "localhost"),
        ("192.168.1.77", "192.168.1.20:8090"),
    ],
)
def test_without_a_class_nobody_else_is(screens: Screens, address: str, host: str) -> None:
    """Neither from the network nor by a name that was pointed at this machine."""
    with open_lab(screens) as app:
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = address
        for method, path in (
            ("GET", "/desk/test"),
            ("POST", "/desk/test"),
            ("GET", "/api/v1/desk/test"),
            ("POST", SESSION),
            ("GET", SIGN_IN),
            ("POST", SIGN_IN),
        ):
            answer = client.open(path, method=method, headers={"Host": host}, json={"passcode": ""})
            assert answer.status_code == 403, (method, path)
            assert "Set-Cookie" not in answer.headers
        assert app.extensions["done"] == []
