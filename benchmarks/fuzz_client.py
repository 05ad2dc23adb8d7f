"""Sends one input after the other over connections that stay open, and reads what comes back.

Knows sockets and gRPC, not what an input means.
"""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass

import grpc

from benchmarks.fuzz_inputs import Input

_TIMEOUT_S = 30.0
_RAW_WAIT_S = 0.02
"""A raw input may be no request: then nothing answers, and the connection is closed after this time."""
_LOST = "lost"
_CLOSED = "no answer"
_RPC_5XX = (grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL, grpc.StatusCode.DATA_LOSS)


@dataclass(frozen=True, slots=True)
class Answer:
    """How an input was answered: `2xx` … `5xx`, `503` with a reason, `no answer`, or `lost`."""

    group: str
    seconds: float
    reason: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether the listener failed, instead of answering or refusing."""
        return self.group in ("5xx", _LOST)


class _NoAnswer(Exception):
    """The other side closed the connection, or said nothing in time."""


class _Connection:
    """One HTTP connection that is opened again when it was closed."""

    def __init__(self, address: str) -> None:
        host, _, port = address.rpartition(":")
        self._address = host, int(port)
        self._socket: socket.socket | None = None
        self._rest = b""

    def send(self, one: Input) -> tuple[int, bytes]:
        """Status and body of the answer to a request. Raises OSError or _NoAnswer."""
        fresh = self._socket is None
        try:
            return self._ask(one)
        except (OSError, _NoAnswer):
            self.close()
            if fresh:
                raise
            # It was closed by the other side since the last request.
            return self._ask(one)

    def send_raw(self, data: bytes) -> tuple[int, bytes]:
        """Status and body of the first answer on a connection of its own. Raises OSError or _NoAnswer."""
        self.close()
        try:
            connection = self._opened()
            connection.sendall(data)
            select.select([connection], [], [], _RAW_WAIT_S)
            # No more comes: half a request shall not wait for its time limit.
            connection.shutdown(socket.SHUT_WR)
            return self._read(head_only=True)
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection, if it is open."""
        if self._socket is not None:
            self._socket.close()
        self._socket, self._rest = None, b""

    def _opened(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection(self._address, _TIMEOUT_S)
        return self._socket

    def _ask(self, one: Input) -> tuple[int, bytes]:
        self._opened().sendall(one.data)
        return self._read(one.head_only)

    def _read(self, head_only: bool) -> tuple[int, bytes]:
        head = self._until(b"\r\n\r\n")
        parts = head.split(None, 2)
        if len(parts) < 2 or not parts[0].startswith(b"HTTP/") or not parts[1].isdigit():
            raise _NoAnswer(repr(head[:100]))
        status, fields = int(parts[1]), head.lower()
        if status == 100:
            return self._read(head_only)
        body = b""
        if not head_only and status not in (204, 304):
            body = self._body(fields)
        if b"\r\nconnection: close" in fields:
            self.close()
        return status, body

    def _body(self, fields: bytes) -> bytes:
        if b"\r\ntransfer-encoding: chunked" in fields:
            parts = []
            while size := int(self._until(b"\r\n").split(b";")[0], 16):
                parts.append(self._exactly(size))
                self._exactly(2)
            self._until(b"\r\n")
            return b"".join(parts)
        _, found, rest = fields.partition(b"\r\ncontent-length:")
        return self._exactly(int(rest.split(b"\r\n")[0])) if found else b""

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._rest:
            self._more()
        part, _, self._rest = self._rest.partition(mark)
        return part

    def _exactly(self, size: int) -> bytes:
        while len(self._rest) < size:
            self._more()
        part, self._rest = self._rest[:size], self._rest[size:]
        return part

    def _more(self) -> None:
        chunk = self._opened().recv(65_536)
        if not chunk:
            raise _NoAnswer("closed")
        self._rest += chunk


class Senders:
    """A connection to each listener."""

    def __init__(self, targets: Mapping[str, str]) -> None:
        """`targets` has the host:port of each."""
        self._http = {name: _Connection(address) for name, address in targets.items() if name != "grpc"}
        self._channel = grpc.insecure_channel(targets["grpc"])

    def send(self, one: Input) -> Answer:
        """Send one input and wait for its answer."""
        began = time.monotonic()
        try:
            group, reason = self._rpc(one) if one.rpc else self._request(one)
        except TimeoutError:
            group, reason = _LOST, f"nothing within {_TIMEOUT_S:.0f} s"
        except ConnectionRefusedError as error:
            group, reason = _LOST, str(error)
        except (OSError, _NoAnswer, ValueError) as error:
            group, reason = (_CLOSED if one.raw else _LOST), repr(error)
        return Answer(group, time.monotonic() - began, reason)

    def close(self) -> None:
        """Close all connections."""
        self._channel.close()
        for connection in self._http.values():
            connection.close()

    def _request(self, one: Input) -> tuple[str, str]:
        connection = self._http[one.target]
        status, body = connection.send_raw(one.data) if one.raw else connection.send(one)
        if status == 503 and (body or one.raw):
            return "503", ""
        # A transfer coding or a version of HTTP that does not exist here is the sender's fault.
        if status in (501, 505) and one.raw:
            return "4xx", ""
        return f"{status // 100}xx", f"{status} {body[:300]!r}" if status >= 500 else ""

    def _rpc(self, one: Input) -> tuple[str, str]:
        try:
            self._channel.unary_unary(one.rpc)(one.data, timeout=_TIMEOUT_S)
        except grpc.RpcError as error:
            code = error.code()
            if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED):
                return "503", ""
            if code is grpc.StatusCode.DEADLINE_EXCEEDED:
                return _LOST, f"nothing within {_TIMEOUT_S:.0f} s"
            return ("5xx" if code in _RPC_5XX else "4xx"), f"{code.name} {error.details()}"
        return "2xx", ""
