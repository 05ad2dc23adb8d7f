"""Splits export requests in protobuf into groups, and says why a message cannot be read.

Protobuf's parser refuses a message as a whole when one part of it is malformed. Where that
happens, the parts are read one by one, so that the others are kept. Knows no item's meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.unknown_fields import UnknownFieldSet

from collector import wire
from collector.items import Group, Refusals, Undecodable, old_spelling, place_of
from store.api import with_schema_url

_LENGTH_DELIMITED: Final = 2
_MAX_LEVELS: Final = 8
_NO_REQUEST: Final = "the body is not an OTLP export request in protobuf"


class _Field(NamedTuple):
    number: int
    wire_type: int
    data: Any


def protobuf_groups(body: bytes, refused: Refusals | None = None, signal: str = "traces") -> list[Group]:
    """The groups of an OTLP export request of any signal; `signal` names them in reasons.

    Parts that cannot be read are added to `refused`. Raises Undecodable.
    """
    refused = Refusals() if refused is None else refused
    try:
        resourced_list = wire.Request.FromString(body).resourced
    except DecodeError:
        return list(_groups_of_parts(body, refused, signal))
    if body and not resourced_list:
        raise Undecodable(f"{_NO_REQUEST}: it has no resources, but fields that OTLP does not know")
    found: list[Group] = []
    for number, resourced in enumerate(resourced_list):
        scoped_list = [*resourced.scoped, *resourced.old_scoped]
        if not scoped_list and _has_unknown(resourced):
            refused.add("a resource has no scopes, but unknown fields", 1, _at(signal, number))
        if resourced.old_scoped:
            refused.warn(old_spelling(signal), _at(signal, number))
        resource = with_schema_url(resourced.resource, resourced.schema_url)
        for place, scoped in enumerate(scoped_list):
            found.append(_group(resource, scoped, (number, place), refused, signal))
    return found


def _group(resource: bytes, scoped: Any, path: tuple[int, int], refused: Refusals, signal: str) -> Group:
    if not scoped.items and _has_unknown(scoped):
        refused.add("a scope has no items, but unknown fields", 1, _at(signal, *path))
    return Group(resource, with_schema_url(scoped.scope, scoped.schema_url), scoped.items, path)


def _groups_of_parts(body: bytes, refused: Refusals, signal: str) -> Iterator[Group]:
    """The groups that can be read. Raises Undecodable if not even the list of resources can be."""
    try:
        parts = wire.RequestParts.FromString(body).resourced
    except DecodeError as error:
        raise Undecodable(_NO_REQUEST) from error
    for number, part in enumerate(parts):
        try:
            resourced = wire.ResourcedParts.FromString(part)
        except DecodeError:
            refused.add("a resource with its items cannot be read as protobuf", 1, _at(signal, number))
            continue
        resource = with_schema_url(resourced.resource, resourced.schema_url)
        for place, raw in enumerate([*resourced.scoped, *resourced.old_scoped]):
            path = (number, place)
            try:
                scoped = wire.Scoped.FromString(raw)
            except DecodeError:
                refused.add("a scope with its items cannot be read as protobuf", 1, _at(signal, *path))
            else:
                yield _group(resource, scoped, path, refused, signal)


def _at(signal: str, *path: int) -> Any:
    return lambda: place_of(signal, *path)


def _has_unknown(message: Any) -> bool:
    return len(UnknownFieldSet(message)) > 0


def contradicts(raw: bytes, descriptor: Descriptor) -> bool:
    """Whether a message has a known field in another form, as one of another type would."""
    return any(
        (known := descriptor.fields_by_number.get(each.number)) is not None
        and each.wire_type not in _wire_types_of(known)
        for each in _fields(raw) or ()
    )


def _wire_types_of(known: FieldDescriptor) -> tuple[int, ...]:
    if known.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES, FieldDescriptor.TYPE_MESSAGE):
        return (_LENGTH_DELIMITED,)
    if known.type in (FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_DOUBLE):
        return (1,)
    return (5,) if known.type == FieldDescriptor.TYPE_FIXED32 else (0,)


def unreadable(raw: bytes, descriptor: Descriptor, levels: int = 0) -> str:
    """The part of a message that keeps it from being read, such as `attributes[2].key is not UTF-8`."""
    fields = _fields(raw)
    if fields is None or levels == _MAX_LEVELS:
        return "it is not protobuf"
    counts: dict[int, int] = {}
    for each in fields:
        known = descriptor.fields_by_number.get(each.number)
        place = counts[each.number] = counts.get(each.number, -1) + 1
        if known is None or each.wire_type != _LENGTH_DELIMITED:
            continue
        name = f"{known.json_name}[{place}]" if known.is_repeated else known.json_name
        if known.type == FieldDescriptor.TYPE_STRING:
            try:
                each.data.decode()
            except UnicodeDecodeError:
                return f"{name} is not UTF-8"
        elif known.message_type is not None:
            try:
                GetMessageClass(known.message_type).FromString(each.data)
            except DecodeError:
                inner = unreadable(each.data, known.message_type, levels + 1)
                return f"{name}: {inner}" if inner.startswith("it ") else f"{name}.{inner}"
    return "it is not protobuf"


def _fields(raw: bytes) -> list[_Field] | None:
    """The fields of any message as they were written; None if it cannot be read."""
    try:
        message = Empty.FromString(raw)
    except DecodeError:
        return None
    found = UnknownFieldSet(message)
    return [_Field(found[at].field_number, found[at].wire_type, found[at].data) for at in range(len(found))]
