"""Addresses of a lab's ports, for its own processes and for other machines. Standard library only."""

from __future__ import annotations

import contextlib
import socket
from urllib.parse import urlsplit

LOOPBACK = "127.0.0.1"
WILDCARDS = ("0.0.0.0", "::", "")

Address = tuple[str, int]
"""Host and port."""


def reachable(address: Address) -> Address:
    """The address at which this machine reaches a listener: a wildcard is reached over loopback."""
    host, port = address
    return (LOOPBACK if host in WILDCARDS else host, port)


def formatted(shape: str, address: Address) -> str:
    """An address in a format with `{host}` and `{port}`; an IPv6 host gets its brackets."""
    host, port = address
    return shape.format(host=f"[{host}]" if ":" in host else host, port=port)


def outside_address(url: str, host: str) -> str:
    """The address of `url` (or `host:port`) for other machines, where the lab listens on every network.

    Unchanged where `host`, on which the lab listens, is not a wildcard.
    """
    if host not in WILDCARDS:
        return url
    port = urlsplit(url if "//" in url else f"//{url}").port
    return f"http://{own_address()}:{port}"


def own_address() -> str:
    """This machine's address on the network of its default route; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        # 192.0.2.1 is reserved for documentation: connecting a datagram socket only chooses the route.
        probe.connect(("192.0.2.1", 9))
        return str(probe.getsockname()[0])
    return LOOPBACK
