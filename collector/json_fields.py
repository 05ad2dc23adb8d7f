"""Reads single fields of OTLP's JSON encoding: types, ranges, ids, enums, values. Knows no message."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from opentelemetry.proto.common.v1 import common_pb2

from collector.items import Malformed
from collector.values import MAX_DEPTH

Json = Mapping[str, Any]

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,40}", re.ASCII)
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?", re.ASCII)
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})*")
_EXACT: Final = 2**53
"""Beyond it, a JSON number with a decimal point or an exponent stands for several whole numbers."""
_SHOWN_CHARACTERS: Final = 60


def field_of(item: Json, name: str) -> Any:
    """A field by its JSON name or, as the mapping of protobuf to JSON allows, its original one."""
    value = item.get(name)
    return item.get(snake(name)) if value is None else value


_snake_names: dict[str, str] = {}


def snake(name: str) -> str:
    """The original name of a field, such as `trace_id` of `traceId`."""
    known = _snake_names.get(name)
    if known is None:
        known = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
        _snake_names[name] = known
    return known


def object_of(value: object, what: str) -> Json:
    """A JSON object; raise Malformed for anything else."""
    if not isinstance(value, dict):
        raise Malformed(f"{what} is not a JSON object")
    return value


def list_of(item: Json, name: str) -> list[Any]:
    """A list, empty where it is absent."""
    value = field_of(item, name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f"{name} is not a list")
    return value


def objects_of(item: Json, name: str) -> Iterator[Json]:
    """The entries of a list of JSON objects."""
    for place, each in enumerate(list_of(item, name)):
        yield object_of(each, f"{name}[{place}]")


def text_field(item: Json, name: str) -> str:
    """A text, empty where it is absent."""
    value = field_of(item, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{name} is not text")
    return value


def integer_of(item: Json, name: str, *, bits: int = 32) -> int:
    """A whole number without a sign, 0 where it is absent."""
    value = field_of(item, name)
    if value is None:
        return 0
    number = _whole(value, name)
    if not 0 <= number < 1 << bits:
        raise Malformed(f"{name} is out of range")
    return number


def integers_of(item: Json, name: str, *, bits: int = 32) -> list[int]:
    """A list of whole numbers without a sign."""
    return [
        integer_of({name: each}, name, bits=bits) if each is not None else 0 for each in list_of(item, name)
    ]


def signed_of(item: Json, name: str) -> int:
    """A whole number of 32 bits with a sign, 0 where it is absent."""
    value = field_of(item, name)
    if value is None:
        return 0
    number = _whole(value, name)
    if not -(2**31) <= number < 2**31:
        raise Malformed(f"{name} is out of range")
    return number


def int64_of(item: Json, name: str) -> int | None:
    """A whole number of 64 bits with a sign, None where it is absent."""
    value = field_of(item, name)
    return None if value is None else _int64(value, name)


def double_of(item: Json, name: str) -> float | None:
    """A number, None where it is absent."""
    value = field_of(item, name)
    return None if value is None else _double(value, name)


def doubles_of(item: Json, name: str) -> list[float]:
    """A list of numbers."""
    return [_double(each, name) for each in list_of(item, name)]


def boolean_of(item: Json, name: str) -> bool:
    """True or false, false where it is absent."""
    value = field_of(item, name)
    if value is not None and not isinstance(value, bool):
        raise Malformed(f"{name} is not true or false")
    return bool(value)


def _whole(value: object, name: str) -> int:
    if isinstance(value, str):
        if _WHOLE.fullmatch(value):
            return int(value)
    elif isinstance(value, int) and not isinstance(value, bool):
        return value
    elif isinstance(value, float) and value.is_integer():
        return int(value)
    raise Malformed(f"{name} is not a whole number")


def id_of(item: Json, name: str) -> bytes:
    """An id; its length is not checked here."""
    text = text_field(item, name)
    if not _HEX.fullmatch(text):
        raise Malformed(f"{name} is not hexadecimal")
    return bytes.fromhex(text)


def enum_of(item: Json, name: str, enum: Any) -> Any:
    """An enum's number, by number or by name; 0 where it is absent."""
    value = field_of(item, name)
    if value is None:
        return 0
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        try:
            return enum.Value(value)
        except ValueError as error:
            raise Malformed(f"{name} has an unknown name") from error
    number = _whole(value, name)
    if not -(2**31) <= number < 2**31:
        raise Malformed(f"{name} is out of range")
    return number


