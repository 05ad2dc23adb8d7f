"""Finds free ports, outside the range that outgoing connections are given.

A service that is restarted must find its port free again, so a port is never
taken from the range out of which the system serves outgoing connections.
"""

from __future__ import annotations

import errno
import random
import socket
from pathlib import Path

from lab.errors import LabError

LOWEST = 20_000
_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen here now. Raises LabError when the address is not this machine's."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EINVAL) or isinstance(error, socket.gaierror):
                raise LabError(
                    f"{host} is not an address of this machine.",
                    "Give --host 127.0.0.1 (this machine only) or --host 0.0.0.0 (every network it is on).",
                ) from error
            if error.errno == errno.EACCES:
                raise LabError(
                    f"Port {port} may only be used by the system's administrator.", "Choose one above 1023."
                ) from error
            return False
    return True


def free_ports(count: int, host: str = "127.0.0.1", taken: set[int] | None = None) -> list[int]:
    """`count` different ports, free just now on `host` and on loopback; none of `taken`."""
    highest = _ephemeral_start() - 1
    span = highest - LOWEST
    start = random.SystemRandom().randrange(span)
    found: list[int] = []
    for step in range(span):
        port = LOWEST + (start + step) % span
        if port not in (taken or ()) and is_free("127.0.0.1", port) and is_free(host, port):
            found.append(port)
            if len(found) == count:
                return found
    raise LabError(
        f"This machine has no {count} free ports between {LOWEST} and {highest}.", "Stop something."
    )


def _ephemeral_start() -> int:
    try:
        lowest = int(_RANGE_FILE.read_text("ascii").split()[0])
    except (OSError, ValueError, IndexError):
        lowest = 32_768
    return lowest if lowest > LOWEST + 1_000 else 65_535
