"""Behind a reverse proxy: whose headers are followed, and what leaves the application under a path."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from runtime.proxy import UNTRUSTED, BehindProxy, TrustedProxies, parse_trusted_proxies

_PAGE = b'<a href="/x">a &#34; href=&#34;/y</a> <b href="//z"></b><form action="/">'


def _asked(
    trusted: str, peer: str = "10.0.0.1", **headers: str
) -> tuple[dict[str, Any], dict[str, str], bytes]:
    """The environ that the application saw, the headers and the body that the visitor gets."""
    seen: dict[str, Any] = {}
    page = _PAGE
    answered: dict[str, str] = {}

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        seen.update(environ)
        answer = [
            ("Content-Type", "text/html; charset=utf-8"),
            ("Content-Length", str(len(page))),
            ("Location", "/next"),
            ("Set-Cookie", "own=1; HttpOnly; Path=/"),
            ("Set-Cookie", "shared=1; Path=/; Max-Age=1"),
        ]
        start_response("200 OK", answer)
        return [page]

    def start_response(status: str, answer: list[tuple[str, str]], *more: object) -> None:
        for name, value in answer:
            answered[name if name != "Set-Cookie" else value.partition("=")[0]] = value

    environ = {
        "REMOTE_ADDR": peer,
        "HTTP_HOST": "inner:80",
        "PATH_INFO": "/page",
        "REQUEST_METHOD": "GET",
        "wsgi.url_scheme": "http",
        **{f"HTTP_X_FORWARDED_{name.upper()}": value for name, value in headers.items()},
    }
    behind = BehindProxy(app, parse_trusted_proxies(trusted), ["shared"])
    body = b"".join(behind(environ, start_response))
    return seen, answered, body


def test_nobody_is_trusted_by_default() -> None:
    """The headers are removed, and that somebody stood between is known."""
    seen, answered, body = _asked("", For="1.2.3.4", Proto="https", Host="evil.example", Prefix="/p")

    reached = seen["REMOTE_ADDR"], seen["HTTP_HOST"], seen["wsgi.url_scheme"]
    assert reached == ("10.0.0.1", "inner:80", "http")
    assert not [name for name in seen if "FORWARDED" in name]
    assert seen[UNTRUSTED]
    assert (answered["Location"], body) == ("/next", _PAGE)


@pytest.mark.parametrize("trusted", ["10.0.0.1", "10.0.0.0/8", "192.168.0.1, 10.0.0.1", "1"])
def test_a_trusted_proxy_says_who_came_and_how(trusted: str) -> None:
    """Address, scheme, host and path are the visitor's."""
    seen, _, _ = _asked(
        trusted, For="9.9.9.9, 1.2.3.4", Proto="https", Host="lab.example.org", Prefix="/a/b/"
    )

    assert seen["REMOTE_ADDR"] == "1.2.3.4"
    assert seen["HTTP_HOST"] == "lab.example.org"
    assert seen["wsgi.url_scheme"] == "https"
    assert (seen["SCRIPT_NAME"], seen["PATH_INFO"]) == ("/a/b", "/page")
    assert UNTRUSTED not in seen


def test_two_trusted_proxies_in_a_row() -> None:
    """What the visitor claims stands before what the outer proxy says."""
    for trusted in ("2", "10.0.0.0/8"):
        seen, _, _ = _asked(trusted, For="6.6.6.6, 1.2.3.4, 10.0.0.2", Host="evil, out.example, in.example")

        assert (seen["REMOTE_ADDR"], seen["HTTP_HOST"]) == ("1.2.3.4", "out.example")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "ev il"),
        ("Host", "a" * 300),
        ("Proto", "javascript"),
        ("For", "<script>"),
        ("Prefix", "//evil.example"),
        ("Prefix", "/a/../b"),
        ("Prefix", '/"><script>'),
        ("Prefix", "/" + "a" * 200),
        ("Prefix", "no-slash"),
    ],
)
def test_what_is_no_address_is_not_followed(name: str, value: str) -> None:
    """Even from a trusted proxy, which may pass on what a visitor sent."""
    headers: dict[str, Any] = {name: value}
    seen, answered, body = _asked("1", **headers)

    assert seen.get("SCRIPT_NAME", "") == ""
    assert (seen["HTTP_HOST"], seen["wsgi.url_scheme"]) == ("inner:80", "http")
    assert seen["REMOTE_ADDR"] == "10.0.0.1"
    assert (answered["Location"], body) == ("/next", _PAGE)


def test_a_page_under_a_path_keeps_its_visitor_there() -> None:
    """Addresses in attributes, redirects and cookies, but no text and no other host."""
    _, answered, body = _asked("1", Prefix="/lab", Proto="https")

    assert body == b'<a href="/lab/x">a &#34; href=&#34;/y</a> <b href="//z"></b><form action="/lab/">'
    assert answered["Content-Length"] == str(len(body))
    assert answered["Location"] == "/lab/next"
    assert answered["own"] == "own=1; HttpOnly; Path=/lab/; Secure"
    assert answered["shared"] == "shared=1; Path=/; Max-Age=1"


def test_the_path_alone_is_followed_from_this_machine() -> None:
    """It changes nothing but what its sender gets; who, how and from where are not believed."""
    seen, answered, _ = _asked("", peer="127.0.0.1", Prefix="/proxy/8090", Host="evil.example", For="1.2.3.4")

    assert (seen["SCRIPT_NAME"], answered["Location"]) == ("/proxy/8090", "/proxy/8090/next")
    assert (seen["HTTP_HOST"], seen["REMOTE_ADDR"]) == ("inner:80", "127.0.0.1")


def test_a_setting_is_addresses_networks_or_a_number() -> None:
    """Anything else ends the process at its start."""
    assert parse_trusted_proxies("") == TrustedProxies()
    assert str(parse_trusted_proxies("10.1.2.3/8, ::1")) == "10.0.0.0/8,::1/128"
    assert str(parse_trusted_proxies("2")) == "2"
    for wrong in ("proxy.example.org", "17", "-1", "10.0.0.0/99"):
        with pytest.raises(ValueError, match=r".+"):
            parse_trusted_proxies(wrong)
