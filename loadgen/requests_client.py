"""`Client` over `requests`, for the student, which needs neither Locust nor gevent."""

from __future__ import annotations

from collections.abc import Mapping

import requests

from loadgen.shopper import Reply


class RequestsClient:
    """One session with its connections and cookies."""

    def __init__(self, timeout_s: float = 30.0) -> None:
        self._session = requests.Session()
        # The environment may name a proxy, which cannot reach a shop on this machine.
        self._session.trust_env = False
        self._timeout_s = timeout_s

    def send(
        self,
        method: str,
        url: str,
        *,
        name: str,
        headers: Mapping[str, str],
        data: Mapping[str, str] | bytes | None = None,
    ) -> Reply:
        """See `Client`; `name` is not used."""
        try:
            answer = self._session.request(
                method, url, headers=dict(headers), data=data, timeout=self._timeout_s
            )
        except requests.RequestException as error:
            return Reply(0, url, error=self._reason(error))
        return Reply(answer.status_code, answer.url, answer.text, answer.headers.get("Server-Timing", ""))

    def set_cookie(self, name: str, value: str) -> None:
        """See `Client`."""
        self._session.cookies.set(name, value)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _reason(self, error: requests.RequestException) -> str:
        if isinstance(error, requests.Timeout):
            return f"no answer within {self._timeout_s:g} s"
        if isinstance(error, requests.ConnectionError):
            return "nothing listens there, or the connection broke"
        return str(error)
