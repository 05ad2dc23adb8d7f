"""Asks a running lab for JSON, and asks again until it holds or patience ends. Knows no answer's meaning."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from typing import Any

from incidents.checks import NoAnswer, Verdict
from lab.errors import LabError
from runtime import local_http

REQUEST_TIMEOUT_S = 5.0
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 0.4
_pause = threading.Event()


class Unreachable(LabError):
    """A part of the lab does not answer at all, so nothing can be verified."""

    exit_code = 2


def must_answer(what: str, url: str) -> None:
    """Raise Unreachable unless something answers HTTP at that address."""
    try:
        status = local_http.send(url, timeout_s=REQUEST_TIMEOUT_S).status
    except local_http.LocalHttpError as error:
        problem = f"No answer from {what} at {url} ({error})."
    else:
        if status < 400:
            return
        problem = f"No useful answer from {what} at {url} (status {status})."
    raise Unreachable(problem, "See `python3 -m lab status`; start a lab with `python3 -m lab up`.")


def json_at(url: str) -> Any:
    """The JSON that a GET answers; NoAnswer says why there is none, in the API's own words if it has any."""
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
    """Judges again until it holds: up to `within_s` after the start, at least `grace_s` per question."""

    def __init__(self, within_s: float, grace_s: float = 1.0) -> None:
        self._deadline = time.monotonic() + within_s
        self._grace_s = min(grace_s, within_s)

    def settle(self, judgement: Callable[[], Verdict]) -> Verdict:
        """The first verdict that holds, else the last one before time was up."""
        deadline = max(self._deadline, time.monotonic() + self._grace_s)
        pause_s = _FIRST_PAUSE_S
        while True:
            verdict = judgement()
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
