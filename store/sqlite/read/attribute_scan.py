"""SQL conditions for an attribute that is not indexed, to be used on a bounded number of rows.

An attribute is a row's own, else its resource's; it is also found in its scope and, of a span, in its
events and links; and what OTLP keeps in fields of their own is found by names too (`record_fields`).
A raw protobuf message holds keys and texts unchanged, so that a search for the bytes of
one attribute decides nearly every row; only where bytes are ambiguous is a row decoded
and compared.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from signals.attributes import environment_of, number_of, plain_of, text_of
from signals.folding import fold
from signals.model import Attribute, Attributes
from store.decode import log_attributes, resource_attributes, span_detail, value_of
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.record_fields import (
    FIELD_NAMES,
    Matches,
    Record,
    nested_attributes,
    origins_with,
    own_fields,
)

MAX_LOGS = 30_000
MAX_TRACES = 2_000
MAX_SESSIONS = 500
"""Logs, or traces and sessions whose spans are read, in one query: about 30 ms each."""

_SEVERAL_ENCODINGS = frozenset({"0", "NaN", "Infinity", "-Infinity"})
"""Texts of floating-point values with more than one encoding: 0.0 and -0.0, the many NaNs."""
_NULL = "null"
"""Finds a value that is there and holds nothing, as the empty text does."""
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")


class Condition(NamedTuple):
    """A SQL expression that is true for rows that carry the attributes, and its values."""

    sql: str
    values: list[object]
    likely: Sequence[bytes] = ()
    """Bytes that a row most likely has if the condition is true, any of them."""


def resources_of(db: ReadSession, environment: str) -> set[int]:
    """The ids of the stored resources of one deployment environment, in whichever spelling it was sent."""
    rows = db.each("SELECT id, body FROM origins WHERE instr(body, ?)", (environment.encode(),))
    return {found for found, body in rows if environment_of(resource_attributes(body)) == environment}


def among(ids: set[int]) -> str:
    """Numbers as the list between SQL's brackets."""
    return ", ".join(map(str, sorted(ids)))


def condition_for(db: ReadSession, attributes: Mapping[str, str], record: Record, alias: str) -> Condition:
    """For rows of `alias` that carry all of these; a row's own attribute wins over its resource's."""
    return _all(_one(db, name, value, record, alias) for name, value in attributes.items())


def condition_holding(db: ReadSession, parts: Mapping[str, str], record: Record, alias: str) -> Condition:
    """For rows of `alias` whose attributes hold these parts, in any case and Unicode form."""
    return _all(_holding(db, name, part, record, alias) for name, part in parts.items())


def needle_of(names: Collection[str]) -> bytes:
    """Bytes without which a message changes nothing in a condition for these attributes; none if there are
    none."""
    if len(names) != 1:
        return b""
    (name,) = names
    return b"" if name in FIELD_NAMES else KeyValue(key=name).SerializeToString()


def _all(parts: Iterable[Condition]) -> Condition:
    found = list(parts)
    sql = " AND ".join(f"({part.sql})" for part in found) or "1"
    likely = found[0].likely if len(found) == 1 else ()
    return Condition(sql, [value for part in found for value in part.values], likely)


def _one(db: ReadSession, name: str, value: str, record: Record, alias: str) -> Condition:
    """For one attribute: in any encoding of its own, or where the row has none, its resource's."""

    def matches(found: Attribute) -> bool:
        return is_meant_by(found, value)

    forms = forms_of(value)
    own_forms = [encoded_field(record, name, form) for form in forms]
    resources = among(matching_resources(db, name, matches))
    decoded = _decoded(db, name, f"={value}", matches, record, alias)
    # The key is in the message, but with none of the value's plain encodings: it has another value, or the
    # key belongs to something nested. Only if the resource would match must the row be decoded, unless the
    # value has encodings that were not searched for: a list, a map, an empty one, or several for one text.
    always = has_other_forms(value)
    unsure = "1" if always else f"{alias}.resource IN ({resources})"
    own = " OR ".join([f"instr({alias}.raw, ?)"] * len(forms))
    # Of a key that comes twice, the first counts: only decoding tells which one has the value.
    twice = f"instr(substr({alias}.raw, instr({alias}.raw, ?) + 1), ?)"
    key = KeyValue(key=name).SerializeToString()
    nested = [KeyValue(key=name, value=form).SerializeToString() for form in forms if record == "span"]
    in_raw = [f"instr({alias}.raw, ?)"] * len(nested)
    in_nested = f"WHEN {' OR '.join(in_raw)} THEN {decoded} " if nested else ""
    sql = (
        f"CASE WHEN NOT instr({alias}.raw, ?) THEN {alias}.resource IN ({resources}) "
        f"WHEN {own} THEN CASE WHEN {twice} THEN {decoded} ELSE 1 END "
        f"{in_nested}WHEN {unsure} THEN {decoded} ELSE 0 END"
    )
    beside = _beside(db, name, f"={value}", matches, record, alias)
    return Condition(f"{sql}{beside}", [key, *own_forms, key, key, *nested], own_forms)


