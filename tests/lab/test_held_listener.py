"""A process on demand: its address answers before it runs, and it takes over what waits there."""

from __future__ import annotations

import os
import selectors
import socket
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from lab.supervision.held_listener import HeldListener
from runtime.wsgi import Limits, WsgiServer


@pytest.fixture(name="selector")
def _selector() -> Iterator[selectors.BaseSelector]:
    with selectors.DefaultSelector() as selector:
        yield selector


def _hello(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Length", "5")])
    return [b"hello"]


def _wake(selector: selectors.BaseSelector) -> None:
    for key, _ in selector.select(5):
        key.data()


def test_who_connects_first_is_answered_by_the_server_that_takes_over(
    selector: selectors.BaseSelector,
) -> None:
    """One call for any number of connections; none of them is refused."""
    asked: list[str] = []
    port = _free_port()
    held = HeldListener(f"127.0.0.1:{port}", selector, lambda: asked.append("asked"))
    callers = [socket.create_connection(("127.0.0.1", port), 5) for _ in range(3)]
    _wake(selector)
    assert asked == ["asked"]
    assert not selector.get_map()

    taken = socket.socket(fileno=os.dup(held.fileno()))
    server = WsgiServer(_hello, "127.0.0.1", port, Limits(2), taken=taken)
    server.start()
    try:
        assert server.port == port
        for caller in callers:
            with caller:
                caller.sendall(b"GET / HTTP/1.0\r\n\r\n")
                assert caller.recv(64).startswith(b"HTTP/1.0 200")
    finally:
        server.stop()
        held.close()


def test_an_address_that_is_taken_is_an_error(selector: selectors.BaseSelector) -> None:
    """And nothing is left behind."""
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(OSError, match="in use"):
        HeldListener(f"127.0.0.1:{other.getsockname()[1]}", selector, lambda: None)
    assert not selector.get_map()


def test_a_listener_that_nobody_asked_is_closed(selector: selectors.BaseSelector) -> None:
    """Its address refuses afterwards."""
    port = _free_port()
    HeldListener(f"127.0.0.1:{port}", selector, lambda: None).close()

    with socket.socket() as caller:
        assert caller.connect_ex(("127.0.0.1", port)) != 0


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
