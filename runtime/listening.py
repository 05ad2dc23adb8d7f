"""Ports to listen on: whether one is free, and the sentence for one that is not. Standard library only."""

from __future__ import annotations

import socket


class CannotListen(Exception):
    """A port cannot be bound; the message is a clause without subject that ends in the remedy.

    Main functions print it after the name of their process and exit with code 2: like a malformed
    setting, it stays wrong when the process is started again.
    """

    def __init__(self, host: str, port: int, variable: str, reason: str = "") -> None:
        super().__init__(
            f"cannot listen on {endpoint(host, port)}: {reason or 'it cannot be used'}; "
            f"set {variable} to a free port or LISTEN_ADDR to an address of this machine."
        )


def endpoint(host: str, port: int) -> str:
    """`host:port`, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def check_port(host: str, port: int, variable: str) -> int:
    """Bind a port for a moment and return its number; 0 asks for any free one.

    For servers that report a taken port in their own format (gRPC, Locust). `variable` is the
    setting that names the port. Raises CannotListen.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host.strip("[]"), port))
        except OSError as error:
            raise CannotListen(host, port, variable, error.strerror or str(error)) from error
        number: int = probe.getsockname()[1]
        return number
