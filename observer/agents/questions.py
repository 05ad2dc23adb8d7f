"""Asks the observer's JSON API over loopback for the tools. Knows no tool and no protocol of agents."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import islice
from typing import Final
from urllib.parse import urlencode

from runtime import local_http

MOST_CHARACTERS: Final = 200_000
"""Of one answer: about 50,000 tokens, a fourth of what large models take."""
_LONG_TEXT: Final = 2_000
"""Characters of one text that stay where an answer is too long: more than a stack trace's upper half."""
_MOST_NAMES: Final = 100
"""Of a map, there: attributes of one item."""
_TIMEOUT_S: Final = 30.0


class Refused(Exception):
    """The API did not answer the question; the message says why and what helps."""


class Api:
    """The JSON API of one observer."""

    def __init__(self, observer_url: str) -> None:
        self._base = f"{observer_url.rstrip('/')}/api/v1"

    def get(self, path: str, parameters: Mapping[str, object] | None = None) -> str:
        """The JSON at a path, as text; empty parameters are left out. Raises Refused."""
        given = {name: value for name, value in (parameters or {}).items() if value not in ("", [])}
        query = f"?{urlencode(given, doseq=True)}" if given else ""
        return self._answer(f"{self._base}{path}{query}", None)

    def post(self, path: str, document: Mapping[str, str]) -> str:
        """The JSON that a path answers to a document. Raises Refused."""
        return self._answer(f"{self._base}{path}", document)

    def _answer(self, url: str, document: Mapping[str, str] | None) -> str:
        try:
            answer = local_http.send(url, timeout_s=_TIMEOUT_S, document=document)
        except local_http.LocalHttpError as error:
            raise Refused(f"The observer does not answer ({error}): is the lab running?") from error
        text = answer.body.decode(errors="replace")
        if answer.status >= 300:
            raise Refused(_reason(answer.status, text))
        if len(text) > MOST_CHARACTERS:
            # One long text of a stranger must not keep an agent from all the others.
            text = json.dumps(_shortened(json.loads(text)), separators=(",", ":"), ensure_ascii=False)
        if len(text) > MOST_CHARACTERS:
            raise Refused(
                f"The answer has {len(text):,} characters, more than {MOST_CHARACTERS:,}: ask for less, by a "
                "smaller limit, a shorter time range or more conditions."
            )
        return text


def _shortened(value: object) -> object:
    """Plain data with its long texts and maps cut, which they then say."""
    if isinstance(value, str) and len(value) > _LONG_TEXT:
        return f"{value[:_LONG_TEXT]}… (cut here: {len(value):,} characters)"
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    if isinstance(value, dict):
        kept = {name[:_LONG_TEXT]: _shortened(each) for name, each in islice(value.items(), _MOST_NAMES)}
        return kept | ({"… (cut here)": f"{len(value):,} names"} if len(value) > _MOST_NAMES else {})
    return value


def _reason(status: int, text: str) -> str:
    try:
        error = json.loads(text)["error"]
        return f"{error['message']} {error['remedy']}"
    except (ValueError, KeyError, TypeError):
        return f"The observer answered {status}."
