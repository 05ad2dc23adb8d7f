"""Looking for an attribute that is not indexed: a bounded reading of what came last.

A raw message holds its keys and texts as they are, so most rows are passed over by
a search for those bytes; only what remains is decoded and compared.
"""

from __future__ import annotations

from collections.abc import Mapping

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from store.decode import log_attributes
from store.decode import resource_attributes
from store.decode import span_detail
from store.model import Attributes
from store.semantics import environment_of
from store.semantics import number_of
from store.semantics import text_of
from store.sqlite.asking import Question

MAX_ROWS = 20_000
"""Rows looked at for one question."""


def matching_resources(ask: Question, name: str, value: str) -> set[int]:
    """The ids of the stored resources that carry the attribute with this text."""
    rows = ask.each("SELECT id, body FROM origins WHERE instr(body, ?)", (name.encode(),))
    return {found for found, body in rows if text_of(resource_attributes(body).get(name)) == value}


def resources_of(ask: Question, environment: str) -> set[int]:
    """The ids of the stored resources of one deployment environment, whatever attribute says so."""
    rows = ask.each("SELECT id, body FROM origins WHERE instr(body, ?)", (environment.encode(),))
    return {found for found, body in rows if environment_of(resource_attributes(body)) == environment}


def _prefilter(name: str, value: str) -> tuple[str, list[object]]:
    """SQL that passes every row whose raw message may hold the attribute, and its values.

    In a raw message a key is followed by its value: text, number and flag each have
    one encoding, so that hardly a row passes in vain. Lists and maps are found by key.
    """
    if value[:1] in ("[", "{", ""):
        return "instr({0}.raw, ?)", [name.encode()]
    forms = [AnyValue(string_value=value)]
    if value in ("true", "false"):
        forms.append(AnyValue(bool_value=value == "true"))
    number = number_of(value)
    if number is not None:
        forms.append(AnyValue(double_value=number))
        if number.is_integer() and abs(number) < 2**63:
            forms.append(AnyValue(int_value=int(number)))
    if len(value) % 2 == 0 and all(character in "0123456789abcdef" for character in value):
        forms.append(AnyValue(bytes_value=bytes.fromhex(value)))
    encoded = [KeyValue(key=name, value=form).SerializeToString() for form in forms]
    return "(" + " OR ".join(["instr({0}.raw, ?)"] * len(encoded)) + ")", list(encoded)


def carries(attributes: Attributes, resource: Attributes, wanted: Mapping[str, str]) -> bool:
    """Whether all attributes are there with these texts, a thing's own winning over its resource's."""
    return all(
        text_of(attributes[name] if name in attributes else resource.get(name)) == value
        and (name in attributes or name in resource)
        for name, value in wanted.items()
    )


def raw_conditions(ask: Question, wanted: Mapping[str, str], alias: str) -> tuple[str, list[object]]:
    """A condition that no matching row fails; what passes is still to be compared by `carries`."""
    conditions = []
    values: list[object] = []
    for name, value in wanted.items():
        sql, found = _prefilter(name, value)
        condition = sql.format(alias)
        resources = matching_resources(ask, name, value)
        if resources:
            condition = f"({condition} OR {alias}.resource IN ({', '.join(map(str, sorted(resources)))}))"
        conditions.append(condition)
        values += found
    return " AND ".join(conditions) or "1", values


def span_carries(raw: bytes, resource: bytes | None, wanted: Mapping[str, str]) -> bool:
    return carries(span_detail(raw).attributes, resource_attributes(resource or b""), wanted)


def log_carries(raw: bytes, resource: bytes | None, wanted: Mapping[str, str]) -> bool:
    return carries(log_attributes(raw), resource_attributes(resource or b""), wanted)
