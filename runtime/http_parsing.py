"""What is a request and what is not: stricter than waitress, and refusals in plain words.

Owns the reading of a request's header and the answer to one that cannot be read. Knows no connection and
no application.
"""

from __future__ import annotations

from typing import Any

from waitress.parser import HTTPRequestParser, ParsingError

_MOST_HEADERS = 100
_LONGEST_HOST = 255
"""A name has at most 253 characters; a port adds six, but no name that long is in use."""
_LONGEST_NUMBER = 15
"""Digits of a Content-Length; Python itself refuses to read a number of more than 4,300."""
_VERSIONS = ("1.0", "1.1")
_REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    501: "Not Implemented",
    503: "Service Unavailable",
    505: "HTTP Version Not Supported",
}
_MALFORMED = "The request is malformed and was not read."


class Refusal:
    """The answer to a request that no application sees; waitress calls `to_response`."""

    def __init__(self, status: int, sentence: str, retry_after_s: int | None = None) -> None:
        self.code = status
        self.sentence = sentence
        self._retry_after_s = retry_after_s

    def to_response(self, _ident: object = None) -> tuple[str, list[tuple[str, str]], bytes]:
        """Status, headers and body: one sentence as text."""
        headers = [
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
            ("X-Content-Type-Options", "nosniff"),
            ("Cache-Control", "no-store"),
        ]
        if self._retry_after_s is not None:
            headers.append(("Retry-After", str(self._retry_after_s)))
        status = f"{self.code} {_REASONS[self.code]}"
        return status, headers, f"{self.sentence}\n".encode()


class RequestParser(HTTPRequestParser):  # type: ignore[misc]  # waitress ships no types
    """Reads one request as it arrives; `error` is a Refusal when it cannot be read."""

    error: Any
    path: str = ""
    """Empty until the first line is read: waitress logs the path of a request whose sender is gone."""
    refusal: Refusal | None = None

    def received(self, data: bytes) -> int:
        """Take bytes of the request; returns how many of them belong to it."""
        consumed = int(super().received(data))
        if self.error is not None and not isinstance(self.error, Refusal):
            self.error = self.refusal or self._in_plain_words(self.error.code)
            # What is refused shall not be sent.
            self.expect_continue = False
        return consumed

    def parse_header(self, header_plus: bytes) -> None:
        """Read request line and header fields; raises waitress's ParsingError."""
        fields = [line.partition(b":") for line in header_plus.split(b"\r\n")[1:] if line]
        if len(fields) > _MOST_HEADERS:
            raise self._refused(431, f"The request has more than {_MOST_HEADERS} header fields.")
        names = [name.lower() for name, _, _ in fields]
        if names.count(b"host") > 1:
            raise self._refused(400, "The request names more than one host.")
        if b"transfer-encoding" in names:
            self._check_transfer_encoding(header_plus, names)
        lengths = [value.strip() for name, _, value in fields if name.lower() == b"content-length"]
        if lengths and lengths[0].isdigit() and len(lengths[0].lstrip(b"0")) > _LONGEST_NUMBER:
            raise self._refused(413, f"The body is larger than {self.adj.max_request_body_size} bytes.")
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            # urlsplit refuses some addresses, such as `http://[`, with another error than waitress expects.
            raise self._refused(400, _MALFORMED) from error
        self._check_meaning()

    def _check_transfer_encoding(self, header_plus: bytes, names: list[bytes]) -> None:
        # Two parties that read such a request differently can be made to disagree where it ends.
        if b"content-length" in names:
            raise self._refused(400, "The request has both a Content-Length and a Transfer-Encoding.")
        if names.count(b"transfer-encoding") > 1:
            raise self._refused(400, "The request has more than one Transfer-Encoding.")
        if not header_plus.partition(b"\r\n")[0].rstrip().endswith(b"HTTP/1.1"):
            raise self._refused(400, "A Transfer-Encoding needs HTTP/1.1.")

    def _check_meaning(self) -> None:
        if self.version not in _VERSIONS:
            raise self._refused(505, "HTTP/1.0 and HTTP/1.1 are understood here.")
        host = self.headers.get("HOST", "")
        if self.version == "1.1" and not host:
            raise self._refused(400, "The request names no host.")
        if len(host) > _LONGEST_HOST:
            raise self._refused(400, f"The name of the host is longer than {_LONGEST_HOST} characters.")
        if not self.path.startswith("/") and not (self.path == "*" and self.command == "OPTIONS"):
            if self.proxy_netloc and not self.path:
                self.path = "/"
            else:
                raise self._refused(400, "The address of a request begins with a slash.")

    def _refused(self, status: int, sentence: str) -> ParsingError:
        self.refusal = Refusal(status, sentence)
        return ParsingError(sentence)

    def _in_plain_words(self, status: int) -> Refusal:
        match status:
            case 413:
                return Refusal(413, f"The body is larger than {self.adj.max_request_body_size} bytes.")
            case 431:
                limit = self.adj.max_request_header_size
                return Refusal(431, f"The header of the request is larger than {limit} bytes.")
            case 501:
                return Refusal(501, "The only Transfer-Encoding that is understood is chunked.")
            case _:
                return Refusal(400, _MALFORMED)


def empty_request(adjustments: Any, refusal: Refusal) -> RequestParser:
    """A request of which nothing was read, to be answered with a refusal."""
    request = RequestParser(adjustments)
    request.error = refusal
    request.version = "1.1"
    request.completed = True
    return request
