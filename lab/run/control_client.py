"""Asks the control process of the running lab to change it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lab.errors import Conflict, LabError, UsageError
from lab.state import control_token, statusfile
from runtime import local_http
from runtime.installation import COMMAND

_TIMEOUT_S = 30.0
_ACTOR = "command line"


def act(run_dir: Path, action: Mapping[str, Any]) -> str:
    """Perform an action; returns the sentence that says what was done. Raises LabError."""
    row = next((row for row in statusfile.read(run_dir)["processes"] if row["name"] == "control"), None)
    if row is None or row["state"] not in ("ready", "on demand"):
        raise LabError("The lab's control process does not run.", f"See: {COMMAND} logs control")
    try:
        answer = local_http.send(
            f"http://{row['address']}/v1/actions",
            document={"actor": _ACTOR, **action},
            token=control_token.read(run_dir),
            timeout_s=_TIMEOUT_S,
        )
        found = json.loads(answer.body)
    except (local_http.LocalHttpError, ValueError) as error:
        raise LabError(
            f"The lab's control process does not answer: {error}.", f"See: {COMMAND} logs control"
        ) from error
    if answer.status == 200:
        return str(found["done"])
    problem = found["error"]
    kind = {400: UsageError, 409: Conflict}.get(answer.status, LabError)
    raise kind(problem["message"], problem["remedy"])
