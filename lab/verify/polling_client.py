"""Asks a running lab for JSON, and asks again until it holds or patience ends. Knows no answer's meaning."""

from __future__ import annotations

import http.client
import json
import threading
import time
import urllib.error
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
        with local_http.open_url(url, timeout_s=REQUEST_TIMEOUT_S):
            return
    except urllib.error.HTTPError as error:
        error.close()
        told = f"No useful answer from {what} at {url} (status {error.code})."
    except (OSError, http.client.HTTPException, ValueError) as error:
        told = f"No answer from {what} at {url} ({why(error)})."
    raise Unreachable(told, "See `python3 -m lab status`; start a lab with `python3 -m lab up`.")


def json_at(url: str) -> Any:
    """The JSON that a GET answers; NoAnswer says why there is none, in the API's own words if it has any."""
    try:
        return local_http.json_of(url, timeout_s=REQUEST_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        with error:
            raise NoAnswer(f"{error.code} {_message(error.read(4096)) or error.reason}") from error
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswer(f"no answer from {url}: {why(error)}") from error
    except ValueError as error:
        raise NoAnswer(f"no JSON from {url}") from error


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


def why(error: BaseException) -> str:
    """The short reason inside a network error."""
    reason = getattr(error, "reason", error)
    if isinstance(reason, ConnectionRefusedError):
        return "connection refused"
    if isinstance(reason, TimeoutError):
        return f"nothing within {REQUEST_TIMEOUT_S:g} s"
    return str(getattr(reason, "strerror", None) or reason)


def _message(body: bytes) -> str:
    try:
        error = json.loads(body)["error"]
        return str(error["message"])
    except (ValueError, LookupError, TypeError):
        return ""
