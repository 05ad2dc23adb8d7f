"""The page with one field, for the code of the class or of a seat."""

from __future__ import annotations

import hmac

from flask import Blueprint, current_app, make_response, render_template, request
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.wrappers import Response

from classroom import ClassStore, Seat, normalized_code
from observer.request import context
from observer.request.attempt_limit import AttemptLimit
from observer.request.errors import TooManyAttempts
from observer.request.reader_seat import reader_seat, remember_seat
from observer.request.responses import redirect_within
from observer.request.same_origin import refuse_cross_site

blueprint = Blueprint("join", __name__)

_EXTENSION = "join-attempts"
_LONGEST_SHOWN = 40
_LESSON = "/workshop"
_AGAIN = ("Back to the code", "/join")


class NotSeated(Exception):
    """The code gives no seat; `str()` says why, in sentences, `status` is the HTTP status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@blueprint.get("/join")
def join() -> Response:
    """The page; whoever has a seat is led to it."""
    if context.settings().class_mode and reader_seat().slug:
        return redirect_within(_LESSON, 303)
    return _page(request.args.get("code", ""))


@blueprint.post("/join")
def join_by_code() -> Response:
    """Give the seat of a code: a free one for the class's own, the seat itself for a seat's."""
    refuse_cross_site()
    store = context.class_store()
    if store is None:
        return _page()
    if reader_seat().slug:
        return redirect_within(_LESSON, 303)
    typed = request.form.get("code", "")
    try:
        seat = _seat_of(store, normalized_code(typed))
    except NotSeated as refusal:
        return _page(typed, refusal)
    answer = redirect_within(_LESSON, 303)
    remember_seat(answer, seat.slug)
    return answer


def _seat_of(store: ClassStore, code: str) -> Seat:
    """The seat that a code gives. Raises NotSeated, TooManyAttempts, ClassError."""
    if not code:
        raise NotSeated(422, "Type the code that your instructor shows.")
    attempts: AttemptLimit = current_app.extensions[_EXTENSION]
    address, now = request.remote_addr or "", context.now_unix_nano()
    wait_s = attempts.count(address, now)
    if wait_s:
        raise TooManyAttempts("Too many wrong codes came from your address.", wait_s, _AGAIN)
    if hmac.compare_digest(code.encode(), store.facts().join_code.encode()):
        attempts.take_back(address)
        free = store.take_free(now)
        if free is None:
            raise NotSeated(409, "Every seat of the class is taken. Ask your instructor to free one.")
        actor = f"seat {free.slug}"
        store.log("join", "by the code of the class", actor=actor, seats=[free.slug], at_unix_nano=now)
        return free
    own = store.seat_of_code(code)
    if own is None:
        raise NotSeated(
            403, "Neither the class nor a seat has this code. Compare it with what your instructor shows."
        )
    attempts.take_back(address)
    store.take(own.slug, now)
    return own


def _page(code: str = "", refusal: NotSeated | None = None) -> Response:
    content = render_template(
        "join/join.html",
        class_mode=context.settings().class_mode,
        has_roster=context.class_store() is not None,
        code=code[:_LONGEST_SHOWN],
        problem=str(refusal or ""),
    )
    return make_response(content, refusal.status if refusal else 200)


@blueprint.record_once
def _install(state: BlueprintSetupState) -> None:
    # A class behind one router has one address: thirty people mistype more than one would.
    state.app.extensions[_EXTENSION] = AttemptLimit(per_address=20, in_all=60, window_s=60)