def pairs_of(item: Json) -> list[common_pb2.KeyValue]:
    """The attributes of an item."""
    return [pair_of(each) for each in objects_of(item, "attributes")]


def pair_of(item: Json, depth: int = 0) -> common_pb2.KeyValue:
    """One attribute, or one entry of a map."""
    key = text_field(item, "key")
    pair = common_pb2.KeyValue(key=key)
    value = field_of(item, "value")
    if value is not None:
        try:
            put_value(pair.value, value, depth)
        except Malformed as problem:
            if depth:
                raise
            raise Malformed(f"attribute {key[:_SHOWN_CHARACTERS]!r}: {problem}") from problem
    return pair


def put_value(target: common_pb2.AnyValue, item: object, depth: int = 0) -> None:
    """Fill an AnyValue; raise Malformed if that cannot say what was sent."""
    value = object_of(item, "the value")
    text = value.get("stringValue")
    if len(value) == 1 and isinstance(text, str):
        target.string_value = text
        return
    held = [(name, each) for name, each in value.items() if each is not None]
    known = [(name, _KINDS[name], each) for name, each in held if name in _KINDS]
    if not known:
        if held:
            raise Malformed(f"the value is of no kind that OTLP knows: {held[0][0][:_SHOWN_CHARACTERS]!r}")
        return
    if len(known) > 1:
        raise Malformed(f"the value is of two kinds, {known[0][0]} and {known[1][0]}")
    _put(target, *known[0], depth)


_KINDS: Final = {
    spelling: kind
    for kind in ("string", "bool", "int", "double", "bytes", "array", "kvlist")
    for spelling in (f"{kind}Value", f"{kind}_value")
}


def _put(target: common_pb2.AnyValue, name: str, kind: str, held: object, depth: int) -> None:
    if kind == "array" or kind == "kvlist":
        _put_nested(target, kind, object_of(held, name), depth)
    elif kind == "string" and isinstance(held, str):
        target.string_value = held
    elif kind == "bool" and isinstance(held, bool):
        target.bool_value = held
    elif kind == "int":
        target.int_value = _int64(held, name)
    elif kind == "double":
        target.double_value = _double(held, name)
    elif kind == "bytes" and isinstance(held, str):
        target.bytes_value = _base64(held)
    else:
        raise Malformed(f"{name} has a value of another type")


def _put_nested(target: common_pb2.AnyValue, kind: str, item: Json, depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise Malformed(f"the value nests deeper than {MAX_DEPTH}")
    if kind == "array":
        target.array_value.SetInParent()
        for each in list_of(item, "values"):
            put_value(target.array_value.values.add(), {} if each is None else each, depth + 1)
    else:
        target.kvlist_value.SetInParent()
        target.kvlist_value.values.extend(pair_of(each, depth + 1) for each in objects_of(item, "values"))


def _int64(held: object, name: str) -> int:
    number = _whole(held, name)
    if isinstance(held, float) and abs(number) > _EXACT:
        raise Malformed(f"{name} has more digits than a JSON number holds: send it as text")
    if not -(2**63) <= number < 2**63:
        raise Malformed(f"{name} is out of range")
    return number


_NOT_FINITE: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def _double(held: object, name: str) -> float:
    if isinstance(held, str):
        if held in _NOT_FINITE:
            return _NOT_FINITE[held]
        if _NUMBER.fullmatch(held):
            number = float(held)
            if math.isfinite(number):
                return number
            raise Malformed(f"{name} is out of range")
    elif isinstance(held, int | float) and not isinstance(held, bool):
        try:
            return float(held)
        except OverflowError:
            raise Malformed(f"{name} is out of range") from None
    raise Malformed(f"{name} is not a number")


def _base64(text: str) -> bytes:
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("bytesValue is not base64") from error
