"""Reads resources and scopes, leaving out single attributes that cannot be read.

All items of a process share them: one bad attribute must not cost every batch that the process sends.
Only a resource whose service cannot be read refuses its items, as nobody could tell whose they are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2

from collector import wire
from collector.items import Malformed
from collector.values import first_wins, value_of
from signals.model import Attributes
from store.api import schema_url_of, with_schema_url

_SERVICE = b"service.name"


class Origin(NamedTuple):
    """A resource or scope as it is stored."""

    body: bytes
    attributes: Attributes
    warning: str = ""
    """What was left out of it; empty if nothing was."""


def resource_of(raw: bytes) -> Origin:
    """A resource. Raises Malformed if it cannot be read, or its service's name cannot."""
    try:
        message = resource_pb2.Resource.FromString(raw)
        return Origin(raw, _attributes(message.attributes))
    except (DecodeError, Malformed):
        pass
    try:
        parts = wire.ResourceParts.FromString(raw)
    except DecodeError as error:
        raise Malformed("a resource cannot be read as protobuf") from error
    pairs, lost = _readable(parts.attributes)
    for name, reason in lost:
        if name == _SERVICE:
            raise Malformed(f"a resource's service.name {reason}")
    message = resource_pb2.Resource(
        attributes=pairs, dropped_attributes_count=min(parts.dropped_attributes_count + len(lost), 2**32 - 1)
    )
    body = with_schema_url(message.SerializeToString(), schema_url_of(raw).encode())
    return Origin(body, _attributes(pairs), f"a resource's {_lost(lost)}")


def scope_of(raw: bytes) -> Origin:
    """A scope; what of it cannot be read is left out."""
    try:
        message = common_pb2.InstrumentationScope.FromString(raw)
        return Origin(raw, _attributes(message.attributes))
    except (DecodeError, Malformed):
        pass
    try:
        parts = wire.ScopeParts.FromString(raw)
    except DecodeError:
        return Origin(b"", {}, "a scope cannot be read as protobuf, and was left out")
    pairs, lost = _readable(parts.attributes)
    message = common_pb2.InstrumentationScope(
        name=parts.name.decode("utf-8", "replace"),
        version=parts.version.decode("utf-8", "replace"),
        attributes=pairs,
        dropped_attributes_count=min(parts.dropped_attributes_count + len(lost), 2**32 - 1),
    )
    body = with_schema_url(message.SerializeToString(), schema_url_of(raw).encode())
    what = _lost(lost) if lost else "name or version is not UTF-8, and got U+FFFD where it is not"
    return Origin(body, _attributes(pairs), f"a scope's {what}")


def _attributes(pairs: Iterable[Any]) -> Attributes:
    return first_wins((pair.key, value_of(pair.value)) for pair in pairs)


def _readable(raw_pairs: Iterable[bytes]) -> tuple[list[Any], list[tuple[bytes, str]]]:
    """(the attributes that can be read, key and reason of the others)."""
    found, lost = [], []
    for raw in raw_pairs:
        try:
            pair = common_pb2.KeyValue.FromString(raw)
            value_of(pair.value)
            found.append(pair)
        except DecodeError:
            lost.append((_key_of(raw), "is not UTF-8 or not protobuf"))
        except Malformed as problem:
            lost.append((_key_of(raw), str(problem)))
    return found, lost


def _key_of(raw: bytes) -> bytes:
    try:
        key: bytes = wire.Pair.FromString(raw).key
    except DecodeError:
        return b""
    return key


def _lost(lost: list[tuple[bytes, str]]) -> str:
    (name, reason), *others = lost
    also = f" (and {len(others)} others)" if others else ""
    return f"attribute {name.decode('utf-8', 'replace')[:60]!r} {reason}, and was left out{also}"
