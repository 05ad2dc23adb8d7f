"""OTLP/HTTP and RUM beacons as one WSGI application.

Owns paths, content types, sizes, CORS and status codes. Does not know what the
items mean or how they are stored.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import orjson

from collector import responses
from collector.intake import RETRY_AFTER_S, Encoding, Intake, Outcome, Overloaded, Signal, Unavailable
from collector.items import Undecodable
from collector.responses import Code

PROTOBUF = "application/x-protobuf"
JSON = "application/json"

_Headers = list[tuple[str, str]]
_StartResponse = Callable[[str, _Headers], Any]
_TOKENS = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:\s*,\s*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*")
_MAX_CORS_HEADER_CHARACTERS = 4_096
_CHUNK_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class _Endpoint:
    signal: Signal
    beacon: bool = False
    """Sent by browsers, with any content type."""
    encoding: Encoding = Encoding.JSON
    """The encoding, unless the content type is protobuf."""


_ENDPOINTS = {
    "/v1/traces": _Endpoint(Signal.TRACES),
    "/v1/logs": _Endpoint(Signal.LOGS),
    "/v1/metrics": _Endpoint(Signal.METRICS),
    "/v1/rum": _Endpoint(Signal.TRACES, beacon=True, encoding=Encoding.ZIPKIN),
    "/v1/rumotlp": _Endpoint(Signal.TRACES, beacon=True),
}


@dataclass(slots=True)
class _Response:
    status: HTTPStatus
    body: bytes = b""
    content_type: str = JSON
    headers: _Headers = field(default_factory=list)


class _Refusal(Exception):
    def __init__(self, status: HTTPStatus, code: Code, message: str, headers: _Headers | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers or []


class Application:
    """The WSGI application of the HTTP port."""

    def __init__(self, intake: Intake, max_request_bytes: int) -> None:
        self._intake = intake
        self._max_request_bytes = max_request_bytes

    def __call__(self, environ: Mapping[str, Any], start_response: _StartResponse) -> Iterable[bytes]:
        response = self._respond(environ)
        headers = [("Content-Length", str(len(response.body))), *response.headers]
        if response.body:
            headers.append(("Content-Type", response.content_type))
        if environ.get("PATH_INFO") in _ENDPOINTS:
            headers += _cors(environ)
        start_response(f"{response.status.value} {response.status.phrase}", headers)
        return [b""] if environ["REQUEST_METHOD"] == "HEAD" else [response.body]

    def _respond(self, environ: Mapping[str, Any]) -> _Response:
        path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
        endpoint = _ENDPOINTS.get(path)
        if endpoint is None:
            return self._page(path, method)
        if method == "OPTIONS":
            return _Response(HTTPStatus.NO_CONTENT, headers=[("Allow", "POST, OPTIONS")])
        media_type = _media_type(environ)
        protobuf = media_type == PROTOBUF
        try:
            if method != "POST":
                raise _Refusal(
                    HTTPStatus.METHOD_NOT_ALLOWED,
                    Code.UNIMPLEMENTED,
                    f"{path} takes POST",
                    [("Allow", "POST, OPTIONS")],
                )
            return self._export(endpoint, media_type, environ)
        except _Refusal as refusal:
            body = (
                responses.status_protobuf(refusal.code, str(refusal))
                if protobuf
                else responses.status_json(refusal.code, str(refusal))
            )
            return _Response(refusal.status, body, PROTOBUF if protobuf else JSON, refusal.headers)

    def _page(self, path: str, method: str) -> _Response:
        pages: dict[str, Callable[[], _Response]] = {
            "/healthz": lambda: _Response(HTTPStatus.OK, b"ok", "text/plain; charset=utf-8"),
            "/stats": lambda: _Response(HTTPStatus.OK, orjson.dumps(self._intake.stats())),
        }
        page = pages.get(path)
        if page is None:
            known = ", ".join([*_ENDPOINTS, *pages])
            message = f"unknown path; known are {known}"
            return _Response(HTTPStatus.NOT_FOUND, responses.status_json(Code.NOT_FOUND, message))
        if method not in ("GET", "HEAD"):
            message = f"{path} takes GET"
            body = responses.status_json(Code.UNIMPLEMENTED, message)
            return _Response(HTTPStatus.METHOD_NOT_ALLOWED, body, headers=[("Allow", "GET, HEAD")])
        return page()

    def _export(self, endpoint: _Endpoint, media_type: str, environ: Mapping[str, Any]) -> _Response:
        encoding = self._encoding(endpoint, media_type)
        body = self._body(environ)
        try:
            outcome = self._intake.take(endpoint.signal, encoding, body)
        except Undecodable as error:
            raise _Refusal(HTTPStatus.BAD_REQUEST, Code.INVALID_ARGUMENT, str(error)) from error
        except (Overloaded, Unavailable) as error:
            busy = isinstance(error, Overloaded)
            raise _Refusal(
                HTTPStatus.TOO_MANY_REQUESTS if busy else HTTPStatus.SERVICE_UNAVAILABLE,
                Code.RESOURCE_EXHAUSTED if busy else Code.UNAVAILABLE,
                str(error),
                [("Retry-After", str(RETRY_AFTER_S))],
            ) from error
        return _success(endpoint, encoding, outcome)

    def _encoding(self, endpoint: _Endpoint, media_type: str) -> Encoding:
        if media_type == PROTOBUF and endpoint.encoding is not Encoding.ZIPKIN:
            return Encoding.PROTOBUF
        if endpoint.beacon or media_type == JSON:
            return endpoint.encoding
        shown = repr(media_type) if media_type else "none"
        message = f"the content type is {shown}; {PROTOBUF} and {JSON} are understood"
        self._intake.count_refused("unsupported", message)
        raise _Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, Code.INVALID_ARGUMENT, message)

    def _body(self, environ: Mapping[str, Any]) -> bytes:
        try:
            length = int(environ.get("CONTENT_LENGTH") or 0)
        except ValueError:
            length = 0
        if length > self._max_request_bytes:
            raise self._too_large("the body is")
        sent: bytes = environ["wsgi.input"].read(self._max_request_bytes + 1)
        if len(sent) > self._max_request_bytes:
            raise self._too_large("the body is")
        coding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
        if coding in ("", "identity"):
            return sent
        if coding not in ("gzip", "x-gzip"):
            message = f"the content encoding is {coding!r}; gzip and identity are understood"
            self._intake.count_refused("unsupported", message)
            raise _Refusal(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                Code.INVALID_ARGUMENT,
                message,
                [("Accept-Encoding", "gzip, identity")],
            )
        return self._unzipped(sent)

    def _unzipped(self, sent: bytes) -> bytes:
        """The decompressed body; never holds more than the limit in memory."""
        parts: list[bytes] = []
        remaining = self._max_request_bytes + 1
        compressed = sent
        while compressed:
            member = zlib.decompressobj(wbits=31)
            try:
                part = member.decompress(compressed, remaining)
            except zlib.error as error:
                raise self._not_gzip() from error
            remaining -= len(part)
            if remaining <= 0:
                raise self._too_large("the decompressed body is")
            if not member.eof:
                raise self._not_gzip()
            parts.append(part)
            compressed = member.unused_data
        return b"".join(parts)

    def _too_large(self, what: str) -> _Refusal:
        message = f"{what} larger than {self._max_request_bytes} bytes: send smaller batches"
        self._intake.count_refused("too_large", message)
        return _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, Code.RESOURCE_EXHAUSTED, message)

    def _not_gzip(self) -> _Refusal:
        message = "the body is not complete, valid gzip"
        self._intake.count_refused("undecodable", message)
        return _Refusal(HTTPStatus.BAD_REQUEST, Code.INVALID_ARGUMENT, message)


def _success(endpoint: _Endpoint, encoding: Encoding, outcome: Outcome) -> _Response:
    if encoding is Encoding.PROTOBUF:
        return _Response(HTTPStatus.OK, responses.success_protobuf(endpoint.signal, outcome), PROTOBUF)
    if encoding is Encoding.ZIPKIN and not outcome.message:
        return _Response(HTTPStatus.OK)
    return _Response(HTTPStatus.OK, responses.success_json(endpoint.signal, outcome))


def _media_type(environ: Mapping[str, Any]) -> str:
    text: str = environ.get("CONTENT_TYPE") or ""
    return text.partition(";")[0].strip().lower()


def _cors(environ: Mapping[str, Any]) -> _Headers:
    """Headers that let a page of any origin send here, with credentials, of which we read none."""
    origin = environ.get("HTTP_ORIGIN", "")
    if not origin or len(origin) > _MAX_CORS_HEADER_CHARACTERS:
        return [("Vary", "Origin")]
    headers = [
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Allow-Credentials", "true"),
    ]
    if environ["REQUEST_METHOD"] == "OPTIONS" and environ.get("HTTP_ACCESS_CONTROL_REQUEST_METHOD"):
        requested = environ.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "").strip()
        if len(requested) > _MAX_CORS_HEADER_CHARACTERS or not _TOKENS.fullmatch(requested):
            requested = "content-type"
        headers += [
            ("Vary", "Access-Control-Request-Headers"),
            ("Access-Control-Allow-Methods", "POST"),
            ("Access-Control-Allow-Headers", requested),
            ("Access-Control-Max-Age", "7200"),
        ]
    return headers
