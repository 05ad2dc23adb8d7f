"""The HTTP interface of the control process.

`POST /v1/actions` takes `{"action", "seats", "actor", ...}` and answers `{"done": sentence}`; a malformed
action is 400 with `{"error": {"code", "message", "remedy"}}`, one that would end a game day or an exam which
runs is 409. Every request needs the token, `/healthz` apart.
"""

from __future__ import annotations

import hmac
import logging
from typing import Any

from flask import Flask, Response, jsonify, request

from classroom import ClassError
from lab.control.action_request import parse
from lab.control.changes import Changes
from lab.errors import Conflict, LabError, UsageError

_log = logging.getLogger("control")


def create_app(changes: Changes, token: str) -> Flask:
    """The application around one `Changes`."""
    app = Flask(__name__, static_folder=None)

    @app.before_request
    def authorize() -> tuple[Response, int] | None:
        given = request.headers.get("Authorization", "")
        if request.path == "/healthz" or hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return None
        return _error("unauthorized", "The lab's token is missing or wrong.", ""), 401

    @app.get("/healthz")
    def healthz() -> Response:
        return Response("ok", mimetype="text/plain")

    @app.post("/v1/actions")
    def act() -> Response:
        action = parse(request.get_json(silent=True))
        done = changes.perform(action)
        _log.info("%s: %s", action.actor, done)
        return jsonify(done=done)

    @app.errorhandler(Conflict)
    def conflict(error: Conflict) -> tuple[Response, int]:
        return _error("conflict", error.message, error.remedy), 409

    @app.errorhandler(UsageError)
    def malformed(error: UsageError) -> tuple[Response, int]:
        return _error("malformed", error.message, error.remedy), 400

    @app.errorhandler(LabError)
    def failed(error: LabError) -> tuple[Response, int]:
        return _error("failed", error.message, error.remedy), 503

    @app.errorhandler(ClassError)
    def class_file(error: ClassError) -> tuple[Response, int]:
        return _error("failed", str(error), error.remedy), 503

    return app


def _error(code: str, message: str, remedy: str) -> Any:
    return jsonify(error={"code": code, "message": message, "remedy": remedy})
