"""Requests that name a foreign host are not answered."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from runtime.addresses import is_ip_literal, machine_names
from runtime.host_check import Environ, HostCheck


def _answer(environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [])
    return [b"inside"]


def status_of(check: HostCheck, host: str | None, method: str = "GET") -> tuple[str, bytes]:
    """The status and body that a request with this host gets."""
    seen: list[str] = []
    environ = {"REQUEST_METHOD": method} | ({} if host is None else {"HTTP_HOST": host})
    body = b"".join(check(environ, lambda status, _headers: seen.append(status)))
    return seen[0], body


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.0.0.1:8080",
        "10.1.2.3:8090",
        "[::1]:8080",
        "[2001:db8::7]",
        "localhost:1",
        "a.localhost",
        "shop.example.org",
        "SHOP.example.org.:443",
        "desk",
        "desk.local",
    ],
)
def test_hosts_of_this_server_are_answered(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """Digits, loopback, the machine's name, the public address; case, port and a last dot do not matter."""
    monkeypatch.setattr("socket.gethostname", lambda: "desk.school.example")
    check = HostCheck(_answer, "https://shop.example.org:8443", "")

    assert status_of(check, host) == ("200 OK", b"inside")


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "shop.example.org.evil.example",
        "evil.example:127.0.0.1",
        "localhost.evil.example",
        "127.1",
        "0x7f.0.0.1",
        "2130706433",
        "127.0.0.1/x",
        "a@127.0.0.1",
        "127.0.0.1, evil.example",
        "[::1%25eth0]",
        "local",
        "desk.evil.example",
    ],
)
def test_other_hosts_are_not(monkeypatch: pytest.MonkeyPatch, host: str | None) -> None:
    """A name that someone else owns, and whatever only looks like one of ours."""
    monkeypatch.setattr("socket.gethostname", lambda: "desk.school.example")
    check = HostCheck(_answer, "https://shop.example.org")

    status, body = status_of(check, host)
    assert (status, b"inside" in body, b"by the address" in body) == ("421 Misdirected Request", False, True)
    assert status_of(check, host, "HEAD")[1] == b""


@pytest.mark.parametrize(
    ("name", "names"), [("", set()), ("10.0.0.5", set()), ("a b", set()), ("Lab", {"lab", "lab.local"})]
)
def test_a_machine_may_have_no_name(monkeypatch: pytest.MonkeyPatch, name: str, names: set[str]) -> None:
    """What is not a host name is none of this machine's."""
    monkeypatch.setattr("socket.gethostname", lambda: name)
    assert machine_names() == names


def test_only_digits_are_an_ip_literal() -> None:
    """With brackets or without."""
    assert is_ip_literal("[::1]")
    assert is_ip_literal("192.0.2.1")
    assert not is_ip_literal("one.example")
