"""ClickHouse's HTTP interface on loopback over chDB: the real engine and the real client, without a server.

For tests, and for trying a lab over ClickHouse where there is no server:
`python -m tests.store.chdb_over_http --port 8123 --folder DIR`. It knows no users, no sessions and no
streaming: an answer is sent when it is whole. Access rights, replication and the native protocol are not
tried by it.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import re
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

_HELLO: Final = b"SELECT displayName(), version(), revision(), timezone()"
"""What the client for Go asks first, and reads in the form of a protocol that chDB does not speak."""
_INSERT: Final = re.compile(rb"\s*(INSERT\s+INTO\s.*?)\s+FORMAT\s+(\w+)\s*\n", re.IGNORECASE | re.DOTALL)
_FORMAT: Final = re.compile(r"\s+FORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_CODE: Final = re.compile(r"Code: (\d+)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_END_S: Final = 10.0
_TRANSPORT: Final = frozenset(
    {
        *("buffer_size", "compress", "database", "decompress", "default_format", "enable_http_compression"),
        *("client_protocol_version", "password", "query", "query_id", "quota_key", "role", "user"),
        *("http_headers_progress_interval_ms", "send_progress_in_http_headers", "session_check"),
        *("session_id", "session_timeout", "wait_end_of_query"),
    }
)
"""Parameters that are no settings of a query."""


class ChdbOverHttp(ThreadingHTTPServer):
    """A server of `start` to `close`; each connection has a thread and a handle of the engine."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, folder: str | Path, port: int = 0) -> None:
        self.folder = str(folder)
        self.loses_answer: Callable[[str], bool] = lambda _: False
        """Asked for each insert that is done, by its statement: whether the connection ends unanswered."""
        self._changed = threading.Condition()
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Serve in a thread."""
        threading.Thread(target=self.serve_forever, name="chdb-over-http", daemon=True).start()

    def close(self) -> None:
        """Stop listening, end the connections, and wait until none has a handle of the engine any more.

        An engine that is torn down under its handles, as by the end of a process, takes the process with it.
        """
        self.shutdown()
        self.server_close()
        with self._changed:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._changed.wait_for(lambda: not self._open, _END_S)

    def connected(self, connection: socket.socket, *, ended: bool) -> None:
        """Note that a connection has a thread, or that it and its handle have ended."""
        with self._changed:
            (self._open.discard if ended else self._open.add)(connection)
            self._changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # A client waits for the last bytes of an answer: no Nagle, one write.
    wbufsize = -1
    disable_nagle_algorithm = True
    _handle: Any = None
    server: ChdbOverHttp

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def setup(self) -> None:
        self.server.connected(self.request, ended=False)
        super().setup()

    def finish(self) -> None:
        if self._handle is not None:
            self._handle.close()
        self.server.connected(self.request, ended=True)
        super().finish()

    def do_GET(self) -> None:
        """Answer a question in the address, or a probe."""
        self.do_POST()

    def do_POST(self) -> None:
        """Answer a question, or take an insert in."""
        body = self._body()
        target = urlsplit(self.path)
        if target.path == "/ping":
            self._answer(200, b"Ok.\n")
            return
        parameters = dict(parse_qsl(target.query, keep_blank_values=True))
        if "multipart/form-data" in (form := self.headers.get("Content-Type", "")):
            # The client does so where the values are too long for an address.
            parameters |= _fields(form, body)
            body = b""
        if query := parameters.get("query", ""):
            body = query.encode() + b"\n" + body
        if body.startswith(_HELLO):
            self._answer(200, _hello())
            return
        try:
            answer = self._run(body, parameters)
            if not self._is_lost(body):
                self._answer(200, answer)
        except RuntimeError as error:
            message = str(error)
            code = _CODE.search(message)
            self._answer(500, message.encode(), {"X-ClickHouse-Exception-Code": code[1] if code else "1002"})

    def _is_lost(self, body: bytes) -> bool:
        """Whether the answer of what is done gets lost, with the connection."""
        insert = _INSERT.match(body)
        if insert is None or not self.server.loses_answer(insert[1].decode()):
            return False
        self.close_connection = True
        return True

    def _run(self, body: bytes, parameters: dict[str, str]) -> bytes:
        settings = {
            name: value
            for name, value in parameters.items()
            if name not in _TRANSPORT and not name.startswith("param_") and _NAME.fullmatch(name)
        }
        values = {name[6:]: value for name, value in parameters.items() if name.startswith("param_")}
        insert = _INSERT.match(body)
        if insert:
            return self._insert(insert, body[insert.end() :], settings)
        sql = body.decode("utf-8", "replace").strip()
        wanted = _FORMAT.search(sql)
        if wanted is None:
            return self._ask(sql, parameters.get("default_format", "TabSeparated"), values)
        return self._ask(sql[: wanted.start()] + _clause(settings), wanted[1], values)

    def _insert(self, insert: re.Match[bytes], data: bytes, settings: dict[str, str]) -> bytes:
        with tempfile.NamedTemporaryFile(suffix=".native") as file:
            file.write(data)
            file.flush()
            source = f"{insert[1].decode()} FROM INFILE '{file.name}'"
            return self._ask(f"{source}{_clause(settings)} FORMAT {insert[2].decode()}", "TabSeparated", {})

    def _ask(self, sql: str, form: str, values: dict[str, str]) -> bytes:
        if self._handle is None:
            # Neither it nor lz4 is a library of ours: .ci/run installs what the client and its engine need.
            self._handle = import_module("chdb").connect(self.server.folder)
        found: bytes = self._handle.query(sql, form, params=values).bytes()
        return found

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            body = b"".join(parts)
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        return _unpacked(body, self.headers.get("Content-Encoding", ""))

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-ClickHouse-Summary", "{}")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.wfile.flush()


def _clause(settings: dict[str, str]) -> str:
    quoted = (value.replace("\\", "\\\\").replace("'", "\\'") for value in settings.values())
    found = ", ".join(f"{name} = '{value}'" for name, value in zip(settings, quoted, strict=True))
    return f" SETTINGS {found}" if found else ""


def _hello() -> bytes:
    """One block of one row. Revision 0 makes all that follows plain Native, which chDB writes and reads."""

    def text(value: str) -> bytes:
        return bytes([len(value)]) + value.encode()

    columns = [
        ("displayName()", "String", text("chDB")),
        ("version()", "String", text("26.9.2.1")),
        ("revision()", "UInt32", struct.pack("<I", 0)),
        ("timezone()", "String", text("UTC")),
    ]
    # Not of overflows, of no bucket, end; four columns, one row; no column has a serialization of its own.
    head = b"\x01\x00\x02" + struct.pack("<i", -1) + b"\x00" + bytes([len(columns), 1])
    return head + b"".join(text(name) + text(kind) + b"\x00" + value for name, kind, value in columns)


def _fields(form: str, body: bytes) -> dict[str, str]:
    """The fields of a form."""
    message = message_from_bytes(b"Content-Type: " + form.encode() + b"\r\n\r\n" + body)
    found = {}
    for part in message.walk():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            found[name] = payload.decode()
    return found


def _unpacked(body: bytes, encoding: str) -> bytes:
    if encoding == "gzip":
        return gzip.decompress(body)
    if encoding == "lz4":
        unpacked: bytes = import_module("lz4.frame").decompress(body)
        return unpacked
    return body


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until the process is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8123)
    parser.add_argument("--folder", required=True)
    arguments = parser.parse_args(argv)
    server = ChdbOverHttp(arguments.folder, arguments.port)
    sys.stdout.write(f"http://127.0.0.1:{server.port}\n")
    sys.stdout.flush()
    server.serve_forever()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
