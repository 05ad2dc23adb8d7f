"""Signing in at the desk by its passcode, and signing out."""

from __future__ import annotations

from flask import Blueprint, make_response, render_template, request
from werkzeug.wrappers import Response

from observer.request import context, desk_session
from observer.request.errors import Forbidden
from observer.request.responses import redirect_within

blueprint = Blueprint("sign_in", __name__)

AFTER_SIGN_IN = "/desk"
"""Where the desk begins, for whoever came without a page in mind."""


@blueprint.get(desk_session.SIGN_IN)
def ask_passcode() -> Response:
    """The form; whoever is the desk already is led on."""
    if desk_session.is_desk():
        return _onward(request.args.get("next", ""))
    if not context.settings().class_mode:
        desk_session.require_desk()
    return _form(request.args.get("next", ""))


@blueprint.post(desk_session.SIGN_IN)
def check_passcode() -> Response:
    """Open a session for the right passcode."""
    onward = request.form.get("next", "")
    try:
        session = desk_session.sign_in(request.form.get("passcode", ""))
    except Forbidden as refusal:
        if refusal.code != "passcode":
            raise
        return _form(onward, refusal)
    answer = _onward(onward)
    if session:
        desk_session.remember_session(answer, session)
    return answer


@blueprint.post("/desk/sign-out")
@desk_session.desk_only
def sign_out() -> Response:
    """End the session."""
    answer = redirect_within(desk_session.SIGN_IN, 303)
    desk_session.sign_out(answer)
    return answer


def _onward(path: str) -> Response:
    return redirect_within(path or AFTER_SIGN_IN, 303)


def _form(onward: str, refusal: Forbidden | None = None) -> Response:
    content = render_template("sign_in/sign_in.html", onward=onward, refusal=refusal)
    return make_response(content, refusal.status if refusal else 200)
