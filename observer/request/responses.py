"""Answers that are not rendered pages: JSON, and redirects that stay within the observer."""

from __future__ import annotations

import json
from collections.abc import Mapping

import orjson
from flask import Response, redirect


def json_response(data: object, status: int = 200) -> Response:
    """Plain data as a JSON answer."""
    return Response(json_bytes(data), status, mimetype="application/json")


def json_bytes(data: object) -> bytes:
    """JSON of plain data; bytes become hexadecimal, and what UTF-8 cannot hold becomes an escape."""
    try:
        return orjson.dumps(data, default=_fallback, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return json.dumps(data, default=_fallback, separators=(",", ":")).encode()


def redirect_within(address: str, status: int) -> Response:
    """A redirect to an address of this application; one that would leave it leads to the home page."""
    local = address.startswith("/") and not address.startswith(("//", "/\\"))
    answer = redirect(address if local else "/", status)
    assert isinstance(answer, Response)
    return answer


def _fallback(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
