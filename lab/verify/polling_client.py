"""Requests JSON from a running lab, and polls until a check holds or its time is over."""

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
    """Shop or screens do not answer, so nothing can be verified."""

    exit_code = 2


def must_answer(name: str, url: str) -> None:
    """Raise Unreachable unless that address answers with a status below 400."""
    try:
        with local_http.open_url(url, timeout_s=REQUEST_TIMEOUT_S):
            return
    except urllib.error.HTTPError as error:
        error.close()
        message = f"No useful answer from {name} at {url} (status {error.code})."
    except (OSError, http.client.HTTPException, ValueError) as error:
        message = f"No answer from {name} at {url} ({why(error)})."
    raise Unreachable(message, "See `python3 -m lab status`; start a lab with `python3 -m lab up`.")


def json_at(url: str) -> Any:
    """The JSON of the answer to a GET. Raises NoAnswer with the API's own error message if it has one."""
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


def why(error: BaseException) -> str:
    """The reason of a network error, short."""
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
