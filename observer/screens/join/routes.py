"""The page with one field, for the code of the class or of a seat.

The code of the class gives a free seat with a number. On a roster of names it asks who is there, and makes a
seat for a late-comer; a seat with a person's name is given by its own link and code alone. One browser holds
one seat: whoever has one is led to it, or gives it up in the same step in which another code is accepted.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from flask import Blueprint, current_app, make_response, render_template, request
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response

from classroom import ClassStore, RosterError, Seat, is_numbered, normalized_code
from observer.lookup import control
from observer.request import context
from observer.request.attempt_limit import AttemptLimit
from observer.request.errors import Problem, TooManyAttempts
from observer.request.reader_seat import reader_seat, remember_seat
from observer.request.responses import redirect_within
from observer.request.same_origin import refuse_cross_site

blueprint = Blueprint("join", __name__)

CHANGE = "change"
"""The argument with which whoever has a seat asks for another, and the field that gives the seat up."""
JOINS_PER_ADDRESS = 40
"""Free seats for one address in JOINS_WITHIN_S: thirty people behind one router, and some who try again."""
JOINS_WITHIN_S = 300
_EXTENSION = "join-limits"
_LONGEST_SHOWN = 40
_LONGEST_NAME = 80
_LESSON = "/workshop"
_AGAIN = ("Back to the code", "/join")


class NotSeated(Exception):
    """The code gives no seat; `str()` says why, in sentences, `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class WhoIsThere(NotSeated):
    """The code is that of the class, whose seats have names: a late-comer must say another name.

    `str()` says what is wrong with the name that was typed; empty where none was.
    """


@dataclass(frozen=True, slots=True)
class _Limits:
    """How often codes are tried, free seats are taken, and it is reported to the desk that too many were."""

    codes: AttemptLimit
    joins: AttemptLimit
    reports: AttemptLimit


@blueprint.get("/join")
def join() -> Response:
    """The page; whoever has a seat is led to it, unless another is asked for."""
    if context.settings().class_mode and reader_seat().slug and not request.args.get(CHANGE):
        return redirect_within(_LESSON, 303)
    return _page(request.args.get("code", ""))


@blueprint.post("/join")
def join_by_code() -> Response:
    """Give the seat of a code: a free one for the class's own, the seat itself for a seat's.

    Whoever has a seat keeps it, unless the form says that it is given up.
    """
    refuse_cross_site()
    store = context.class_store()
    if store is None:
        return _page()
    own, typed = reader_seat().slug, request.form.get("code", "")
    name = request.form.get("name", "")
    if own and request.form.get(CHANGE) != own:
        return redirect_within(_LESSON, 303)
    try:
        seat, was_free = _seat_of(store, normalized_code(typed), own, name)
    except NotSeated as refusal:
        return _page(typed, refusal, name)
    if own and seat.slug != own:
        _give_up(store, own, seat.slug if was_free else "")
    answer = redirect_within(_LESSON, 303)
    remember_seat(answer, seat.slug)
    return answer


def _seat_of(store: ClassStore, code: str, own: str, name: str) -> tuple[Seat, bool]:
    """The seat that a code gives, never the reader's own by the code of the class; and whether it was free.

    `name` is what a late-comer typed. Raises NotSeated, TooManyAttempts, ClassError.
    """
    if not code:
        raise NotSeated(422, "Type the code that your instructor shows.")
    address, now = request.remote_addr or "", context.now_unix_nano()
    wait_s = _limits().codes.count(address, now)
    if wait_s:
        raise TooManyAttempts("Too many wrong codes came from your address.", wait_s, _AGAIN)
    facts = store.facts()
    if hmac.compare_digest(code.encode(), facts.join_code.encode()):
        _limits().codes.take_back(address)
        if not facts.joining_open:
            raise NotSeated(
                403,
                "Joining is closed: the code of the class gives no seat now. Ask your instructor to open it, "
                "or type the code of your own seat.",
            )
        return _new_seat(store, address, now, own, name), True
    found = store.seat_of_code(code)
    if found is None:
        raise NotSeated(
            403, "Neither the class nor a seat has this code. Compare it with what your instructor shows."
        )
    _limits().codes.take_back(address)
    store.take(found.slug, now)
    return found, found.taken_unix_nano is None


def _new_seat(store: ClassStore, address: str, now: int, own: str, name: str) -> Seat:
    """A free seat with a number; where the roster has names alone, a new one for a late-comer."""
    of_names = not any(is_numbered(seat.name) for seat in store.seats())
    if of_names and not name.strip():
        raise WhoIsThere(200, "")
    wait_s = _limits().joins.count(address, now)
    if wait_s:
        if not _limits().reports.count(address, now):
            seats = f"{JOINS_PER_ADDRESS} seats were taken from {address} within five minutes"
            store.log("join", f"{seats}; it waits now", actor="class", seats=(), at_unix_nano=now)
        raise NotSeated(
            429,
            f"Many seats were taken from your network just now. Try again in {_waiting(wait_s)}, "
            "open the link of your own seat, or ask your instructor.",
        )
    try:
        given = store.take_late(name, now) if of_names else store.take_free(now, other_than=own)
    except RosterError as refusal:
        _limits().joins.take_back(address)
        raise WhoIsThere(409, f"{refusal} {refusal.remedy}") from refusal
    if given is None:
        _limits().joins.take_back(address)
        raise NotSeated(409, "Every seat of the class is taken. Ask your instructor to free one.")
    detail = f"by the code of the class, from {address}"
    actor = f"seat {given.slug}"
    if of_names:
        detail += f": a new seat for {given.name}"
    store.log("join", detail, actor=actor, seats=[given.slug], at_unix_nano=now)
    return given


def _give_up(store: ClassStore, own: str, taken: str) -> None:
    """Free the seat that the reader has. Raises Problem, and then `taken` is free again, too."""
    try:
        control.perform(context.settings(), {"action": "free", "seats": [own], "actor": f"seat {own}"})
    except Problem:
        if taken:
            store.give_back(taken)
        raise


def _waiting(seconds: int) -> str:
    return f"{seconds} seconds" if seconds < 60 else f"{-(-seconds // 60)} minutes"


def _page(code: str = "", refusal: NotSeated | None = None, name: str = "") -> Response:
    store, reader = context.class_store(), reader_seat()
    content = render_template(
        "join/join.html",
        class_mode=context.settings().class_mode,
        has_roster=store is not None,
        joining_open=store is None or store.facts().joining_open,
        seat=reader.place,
        freed=reader.freed,
        code=code[:_LONGEST_SHOWN],
        asks_name=isinstance(refusal, WhoIsThere),
        name=name[:_LONGEST_NAME],
        problem=str(refusal or ""),
    )
    return make_response(content, refusal.status if refusal else 200)


def _limits() -> _Limits:
    found: _Limits = current_app.extensions[_EXTENSION]
    return found


@blueprint.record_once
def _install(state: BlueprintSetupState) -> None:
    state.app.extensions[_EXTENSION] = _Limits(
        # A class behind one router has one address: thirty people mistype more than one would.
        codes=AttemptLimit(per_address=20, in_all=60, window_s=60),
        joins=AttemptLimit(per_address=JOINS_PER_ADDRESS, in_all=1_000, window_s=JOINS_WITHIN_S),
        reports=AttemptLimit(per_address=1, in_all=20, window_s=JOINS_WITHIN_S),
    )
