"""`Client` over Locust's fast HTTP session, so that Locust counts every request.

Follows redirects itself, one counted request each, because the session does not
report the final address.
"""

from __future__ import annotations

from collections.abc import Mapping
from http.cookiejar import Cookie
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit

from loadgen.shopper import Reply

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MAX_REDIRECTS = 5


class LocustClient:
    """One virtual user's connection and cookies."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def send(
        self,
        method: str,
        url: str,
        *,
        name: str,
        headers: Mapping[str, str],
        data: Mapping[str, str] | bytes | None = None,
        follow: bool = True,
    ) -> Reply:
        """See `Client`; with `follow` false, the reply may be a redirect."""
        sent = dict(headers)
        body: bytes | None = None
        if isinstance(data, bytes):
            body = data
        elif data is not None:
            body = urlencode(data).encode()
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        for _ in range(_MAX_REDIRECTS + 1):
            answer = self._session.request(
                method, url, name=name, data=body, headers=sent, allow_redirects=False
            )
            location = answer.headers.get("location") if answer.status_code in _REDIRECTS else None
            if not location or not follow:
                break
            if answer.status_code not in (307, 308):
                method, body = "GET", None
                sent.pop("Content-Type", None)
            url = urljoin(url, location)
            name = urlsplit(url).path
        return _reply(answer, url)

    def set_cookie(self, name: str, value: str) -> None:
        """See `Client`."""
        self._session.cookiejar.set_cookie(_cookie(name, value))

    def forget(self) -> None:
        """Delete every cookie: the next request is a new visitor's."""
        self._session.cookiejar.clear()


def _reply(answer: Any, url: str) -> Reply:
    if not answer.status_code:
        return Reply(0, url, error=str(getattr(answer, "error", "") or "no answer"))
    text = (answer.content or b"").decode("utf-8", "replace")
    return Reply(answer.status_code, url, text, answer.headers.get("server-timing") or "")


def _cookie(name: str, value: str) -> Cookie:
    return Cookie(
        version=0,
        name=name,
        value=value,
        port=None,
        port_specified=False,
        domain="",
        domain_specified=False,
        domain_initial_dot=False,
        path="/",
        path_specified=True,
        secure=False,
        expires=None,
        discard=True,
        comment=None,
        comment_url=None,
        rest={},
    )