def _holding(db: ReadSession, name: str, part: str, record: Record, alias: str) -> Condition:
    """For one attribute that holds a part: every row with the key is decoded."""
    sought = fold(part)

    def matches(found: Attribute) -> bool:
        return sought in fold(text_of(found))

    resources = among(matching_resources(db, name, matches))
    decoded = _decoded(db, name, f"~{part}", matches, record, alias)
    sql = (
        f"CASE WHEN NOT instr({alias}.raw, ?) THEN {alias}.resource IN ({resources}) ELSE {decoded} END"
        f"{_beside(db, name, f'~{part}', matches, record, alias)}"
    )
    return Condition(sql, [KeyValue(key=name).SerializeToString()])


def _decoded(db: ReadSession, name: str, what: str, matches: Matches, record: Record, alias: str) -> str:
    """A call that decodes the row: its own attribute, else its resource's, or that of an event or a link."""
    read = log_attributes if record == "log" else _span_attributes

    def carries(raw: bytes, resource: bytes | None) -> bool:
        own, shared = read(raw), resource_attributes(resource or b"")
        if (name in own or name in shared) and matches(own[name] if name in own else shared[name]):
            return True
        return record == "span" and any(matches(found) for found in nested_attributes(raw, name))

    function = _function_name("carries", record, name, what)
    db.add_function(function, 2, carries)
    return f"{function}({alias}.raw, (SELECT body FROM origins WHERE id = {alias}.resource))"


def _beside(db: ReadSession, name: str, what: str, matches: Matches, record: Record, alias: str) -> str:
    """ " OR …" for what is found beside attributes; empty where nothing can be."""
    beside = ""
    origins = origins_with(db, name, matches, alias)
    if origins != "0":
        beside += f" OR {origins}"
    values_of = own_fields(record, name)
    if values_of is not None:
        function = _function_name("field", record, name, what)
        db.add_function(function, 1, lambda raw: any(matches(found) for found in values_of(raw)))
        beside += f" OR {function}({alias}.raw)"
    return beside


def _function_name(prefix: str, record: Record, name: str, what: str) -> str:
    digest = hashlib.blake2b(f"{name}\0{what}".encode("utf-8", "replace"), digest_size=8).hexdigest()
    return f"{prefix}_{record}_{digest}"


def forms_of(value: str) -> list[AnyValue]:
    """The plain values that have this text; lists, maps and null are found by their key alone."""
    forms = []
    if _WHOLE.fullmatch(value) and -(2**63) <= int(value) < 2**63:
        # Not by way of a float, which has 53 bits.
        forms.append(AnyValue(int_value=int(value)))
    number = number_of(value)
    if number is not None:
        forms.append(AnyValue(double_value=number))
    forms.append(AnyValue(string_value=value))
    if value in ("true", "false"):
        forms.append(AnyValue(bool_value=value == "true"))
    if len(value) % 2 == 0 and all(character in "0123456789abcdef" for character in value):
        forms.append(AnyValue(bytes_value=bytes.fromhex(value)))
    return [form for form in forms if text_of(value_of(form)) == value]


def has_other_forms(value: str) -> bool:
    """Whether a value of this text may be encoded otherwise than in its plain forms (`forms_of`)."""
    return value[:1] in ("[", "{", "") or value == _NULL or value in _SEVERAL_ENCODINGS


def is_meant_by(found: Attribute, value: str) -> bool:
    """Whether a value is meant by this text: its own text, JSON of the same content, `null` for nothing."""
    if found is None:
        return value in ("", _NULL)
    if text_of(found) == value:
        return True
    if value[:1] not in ("[", "{") or isinstance(found, str | bytes | int | float):
        return False
    try:
        parsed: Attribute = json.loads(value)
    except (ValueError, RecursionError):
        return False
    return plain_of(found) == parsed


def encoded_field(record: Record, name: str, value: AnyValue) -> bytes:
    """An attribute as it is encoded in the message: with its field's tag, which a nested one lacks."""
    pair = KeyValue(key=name, value=value)
    message = LogRecord(attributes=[pair]) if record == "log" else Span(attributes=[pair])
    return message.SerializeToString()


def _span_attributes(raw: bytes) -> Attributes:
    return span_detail(raw).attributes


def matching_resources(db: ReadSession, name: str, matches: Matches) -> set[int]:
    """The ids of the stored resources whose attribute matches."""
    rows = db.each("SELECT id, body FROM origins WHERE instr(body, ?)", (name.encode("utf-8", "replace"),))
    found = set()
    for number, body in rows:
        attributes = resource_attributes(body)
        if name in attributes and matches(attributes[name]):
            found.add(number)
    return found
