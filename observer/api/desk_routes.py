"""The API's routes of the desk's session: opened by the passcode, ended on request."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response

from observer.api.routing import post_route
from observer.api.schemas import boolean, record, text
from observer.request import desk_session
from observer.request.errors import Forbidden, Malformed, Unauthorized
from observer.request.responses import json_response


@post_route(
    "/desk/session",
    record({"token": text("to be sent as `X-CSRF-Token` with every change")}),
    body=record({"passcode": text("the desk's passcode; any text where none is needed")}),
    tag="desk",
)
def desk_session_begin(body: Mapping[str, object]) -> Response:
    """Open a session of the desk by its passcode; the cookie of the answer carries it."""
    passcode = body.get("passcode")
    if not isinstance(passcode, str):
        raise Malformed("passcode is missing.", 'Send {"passcode": "..."}.')
    try:
        session = desk_session.sign_in(passcode)
    except Forbidden as refusal:
        if refusal.code != "passcode":
            raise
        raise Unauthorized(refusal.message, refusal.remedy) from refusal
    answer = json_response({"token": session.token if session else desk_session.csrf_token()})
    if session:
        desk_session.remember_session(answer, session)
    return answer


@post_route("/desk/session/end", record({"ended": boolean()}), body=record({}), tag="desk")
@desk_session.desk_only_api
def desk_session_end(_body: Mapping[str, object]) -> Response:
    """End the session of the desk."""
    answer = json_response({"ended": True})
    desk_session.sign_out(answer)
    return answer
