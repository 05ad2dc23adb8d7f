"""Asks the lab's control process to change the running lab: the only power that the screens have."""

from __future__ import annotations

import json
from collections.abc import Mapping

from observer.request.errors import Conflict, Malformed, Problem, Unavailable
from observer.settings import Settings
from runtime import local_http
from runtime.installation import COMMAND

ACTOR = "desk"
"""Who acts, unless the action names another."""
_TIMEOUT_S = 30.0
"""Starting the load takes as long as Locust takes to start."""
_KINDS: Mapping[int, type[Problem]] = {400: Malformed, 409: Conflict}
_REMEDY = f"See `{COMMAND} status`: the process `control` must be ready."


def perform(settings: Settings, action: Mapping[str, object]) -> str:
    """Perform an action; returns the sentence that says what was done.

    `action` is the body of `POST /v1/actions` of the control process. Raises Malformed where that
    process refuses it, Conflict where it would end something that runs, Unavailable where there is no
    such process, or where it fails.
    """
    if not settings.control_url:
        raise Unavailable("There is no control process here.", f"Start a lab with: {COMMAND} up")
    try:
        answer = local_http.send(
            f"{settings.control_url.rstrip('/')}/v1/actions",
            document={"actor": ACTOR, **action},
            token=settings.control_token,
            timeout_s=_TIMEOUT_S,
        )
    except local_http.LocalHttpError as error:
        raise Unavailable(f"The lab's control process does not answer: {error}.", _REMEDY) from error
    found = _document(answer.body)
    if answer.status == 200:
        return str(found.get("done", ""))
    problem = found.get("error")
    problem = problem if isinstance(problem, dict) else {}
    message = str(problem.get("message") or f"The lab's control process answered {answer.status}.")
    kind: type[Problem] = _KINDS.get(answer.status, Unavailable)
    raise kind(message, str(problem.get("remedy") or _REMEDY))


def _document(body: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
