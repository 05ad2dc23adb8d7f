"""Requests JSON from a running lab, and polls until a check holds or its time is over."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from incidents.checks import NoAnswer, Verdict
from lab.errors import LabError
from runtime import local_http
from runtime.installation import COMMAND

REQUEST_TIMEOUT_S = 5.0
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.4
_pause = threading.Event()


class Unreachable(LabError):
    """Shop or screens do not answer, so nothing can be verified."""

    exit_code = 2


def must_answer(name: str, url: str) -> None:
    """Raise Unreachable unless that address answers with a status below 400."""
    try:
        status = local_http.send(url, timeout_s=REQUEST_TIMEOUT_S).status
    except local_http.LocalHttpError as error:
        problem = f"No answer from {name} at {url} ({error})."
    else:
        if status < 400:
            return
        problem = f"No useful answer from {name} at {url} (status {status})."
    raise Unreachable(problem, f"See `{COMMAND} status`; start a lab with `{COMMAND} up`.")


def json_at(url: str) -> Any:
    """The JSON of the answer to a GET. Raises NoAnswer with the API's own error message if it has one."""
    try:
        return local_http.json_of(url, timeout_s=REQUEST_TIMEOUT_S)
    except local_http.LocalHttpError as error:
        if not error.status:
            raise NoAnswer(f"no answer from {url}: {error}") from error
        if error.status < 300:
            raise NoAnswer(f"no JSON from {url}") from error
        message = _message(error.body)
        raise NoAnswer(f"{error.status} {message}" if message else str(error)) from error


class Patience:
    """Repeats a check until it holds: until `within_s` after the start, but at least `grace_s` per check."""

    def __init__(self, within_s: float, grace_s: float = 1.0) -> None:
        self._deadline = time.monotonic() + within_s
        self._grace_s = min(grace_s, within_s)

    def settle(self, check: Callable[[], Verdict]) -> Verdict:
        """The first verdict that holds, else the last one before the deadline."""
        deadline = max(self._deadline, time.monotonic() + self._grace_s)
        pause_s = _FIRST_PAUSE_S
        while True:
            verdict = check()
            if verdict.holds or time.monotonic() + pause_s > deadline:
                return verdict
            _pause.wait(pause_s)
            pause_s = min(pause_s * 1.5, _LONGEST_PAUSE_S)


def _message(body: bytes) -> str:
    try:
        error = json.loads(body)["error"]
        return str(error["message"])
    except (ValueError, LookupError, TypeError):
        return ""
