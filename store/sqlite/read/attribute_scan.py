"""SQL conditions for an attribute that is not indexed, to be used on a bounded number of rows.

A raw protobuf message holds keys and texts unchanged, so that a search for the bytes of
one attribute decides nearly every row; only where bytes are ambiguous is a row decoded
and compared.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from signals.attributes import environment_of, number_of, text_of
from signals.model import Attributes
from store.decode import log_attributes, resource_attributes, span_detail, value_of
from store.sqlite.read.read_connection import ReadSession

MAX_LOGS = 30_000
MAX_TRACES = 2_000
MAX_SESSIONS = 500
"""Logs, or traces and sessions whose spans are read, in one query: about 30 ms each."""

_SEVERAL_ENCODINGS = frozenset({"0", "NaN", "Infinity", "-Infinity"})
"""Texts of floating-point values with more than one encoding: 0.0 and -0.0, the many NaNs."""

Record = Literal["log", "span"]


class Condition(NamedTuple):
    """A SQL expression that is true for rows that carry the attributes, and its values."""

    sql: str
    values: list[object]


def matching_resources(db: ReadSession, name: str, value: str) -> set[int]:
    """The ids of the stored resources that carry the attribute with this text."""
    rows = db.each("SELECT id, body FROM origins WHERE instr(body, ?)", (name.encode(),))
    return {found for found, body in rows if _carries({}, body, {name: value})}


def resources_of(db: ReadSession, environment: str) -> set[int]:
    """The ids of the stored resources of one deployment environment, in whichever spelling it was sent."""
    rows = db.each("SELECT id, body FROM origins WHERE instr(body, ?)", (environment.encode(),))
    return {found for found, body in rows if environment_of(resource_attributes(body)) == environment}


def among(ids: set[int]) -> str:
    """Numbers as the list between SQL's brackets."""
    return ", ".join(map(str, sorted(ids)))


def condition_for(db: ReadSession, attributes: Mapping[str, str], record: Record, alias: str) -> Condition:
    """For rows of `alias` that carry all of these; a row's own attribute wins over its resource's."""
    parts = [_one(db, name, value, record, alias) for name, value in attributes.items()]
    sql = " AND ".join(f"({part.sql})" for part in parts) or "1"
    return Condition(sql, [value for part in parts for value in part.values])


def _one(db: ReadSession, name: str, value: str, record: Record, alias: str) -> Condition:
    """For one attribute: in any encoding of its own, or where the row has none, its resource's."""
    forms = [_field(record, name, form) for form in _forms(value)]
    resources = among(matching_resources(db, name, value))
    read = log_attributes if record == "log" else _span_attributes

    def compare(raw: bytes, resource: bytes | None) -> bool:
        return _carries(read(raw), resource or b"", {name: value})

    digest = hashlib.blake2b(f"{name}\0{value}".encode("utf-8", "replace"), digest_size=8).hexdigest()
    function = f"carries_{record}_{digest}"
    db.add_function(function, 2, compare)
    decoded = f"{function}({alias}.raw, (SELECT body FROM origins WHERE id = {alias}.resource))"
    # The key is in the message, but with none of the value's plain encodings: it has another value, or the
    # key belongs to something nested. Only if the resource would match must the row be decoded, unless the
    # value has encodings that were not searched for: a list, a map, an empty one, or several for one text.
    always = value[:1] in ("[", "{", "") or value in _SEVERAL_ENCODINGS
    unsure = "1" if always else f"{alias}.resource IN ({resources})"
    own = " OR ".join([f"instr({alias}.raw, ?)"] * len(forms))
    # Of a key that comes twice, the first counts: only decoding tells which one has the value.
    twice = f"instr(substr({alias}.raw, instr({alias}.raw, ?) + 1), ?)"
    key = KeyValue(key=name).SerializeToString()
    sql = (
        f"CASE WHEN NOT instr({alias}.raw, ?) THEN {alias}.resource IN ({resources}) "
        f"WHEN {own} THEN CASE WHEN {twice} THEN {decoded} ELSE 1 END "
        f"WHEN {unsure} THEN {decoded} ELSE 0 END"
    )
    return Condition(sql, [key, *forms, key, key])


def _forms(value: str) -> list[AnyValue]:
    """The plain values that have this text; lists, maps and null are found by their key alone."""
    forms = []
    number = number_of(value)
    if number is not None:
        if number.is_integer() and abs(number) < 2**63:
            forms.append(AnyValue(int_value=int(number)))
        forms.append(AnyValue(double_value=number))
    forms.append(AnyValue(string_value=value))
    if value in ("true", "false"):
        forms.append(AnyValue(bool_value=value == "true"))
    if len(value) % 2 == 0 and all(character in "0123456789abcdef" for character in value):
        forms.append(AnyValue(bytes_value=bytes.fromhex(value)))
    return [form for form in forms if text_of(value_of(form)) == value]


def _field(record: Record, name: str, value: AnyValue) -> bytes:
    """An attribute as it is encoded in the message: with its field's tag, which a nested one lacks."""
    pair = KeyValue(key=name, value=value)
    message = LogRecord(attributes=[pair]) if record == "log" else Span(attributes=[pair])
    return message.SerializeToString()


def _span_attributes(raw: bytes) -> Attributes:
    return span_detail(raw).attributes


def _carries(attributes: Attributes, resource: bytes, expected: Mapping[str, str]) -> bool:
    shared = resource_attributes(resource)
    return all(
        text_of(attributes[name] if name in attributes else shared.get(name)) == value
        and (name in attributes or name in shared)
        for name, value in expected.items()
    )
