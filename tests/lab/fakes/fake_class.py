"""A shop and screens in class mode as far as `lab verify --class` asks, with doors that can be left open."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from flask import Flask, Response, jsonify, make_response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

from lab.verify.class_under_test import ClassUnderTest, SeatLink
from runtime import seats
from runtime.wsgi import Limits, WsgiServer

SECRET = "a secret of the class"
CODE, PASSCODE = "AB12", "right-passcode"
OWN = "verify-0123"
ROSTER = {"Zoë": "Zoë  Ada", "seat-02": "Seat 02"}


@dataclass
class FakeClass:
    """`open_doors` are names of steps whose door does not hold; `taken` the seats that somebody took."""

    open_doors: set[str] = field(default_factory=set)
    taken: list[str] = field(default_factory=list)
    joined: list[str] = field(default_factory=list)
    freed: list[str] = field(default_factory=list)
    joining: bool = True

    def holds(self, door: str) -> bool:
        return door not in self.open_doors

    def link(self, arguments: dict[str, str], place: str) -> bool:
        """Whether a link gives its seat."""
        name, signature = arguments.get("seat", ""), arguments.get("sig", "")
        if not signature:
            return not self.holds(f"unsigned-{place}")
        if place == "screens" and name not in ROSTER:
            return not self.holds("forged-screens")
        genuine = seats.verify(SECRET, name, signature)
        return self.holds(f"signed-{place}") if genuine else not self.holds(f"forged-{place}")

    def reader(self) -> str:
        return seats.seat_of_cookie(request.cookies.get(seats.COOKIE, ""), SECRET)

    def is_void(self) -> bool:
        """Whether link or cookie are of a seat that was freed."""
        return self.holds("freed") and (self.reader() in self.freed or request.args.get("seat") in self.freed)

    def guard(self) -> Response | None:
        if self.holds("foreign-host") and not request.host.startswith("127.0.0.1"):
            return Response("", 421)
        elsewhere = "Origin" in request.headers or request.headers.get("Sec-Fetch-Site") == "cross-site"
        return Response("", 403) if elsewhere and self.holds("other-site") else None


def _seated(answer: AnyResponse, name: str) -> AnyResponse:
    answer.set_cookie(seats.COOKIE, seats.cookie_value(name, SECRET))
    return answer


def shop_of(fake: FakeClass) -> Flask:
    """The shop."""
    app = Flask("shop")
    app.before_request(fake.guard)
    app.add_url_rule("/_healthz", "healthz", lambda: "ok")

    def home() -> AnyResponse:
        if fake.is_void():
            return Response("", 403)
        if "seat" in request.args:
            if not fake.link(request.args.to_dict(), "shop"):
                return Response("", 403)
            return _seated(redirect("/"), request.args["seat"])
        options = json.dumps({"globalAttributes": {"enduser.id": fake.reader()}})
        return Response(f'<script id="rum-config" type="application/json">{options}</script>')

    app.add_url_rule("/", "home", home)
    app.add_url_rule("/_flags", "flags", lambda: ("", 404 if fake.holds("flags") else 200))
    return app


def screens_of(fake: FakeClass) -> Flask:
    """The screens."""
    app = Flask("screens")
    app.before_request(fake.guard)
    app.add_url_rule("/healthz", "healthz", lambda: "ok")
    app.add_url_rule("/-/theme", "theme", lambda: redirect("/", 303), methods=["POST"])
    app.add_url_rule("/", "home", lambda: _lesson(fake))
    app.add_url_rule("/workshop", "lesson", lambda: _lesson(fake))
    app.add_url_rule("/join", "join", lambda: _join(fake), methods=["GET", "POST"])
    _add_desk(app, fake)
    return app


def _lesson(fake: FakeClass) -> AnyResponse:
    name = request.args.get("seat", "")
    if fake.is_void() and not _at_the_desk():
        return Response("", 403)
    if name and _at_the_desk() and "sig" not in request.args:
        return Response(f"The page of {ROSTER[name] if fake.holds('students-page') else 'nobody'}")
    if name:
        if not fake.link(request.args.to_dict(), "screens"):
            return Response("", 403)
        if request.method == "GET":
            fake.taken.append(name)
        return _seated(redirect("/workshop", 303), name)
    return Response(f"Your seat: {ROSTER.get(fake.reader(), 'no seat')}.")


def _join(fake: FakeClass) -> AnyResponse:
    if request.method == "GET":
        return Response("Code")
    if request.form.get("code") == CODE:
        if fake.reader() and fake.holds("join-again"):
            return redirect("/workshop", 303)
        if not fake.joining and fake.holds("joining-closed"):
            return Response("", 403)
        if fake.joined and fake.holds("claimed") and not fake.reader():
            return Response("", 409)
        fake.taken.append("Zoë")
        fake.joined.append("Zoë")
        return _seated(redirect("/workshop", 303), "Zoë" if fake.holds("join") else "nobody")
    return Response("", 403) if fake.holds("wrong-code") else _seated(redirect("/workshop", 303), "Zoë")


def _at_the_desk() -> bool:
    return request.cookies.get("workshop_desk") == "open"


def _add_desk(app: Flask, fake: FakeClass) -> None:
    def page() -> AnyResponse:
        closed = fake.holds("desk-closed") and not _at_the_desk()
        return redirect("/desk/sign-in", 303) if closed else Response("The desk")

    def session() -> AnyResponse:
        right = (request.get_json() or {}).get("passcode") == PASSCODE
        if not fake.holds("desk-open" if right else "wrong-passcode"):
            right = not right
        if not right:
            return Response("", 401)
        answer = make_response(jsonify(token="a token"))
        answer.set_cookie("workshop_desk", "open")
        return answer

    def listed() -> AnyResponse:
        if not _at_the_desk():
            return Response("", 401)
        found = list(ROSTER) if fake.holds("roster") else ["Zoë", "Zoë", "a ghost"]
        return jsonify(seats=[{"seat": seat} for seat in found])

    def end() -> AnyResponse:
        # The next verification finds a class that is as new.
        fake.joined.clear()
        fake.freed.clear()
        return jsonify({})

    def act() -> AnyResponse:
        if not _at_the_desk():
            return Response("", 401)
        if request.headers.get("X-CSRF-Token") != "a token":
            return Response("", 403 if fake.holds("unconfirmed") else 400)
        action = request.get_json() or {}
        if action["action"] == "free":
            fake.freed += action["seats"]
            fake.joined.clear()
        if action["action"] == "joining":
            fake.joining = action["open"]
        return jsonify(done="Done.")

    for path in ("/desk", "/desk/sheet", "/desk/live"):
        app.add_url_rule(path, path, page)
    app.add_url_rule("/api/v1/desk/session", "session", session, methods=["POST"])
    app.add_url_rule("/api/v1/desk/session/end", "end", end, methods=["POST"])
    app.add_url_rule("/api/v1/class/seats", "listed", listed)
    app.add_url_rule("/api/v1/class/actions", "act", act, methods=["POST"])


@contextmanager
def served(fake: FakeClass, *, own: bool = True) -> Iterator[ClassUnderTest]:
    """The class over HTTP."""
    servers = [WsgiServer(make(fake), "127.0.0.1", 0, Limits(threads=2)) for make in (shop_of, screens_of)]
    for server in servers:
        server.start()
    shop, screens = (f"http://127.0.0.1:{server.port}" for server in servers)
    links = tuple(
        SeatLink(seat, name, seats.link("", seat, SECRET).partition("?")[2]) for seat, name in ROSTER.items()
    )
    entry = seats.link("", OWN, SECRET).partition("?")[2]
    try:
        yield ClassUnderTest(shop, screens, CODE, PASSCODE, links, OWN, entry, own)
    finally:
        for server in servers:
            server.stop()
