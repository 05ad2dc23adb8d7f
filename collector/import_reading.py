"""Reads files of telemetry of whatever format they are: Jaeger's JSON, Zipkin's version 2, OTLP's JSON.

Owns what tells the formats apart. What a format means is in the module that the receivers use, too.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from collector import jaeger, otlp_json_groups, zipkin
from collector.items import LISTS, Group, Refusals, Undecodable
from collector.json_fields import snake
from runtime.lenient_json import NotJson, loads

MOST_BYTES: Final = 1024**3
"""Of a file as decompressed: it is held in memory, several times as large."""
_GZIP: Final = b"\x1f\x8b"
_UNKNOWN: Final = (
    "it is none of Jaeger's JSON (a download of its screens, or an answer of its API), Zipkin's JSON of "
    "version 2, and OTLP's JSON (one document, or one on each line)"
)


class Unusable(Exception):
    """A file from which nothing can be read; the message is the reason."""


@dataclass(slots=True)
class Reading:
    """What a file holds."""

    format: str
    parts: list[tuple[str, list[Group]]] = field(default_factory=list)
    """(traces, logs or metrics; items of it)"""
    refused: Refusals = field(default_factory=Refusals)

    def count(self, signal: str) -> int:
        """How many items of a signal were read."""
        return sum(len(group.items) for name, groups in self.parts if name == signal for group in groups)


def read_file(path: Path) -> Reading:
    """What a file holds, decompressed if it is gzip. Raises Unusable."""
    body = _body(path)
    if not body.strip():
        raise Unusable("it is empty")
    try:
        document, _ = loads(body)
    except NotJson as error:
        return _read_lines(body, str(error))
    return _read_document(document, body)


def _body(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            packed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            body = (gzip.GzipFile(fileobj=file) if packed else file).read(MOST_BYTES + 1)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise Unusable(f"it is not complete, valid gzip ({error})") from error
    except OSError as error:
        raise Unusable(f"it cannot be read ({error.strerror or error})") from error
    if len(body) > MOST_BYTES:
        raise Unusable(f"it is larger than {MOST_BYTES // 1024**2:,} MiB: split it")
    return body


def _read_lines(body: bytes, reason: str) -> Reading:
    """One document on each line, as the OpenTelemetry Collector's file exporter writes them."""
    reading = Reading("")
    lines = [(number, line) for number, line in enumerate(body.split(b"\n"), 1) if line.strip()]
    for number, line in lines:
        try:
            document, _ = loads(line)
            part = _read_document(document, line)
        except NotJson as error:
            if len(lines) == 1:
                raise Unusable(f"it is not JSON: {reason}") from error
            reading.refused.add(f"a line is not JSON: {error}", 1, lambda number=number: f"line {number}")  # type: ignore[misc]
            continue
        except Unusable as error:
            reading.refused.add(f"a line: {error}", 1, lambda number=number: f"line {number}")  # type: ignore[misc]
            continue
        reading.format = reading.format or part.format
        reading.parts += part.parts
        _merge(reading.refused, part.refused, number)
    if not reading.format:
        raise Unusable(f"it is not JSON, and neither is each of its lines: {reason}")
    return reading


def _merge(into: Refusals, found: Refusals, line: int) -> None:
    for reason, noted in found.reasons.items():
        into.add(reason, noted.count, lambda first=noted.first: f"line {line}, {first}")  # type: ignore[misc]
    for reason, noted in found.warnings.items():
        into.warn(reason, lambda first=noted.first: f"line {line}, {first}")  # type: ignore[misc]


def _read_document(document: object, body: bytes) -> Reading:
    traces = _jaeger_traces(document)
    if traces is not None:
        reading = Reading("Jaeger JSON")
        reading.parts.append(("traces", jaeger.groups(traces, reading.refused)))
        return reading
    spans = _zipkin_spans(document)
    if spans is not None:
        reading = Reading("Zipkin JSON")
        whole = body if spans is document else _encoded(spans)
        reading.parts.append(("traces", zipkin.groups(whole, reading.refused)))
        return reading
    reading = Reading("OTLP JSON")
    try:
        for signal, each in _otlp(document):
            reading.parts.append((signal, otlp_json_groups.groups(each, signal, reading.refused)))
    except Undecodable as error:
        raise Unusable(str(error)) from error
    if not reading.parts:
        raise Unusable(_UNKNOWN)
    return reading


def _jaeger_traces(document: object) -> Sequence[object] | None:
    """The traces of an answer of the API, of a list, or the one that the document is."""
    if isinstance(document, dict) and isinstance(document.get("data"), list):
        traces: list[object] = document["data"]
        return traces if not traces or any(map(jaeger.is_trace, traces)) else None
    if isinstance(document, list):
        return document if any(map(jaeger.is_trace, document)) else None
    return [document] if jaeger.is_trace(document) else None


def _zipkin_spans(document: object) -> list[Any] | None:
    """The spans of a list, or of the lists that Zipkin's API answers for several traces."""
    if not isinstance(document, list) or not document:
        return None
    if all(isinstance(each, list) for each in document):
        document = [span for spans in document for span in spans]
    return document if any(isinstance(each, dict) and "traceId" in each for each in document) else None


def _otlp(document: object) -> Iterator[tuple[str, bytes]]:
    """(signal, its part as a document) of each request; a document of several signals is taken apart."""
    for request in document if isinstance(document, list) else [document]:
        if not isinstance(request, dict):
            continue
        for signal, (name, _, _) in LISTS.items():
            own = {key: request[key] for key in (name, snake(name)) if key in request}
            if own:
                yield signal, _encoded(own)


def _encoded(document: object) -> bytes:
    """JSON that keeps lone surrogates as escapes, for the readers to replace and name."""
    return json.dumps(document, separators=(",", ":")).encode()
