"""Which logs of a block carry an attribute that is not indexed: the same as `attribute_scan` finds in rows.

A log's own attribute wins over its resource's. Its message holds keys and texts unchanged, so that the bytes
of one attribute decide nearly every log; only where bytes are ambiguous is a message decoded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from signals.attributes import text_of
from signals.folding import fold
from signals.model import Attribute
from store.decode import log_attributes, resource_attributes
from store.sqlite.read.attribute_scan import (
    encoded_field,
    forms_of,
    has_other_forms,
    is_meant_by,
    matching_resources,
)
from store.sqlite.read.log_blocks import Block
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.record_fields import Matches, origin_ids_with, own_fields


class LogCondition(Protocol):
    """Something that is true of a log by its content alone, and so of a part's for ever."""

    @property
    def key(self) -> str:
        """The same for the same condition, and for no other."""

    def places(self, block: Block) -> Sequence[int]:
        """Which of the logs of a block fulfil it, in order. Raises DamagedLogs."""


class Carrying:
    """Carrying an attribute with a value."""

    def __init__(self, db: ReadSession, name: str, value: str) -> None:
        self.key = f"={name}\0{value}"
        self._forms = [encoded_field("log", name, form) for form in forms_of(value)]
        self._other_forms = has_other_forms(value)
        self._sought = _Sought(db, name, lambda found: is_meant_by(found, value))

    def places(self, block: Block) -> Sequence[int]:
        raws, sought = block.raws, self._sought
        plain = {place for form in self._forms for place in raws.with_bytes(form)}
        found = {place for place in plain if sought.comes_once(raws[place]) or sought.carries(block, place)}
        shared = sought.with_resource(block)
        if self._other_forms or any(shared):
            # The key is there in no plain form: with another value, or within something nested.
            holding = set(raws.with_bytes(sought.bytes_of_key))
            found.update(
                place
                for place in holding - plain
                if (self._other_forms or shared[block.table.places[place]]) and sought.carries(block, place)
            )
            found.update(
                [
                    place
                    for place, kind in enumerate(block.table.places)
                    if shared[kind] and place not in holding
                ]
            )
        found.update(sought.beside(block))
        return sorted(found)


class Holding:
    """Carrying an attribute whose value holds a part, in any case and Unicode form."""

    def __init__(self, db: ReadSession, name: str, part: str) -> None:
        self.key = f"~{name}\0{part}"
        folded = fold(part)
        self._sought = _Sought(db, name, lambda found: folded in fold(text_of(found)))

    def places(self, block: Block) -> Sequence[int]:
        sought = self._sought
        holding = set(block.raws.with_bytes(sought.bytes_of_key))
        found = {place for place in holding if sought.carries(block, place)}
        shared = sought.with_resource(block)
        if any(shared):
            found.update(
                [
                    place
                    for place, kind in enumerate(block.table.places)
                    if shared[kind] and place not in holding
                ]
            )
        found.update(sought.beside(block))
        return sorted(found)


class _Origins(NamedTuple):
    """Numbers of rows of `origins`."""

    resources: set[int]
    """With the attribute."""
    scopes: set[int]
    """With the attribute, or the field that is named so."""
    fields: set[int]
    """Resources with such a field."""


class _Sought:
    """An attribute by its name, and whether a value of it is the one."""

    def __init__(self, db: ReadSession, name: str, matches: Matches) -> None:
        self._db = db
        self._name = name
        self._matches = matches
        self.bytes_of_key = KeyValue(key=name).SerializeToString()
        resources = matching_resources(db, name, matches)
        self._origins = _Origins(resources, *origin_ids_with(db, name, matches))
        self._values_of: Callable[[bytes], Iterator[Attribute]] | None = own_fields("log", name)
        self._bodies: dict[int, bytes] = {}

    def comes_once(self, raw: bytes) -> bool:
        """Of a key that comes twice, the first counts: only decoding tells which one has the value."""
        return raw.find(self.bytes_of_key, raw.find(self.bytes_of_key) + 1) < 0

    def with_resource(self, block: Block) -> list[bool]:
        """For each kind of the block, whether its resource has the attribute."""
        return [kind.resource in self._origins.resources for kind in block.table.kinds]

    def carries(self, block: Block, place: int) -> bool:
        """Decodes a log: its own attribute, else its resource's."""
        own, name = log_attributes(block.raws[place]), self._name
        if name in own:
            return self._matches(own[name])
        shared = resource_attributes(self._body(block.kind(place).resource))
        return name in shared and self._matches(shared[name])

    def beside(self, block: Block) -> list[int]:
        """The places of logs of which something beside their attributes matches."""
        _, scopes, fields = self._origins
        found: list[int] = []
        if scopes or fields:
            ok = [kind.scope in scopes or kind.resource in fields for kind in block.table.kinds]
            found += [place for place, kind in enumerate(block.table.places) if ok[kind]]
        values_of = self._values_of
        if values_of is not None:
            raws = block.raws.all()
            found += [place for place, raw in enumerate(raws) if any(map(self._matches, values_of(raw)))]
        return found

    def _body(self, resource: int) -> bytes:
        if resource not in self._bodies:
            row = self._db.one("SELECT body FROM origins WHERE id = ?", (resource,))
            self._bodies[resource] = row[0] if row else b""
        return self._bodies[resource]
