"""Looking for an attribute that is not indexed: a bounded reading of what came last.

A raw message holds its keys and texts as they are, so that a search for the bytes of
one attribute tells of nearly every row whether it carries it; only where bytes cannot
tell is a row decoded and compared.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from signals.model import Attributes
from signals.semantics import environment_of, number_of, text_of
from store.decode import log_attributes, resource_attributes, span_detail, value_of
from store.sqlite.read_connection import Question

MAX_LOGS = 30_000
MAX_TRACES = 2_000
MAX_SESSIONS = 500
"""Logs, or traces and sessions whose spans are looked at, for one question: about 30 ms each."""

_SEVERAL = frozenset({"0", "nan", "inf", "-inf"})

Record = Literal["log", "span"]


class Condition(NamedTuple):
    """A SQL expression that is true for rows that carry what is wanted, and its values."""

    sql: str
    values: list[object]


def matching_resources(ask: Question, name: str, value: str) -> set[int]:
    """The ids of the stored resources that carry the attribute with this text."""
    rows = ask.each("SELECT id, body FROM origins WHERE instr(body, ?)", (name.encode(),))
    return {found for found, body in rows if _carries({}, body, {name: value})}


def resources_of(ask: Question, environment: str) -> set[int]:
    """The ids of the stored resources of one deployment environment, whatever attribute says so."""
    rows = ask.each("SELECT id, body FROM origins WHERE instr(body, ?)", (environment.encode(),))
    return {found for found, body in rows if environment_of(resource_attributes(body)) == environment}


def among(ids: set[int]) -> str:
    """Numbers as SQL takes them in brackets."""
    return ", ".join(map(str, sorted(ids)))


def condition_for(ask: Question, wanted: Mapping[str, str], record: Record, alias: str) -> Condition:
    """For rows of `alias` that carry all of these, a thing's own attributes winning over its resource's."""
    parts = [_one(ask, name, value, record, alias) for name, value in wanted.items()]
    sql = " AND ".join(f"({part.sql})" for part in parts) or "1"
    return Condition(sql, [value for part in parts for value in part.values])


def _one(ask: Question, name: str, value: str, record: Record, alias: str) -> Condition:
    """For one attribute: in any form of its own, or where it has none, its resource's."""
    forms = [_field(record, name, form) for form in _forms(value)]
    resources = among(matching_resources(ask, name, value))
    read = log_attributes if record == "log" else _span_attributes

    def compare(raw: bytes, resource: bytes | None) -> bool:
        return _carries(read(raw), resource or b"", {name: value})

    digest = hashlib.blake2b(f"{name}\0{value}".encode("utf-8", "replace"), digest_size=8).hexdigest()
    function = f"carries_{record}_{digest}"
    ask.add_function(function, 2, compare)
    decoded = f"{function}({alias}.raw, (SELECT body FROM origins WHERE id = {alias}.resource))"
    # A key that stands in the message in no plain form of the value: nested, another value, a list or a map.
    # Of zero and of what is no number there are several in floating point, all of one text.
    unsure = "1" if value[:1] in ("[", "{", "") or value in _SEVERAL else f"{alias}.resource IN ({resources})"
    own = " OR ".join([f"instr({alias}.raw, ?)"] * len(forms))
    sql = (
        f"CASE WHEN NOT instr({alias}.raw, ?) THEN {alias}.resource IN ({resources}) "
        f"WHEN {own} THEN 1 WHEN {unsure} THEN {decoded} ELSE 0 END"
    )
    return Condition(sql, [KeyValue(key=name).SerializeToString(), *forms])


def _forms(value: str) -> list[AnyValue]:
    """The plain values that have this text; lists, maps and nothing are told by their key alone."""
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
    """An attribute as it stands in the message: with its field's tag, which one nested in another lacks."""
    pair = KeyValue(key=name, value=value)
    message = LogRecord(attributes=[pair]) if record == "log" else Span(attributes=[pair])
    return message.SerializeToString()


def _span_attributes(raw: bytes) -> Attributes:
    return span_detail(raw).attributes


def _carries(attributes: Attributes, resource: bytes, wanted: Mapping[str, str]) -> bool:
    shared = resource_attributes(resource)
    return all(
        text_of(attributes[name] if name in attributes else shared.get(name)) == value
        and (name in attributes or name in shared)
        for name, value in wanted.items()
    )
