"""HTTP requests to the lab's own processes, which are on this machine. Standard library only."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Mapping
from http.client import HTTPResponse
from typing import Any

# Not `urlopen`: that goes through the proxy which the shell names, and a proxy cannot reach our loopback.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def open_url(url: str, form: Mapping[str, object] | None = None, *, timeout_s: float) -> HTTPResponse:
    """The answer to a GET, or to a POST of a form; the caller closes it.

    Raises urllib.error.HTTPError for a status from 400 up, another OSError or
    http.client.HTTPException when there is no answer, and ValueError for a malformed address.
    """
    data = None if form is None else urllib.parse.urlencode(form).encode()
    answer: HTTPResponse = _opener.open(url, data=data, timeout=timeout_s)
    return answer


def json_of(url: str, form: Mapping[str, object] | None = None, *, timeout_s: float) -> Any:
    """The JSON of that answer. Raises what `open_url` does, and ValueError when it is not JSON."""
    with open_url(url, form, timeout_s=timeout_s) as answer:
        return json.load(answer)
