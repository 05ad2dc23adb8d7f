"""Which records of a damaged file are right: by their checksums, and by decoding where they have none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from google.protobuf.message import DecodeError
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from store.sqlite import log_parts
from store.sqlite.log_parts import DamagedLogs, Packed
from store.sqlite.row_checks import log_check, span_check
from store.sqlite.trace_parts import MOST_SPANS, DamagedPart, part_check, unpack
from store.sqlite.write.carried_rows import StoredLog, StoredSpan
from store.sqlite.write.damaged_file import Row

Bodies = Mapping[int, Sequence[bytes]]
"""Bodies of `origins` by their id; several where pages of former times hold other ones."""

_SPAN_TYPES = (
    (type(None),), (bytes,), (bytes,), (bytes, type(None)), (str,), (str,), (int,), (int,), (int,), (int,),
    (str,), (str, type(None)), (int,), (int,), (bytes,),
)  # fmt: skip
_PART_TYPES = (type(None), bytes, int, int, bytes)
_LOG_PART_TYPES = (type(None), *[int] * 6, *[bytes] * len(Packed._fields))
_LOG_TYPES = (
    (type(None),), (int,), (int,), (str,), (bytes, type(None)), (bytes, type(None)), (str, type(None)),
    (str,), (int,), (int,), (bytes,),
)  # fmt: skip


@dataclass(slots=True)
class Found:
    """What became of the records of a table."""

    right: int = 0
    unchecked: int = 0
    """Of these, those without a checksum, of an earlier version: right as far as they can be decoded."""
    wrong: set[int] = field(default_factory=set)
    """Numbers of the records that are not as they were written."""


def is_span(row: Row) -> bool:
    """Whether a record has the form of one of `spans`."""
    return _has_types(row, _SPAN_TYPES)


def is_part(row: Row) -> bool:
    """Whether a record has the form of one of `trace_parts`."""
    return tuple([type(value) for value in row.values]) == _PART_TYPES


def is_log(row: Row) -> bool:
    """Whether a record has the form of one of `logs`."""
    return _has_types(row, _LOG_TYPES)


def is_log_part(row: Row) -> bool:
    """Whether a record has the form of one of `log_parts`."""
    return tuple([type(value) for value in row.values]) == _LOG_PART_TYPES


def _has_types(row: Row, types: Sequence[tuple[type, ...]]) -> bool:
    """Of these types, and a checksum after them if it has one."""
    values = row.values
    if len(values) not in (len(types), len(types) + 1):
        return False
    return all(isinstance(value, kinds) for value, kinds in zip(values, types, strict=False)) and (
        len(values) == len(types) or values[-1] is None or isinstance(values[-1], int)
    )


def span_of(row: Row, bodies: Bodies, found: Found) -> StoredSpan | None:
    """The span that a record holds; None, counted, where it is not as it was written."""
    cells: Any = row.values
    (
        _, trace_id, span_id, parent, service, name, kind, start, duration, flags, peer, session, resource,
        scope, raw,
    ) = cells[:15]  # fmt: skip
    check = cells[15] if len(cells) > 15 else None
    ids = trace_id + span_id + (parent or b"")
    for one, other in _pairs(bodies, resource, scope):
        if check is None:
            is_right = _decodes_as_span(trace_id, span_id, parent or b"", name, kind, raw) and _is_resource(
                one
            )
        else:
            sums = crc32(one), crc32(other)
            texts, numbers = (service, name, peer, session or ""), (kind, duration, flags)
            is_right = check == span_check(row.rowid, ids, texts, numbers, start, sums, raw)
        if is_right:
            _count(found, row.rowid, is_checked=check is not None)
            return StoredSpan(
                trace_id, span_id, parent or b"", service, name, kind, start, duration, flags, peer,
                session or "", one, other, raw,
            )  # fmt: skip
    found.wrong.add(row.rowid)
    return None


def spans_of_part(row: Row, bodies: Bodies, found: Found) -> Iterator[StoredSpan]:
    """The spans that a record of `trace_parts` holds; none, counted, where it is not as it was written."""
    cells: Any = row.values
    _, trace_id, count, check, body = cells
    first = row.rowid
    try:
        if check != part_check(first, trace_id, count, body):
            raise DamagedPart(f"the checksum of {first} is another")
        spans = unpack(first, body)
    except DamagedPart:
        found.wrong.update(range(first, first + min(max(count, 1), MOST_SPANS)))
        return
    for span in spans:
        kind = span.kind
        resource = _body_with(bodies, kind.resource, kind.resource_check)
        scope = _body_with(bodies, kind.scope, kind.scope_check)
        if resource is None or scope is None:
            found.wrong.add(span.seq)
            continue
        _count(found, span.seq, is_checked=True)
        yield StoredSpan(
            trace_id, span.span_id, span.parent, kind.service, kind.name, kind.kind, span.start,
            span.duration, kind.flags, kind.peer, "", resource, scope, span.raw,
        )  # fmt: skip


def _body_with(bodies: Bodies, number: int, check: int) -> bytes | None:
    return next((body for body in bodies.get(number, ()) if crc32(body) == check), None)


def log_of(row: Row, bodies: Bodies, found: Found) -> StoredLog | None:
    """The log that a record holds, likewise."""
    cells: Any = row.values
    _, time, severity, service, trace_id, span_id, session, body, resource, scope, raw = cells[:11]
    check = cells[11] if len(cells) > 11 else None
    ids = (trace_id or b"") + (span_id or b"")
    for one, other in _pairs(bodies, resource, scope):
        if check is None:
            is_right = _decodes_as_log(severity, body, raw) and _is_resource(one)
        else:
            sums = crc32(one), crc32(other)
            is_right = check == log_check(
                row.rowid, time, severity, (service, session or "", body), ids, sums, raw
            )
        if is_right:
            _count(found, row.rowid, is_checked=check is not None)
            return StoredLog(
                time, severity, service, trace_id or b"", span_id or b"", session or "", body, one, other, raw
            )
    found.wrong.add(row.rowid)
    return None


def logs_of_part(row: Row, bodies: Bodies, found: Found) -> Iterator[tuple[int, StoredLog]]:
    """(number, log) of all in a record of `log_parts`; none, counted, of one that is not as it was."""
    cells: Any = row.values
    _, first, last, oldest, newest, many, check, *columns = cells
    packed, checks = Packed(*columns), dict[int, tuple[int, int]]()
    # Which numbers its logs had is not known while it is wrong: negative ones stand for them.
    begin = -row.rowid * log_parts.MOST_LOGS
    unknown = range(begin, begin + min(max(many, 1), log_parts.MOST_LOGS))
    try:
        if check != log_parts.part_check((first, last, oldest, newest, many), packed):
            raise DamagedLogs(f"the checksum of {row.rowid} is another")
        logs = log_parts.unpack(row.rowid, packed, checks)
    except (DamagedLogs, UnicodeDecodeError):
        found.wrong.update(unknown)
        return
    found.wrong.difference_update(unknown)
    for log in logs:
        resource_check, scope_check = checks[log.seq]
        resource = _body_with(bodies, log.resource, resource_check)
        scope = _body_with(bodies, log.scope, scope_check)
        if resource is None or scope is None:
            found.wrong.add(log.seq)
            continue
        _count(found, log.seq, is_checked=True)
        yield (
            log.seq,
            StoredLog(
                log.time, log.severity, log.service, log.trace_id, log.span_id, log.session, log.body,
                resource, scope, log.raw,
            ),
        )  # fmt: skip


def _count(found: Found, rowid: int, *, is_checked: bool) -> None:
    found.right += 1
    found.unchecked += not is_checked
    found.wrong.discard(rowid)


def _pairs(bodies: Bodies, resource: int, scope: int) -> Iterator[tuple[bytes, bytes]]:
    for one in bodies.get(resource, ()):
        for other in bodies.get(scope, ()):
            yield one, other


def _decodes_as_span(
    trace_id: bytes, span_id: bytes, parent: bytes, name: str, kind: int, raw: bytes
) -> bool:
    try:
        message = SpanMessage.FromString(raw)
    except DecodeError:
        return False
    return (
        (message.trace_id.rjust(16, b"\0"), message.span_id, message.parent_span_id, message.kind)
        == (trace_id, span_id, parent, kind)
        and (message.name == name or not message.name)
    )  # fmt: skip


def _decodes_as_log(severity: int, body: str, raw: bytes) -> bool:
    try:
        message = LogRecord.FromString(raw)
    except DecodeError:
        return False
    text = message.body.string_value
    return message.severity_number == severity and (not text or text == body)


def _is_resource(body: bytes) -> bool:
    try:
        Resource.FromString(body)
    except DecodeError:
        return False
    return True
