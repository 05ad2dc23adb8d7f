"""HTTP to processes of this machine, never through a proxy. Standard library only.

`urllib.request.urlopen` would obey `http_proxy` of the shell, and a proxy cannot reach our loopback.
"""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

_MOST_BYTES = 64 * 1024**2


class LocalHttpError(Exception):
    """There is no useful answer; the message is a short reason.

    `status` and `body` are those of the answer, 0 and empty when there was none; `timed_out` tells that
    something listens and does not answer.
    """

    def __init__(self, reason: str, status: int = 0, body: bytes = b"", *, timed_out: bool = False) -> None:
        super().__init__(reason)
        self.timed_out = timed_out
        self.status = status
        self.body = body


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, whatever the status. Redirects are not followed."""

    status: int
    reason: str
    body: bytes


def send(
    url: str,
    form: Mapping[str, object] | None = None,
    *,
    timeout_s: float,
    document: object = None,
    token: str = "",
    cookie: str = "",
) -> Answer:
    """The answer to a GET, or to a POST of `form` or of `document` as JSON.

    `timeout_s` bounds each wait for the other side; `token` is sent as a bearer token, `cookie` is the
    value of that header.

    Raises LocalHttpError with status 0 when nothing answers, or not with HTTP.
    """
    try:
        connection, path = _connection(url, timeout_s)
    except ValueError as error:
        raise LocalHttpError(f"{url!r} is not an address") from error
    try:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if cookie:
            headers["Cookie"] = cookie
        if document is not None:
            headers["Content-Type"] = "application/json"
            connection.request("POST", path, json.dumps(document), headers)
        elif form is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            connection.request("POST", path, urlencode(form), headers)
        else:
            connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return Answer(response.status, response.reason, response.read(_MOST_BYTES))
    except ConnectionRefusedError as error:
        raise LocalHttpError("connection refused") from error
    except TimeoutError as error:
        raise LocalHttpError(f"nothing within {timeout_s:g} s", timed_out=True) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise LocalHttpError(getattr(error, "strerror", None) or str(error) or repr(error)) from error
    finally:
        connection.close()


def json_of(url: str, form: Mapping[str, object] | None = None, *, timeout_s: float) -> Any:
    """The JSON that a GET, or a POST of `form`, answers with a status below 300.

    Raises LocalHttpError for any other status, for no answer and for an answer that is not JSON.
    """
    answer = send(url, form, timeout_s=timeout_s)
    if answer.status >= 300:
        raise LocalHttpError(f"{answer.status} {answer.reason}", answer.status, answer.body)
    try:
        return json.loads(answer.body)
    except ValueError as error:
        raise LocalHttpError("the answer is not JSON", answer.status, answer.body) from error


def _connection(url: str, timeout_s: float) -> tuple[http.client.HTTPConnection, str]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    return kind(parts.hostname, parts.port, timeout=timeout_s), path
