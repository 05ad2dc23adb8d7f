"""A visitor of a class over HTTP: keeps cookies, follows no redirect, and says what an answer shows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import TracebackType
from typing import Any

import requests
from selectolax.lexbor import LexborHTMLParser

from incidents.checks import NoAnswer
from runtime import seats

TIMEOUT_S = 10.0
_SEAT_ATTRIBUTE = "enduser.id"


class Visitor:
    """One browser's worth of cookies, without a proxy."""

    def __init__(self, seat_cookie: str = "") -> None:
        """`seat_cookie` is the value of a seat's cookie, sent as it is."""
        self._session = requests.Session()
        # The environment may name a proxy, which cannot reach a lab on this machine.
        self._session.trust_env = False
        if seat_cookie:
            self._session.headers["Cookie"] = f"{seats.COOKIE}={seat_cookie}"

    def __enter__(self) -> Visitor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def ask(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        document: Mapping[str, object] | None = None,
    ) -> requests.Response:
        """The answer, whatever its status. Raises NoAnswer when there is none."""
        try:
            return self._session.request(
                method,
                url,
                headers=headers,
                data=form,
                json=document,
                timeout=TIMEOUT_S,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            raise NoAnswer(f"no answer from {url.partition('?')[0]} ({type(error).__name__})") from error

    def get(self, url: str) -> requests.Response:
        """The answer to a GET."""
        return self.ask("GET", url)


def given_seat(answer: requests.Response) -> str:
    """The seat whose cookie an answer sets; empty where it sets none."""
    return seats.seat_of_cookie(answer.cookies.get(seats.COOKIE) or "")


def seat_of_page(answer: requests.Response) -> str:
    """The seat in the attributes of the page's RUM agent; empty without one. Raises NoAnswer for no agent."""
    options = LexborHTMLParser(answer.text).css_first("script#rum-config")
    if options is None:
        raise NoAnswer(f"a page with status {answer.status_code} that starts no RUM agent")
    try:
        attributes: dict[str, Any] = json.loads(options.text())["globalAttributes"]
        return str(attributes.get(_SEAT_ATTRIBUTE, ""))
    except (ValueError, LookupError, AttributeError, TypeError) as error:
        raise NoAnswer("a RUM agent whose options cannot be read") from error


def words_of(answer: requests.Response) -> str:
    """The text of a page, its blanks made single."""
    return " ".join(LexborHTMLParser(answer.text).text(separator=" ").split())
