"""Splits OTLP requests in JSON into groups of converted items; parts that cannot be read are refused alone.

Owns how requests nest, the names of before 2022, and what is told of documents of another signal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from collector import otlp_json
from collector.items import (
    LISTS,
    SCOPED_BEFORE_2022,
    Group,
    Malformed,
    Refusals,
    Undecodable,
    named,
    old_spelling,
    place_of,
)
from collector.json_fields import Json, field_of, object_of, snake, text_field
from collector.otlp_json_metrics import metric
from runtime.lenient_json import NotJson, loads, repaired
from store.api import with_schema_url

_NO_REQUEST: Final = "the body is not an OTLP export request"
_REPLACED: Final = "text that is not Unicode got U+FFFD where it is not"

_CONVERT: Final[Mapping[str, Callable[[Json], bytes]]] = {
    "traces": otlp_json.span,
    "logs": otlp_json.log_record,
}


def _spellings(*names: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(spelling for name in names for spelling in (name, snake(name))))


_RESOURCED: Final = {signal: _spellings(lists[0]) for signal, lists in LISTS.items()}
_SCOPED: Final = {signal: _spellings(lists[1], SCOPED_BEFORE_2022[signal]) for signal, lists in LISTS.items()}
_ITEMS: Final = {
    signal: _spellings(lists[2], *(("logs",) if signal == "logs" else ())) for signal, lists in LISTS.items()
}
_OF_RESOURCED: Final = frozenset({"resource", *_spellings("schemaUrl")})
_OF_SCOPED: Final = frozenset({"scope", *_spellings("instrumentationLibrary", "schemaUrl")})


def groups(body: bytes, signal: str, refused: Refusals) -> list[Group]:
    """The groups of an export request in JSON; `signal` is traces, logs or metrics.

    Parts that cannot be converted are added to `refused`. Raises Undecodable.
    """
    try:
        document, odd = loads(body)
    except NotJson as error:
        raise Undecodable(f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        hint = "; a list of Zipkin spans goes to /v1/rum" if isinstance(document, list) else ""
        raise Undecodable(f"{_NO_REQUEST}: it is not a JSON object{hint}")
    return list(_Request(signal, refused, odd).groups(document))


class _Request:
    """One request that is being read."""

    def __init__(self, signal: str, refused: Refusals, odd: bool) -> None:
        self._signal = signal
        self._refused = refused
        self._odd = odd
        """Whether text may hold lone surrogates."""

    def groups(self, document: Json) -> Iterator[Group]:
        """The groups. Raises Undecodable if the document is none of this signal."""
        if document and not any(name in document for name in _RESOURCED[self._signal]):
            raise Undecodable(f"{_NO_REQUEST} of {self._signal}: {self._what_else(document)}")
        try:
            entries = _entries(document, _RESOURCED[self._signal])
        except Malformed as problem:
            raise Undecodable(f"{_NO_REQUEST}: {problem}") from problem
        self._refuse_other_signals(document)
        for number, entry in enumerate(entries):
            try:
                yield from self._resourced(object_of(entry, f"an entry of {LISTS[self._signal][0]}"), number)
            except Malformed as problem:
                self._refuse(str(problem), 1, number)

    def _what_else(self, document: Json) -> str:
        for other, names in _RESOURCED.items():
            if any(name in document for name in names):
                return f"it is one of {other}; send it to /v1/{other}"
        first = next(iter(document))
        return f"it has no {LISTS[self._signal][0]}, but {repaired(first[:60])[0]!r}"

    def _refuse_other_signals(self, document: Json) -> None:
        for other, names in _RESOURCED.items():
            for name in names:
                if other != self._signal and document.get(name):
                    count = max(1, _items_in(document[name], other))
                    self._refused.add(f"{name} among {self._signal}: send {other} to /v1/{other}", count)

    def _resourced(self, resourced: Json, number: int) -> Iterator[Group]:
        scopes = _entries(resourced, _SCOPED[self._signal])
        old = SCOPED_BEFORE_2022[self._signal]
        if resourced.get(old) or resourced.get(snake(old)):
            self._refused.warn(old_spelling(self._signal), lambda: place_of(self._signal, number))
        self._refuse_strangers(resourced, _SCOPED, _OF_RESOURCED, number)
        lost: list[str] = []
        try:
            resource = otlp_json.resource(self._whole(field_of(resourced, "resource"), number), lost)
        except Malformed as problem:
            count = _items_in([resourced], self._signal)
            if count:
                self._refuse(f"resource: {problem}", count, number)
            return
        resource = with_schema_url(resource, self._schema_url(resourced, lost, number))
        self._warn("resource", lost, number)
        for place, entry in enumerate(scopes):
            try:
                yield self._scoped(
                    object_of(entry, f"an entry of {LISTS[self._signal][1]}"), resource, number, place
                )
            except Malformed as problem:
                self._refuse(str(problem), 1, number, place)

    def _scoped(self, scoped: Json, resource: bytes, number: int, place: int) -> Group:
        entries = _entries(scoped, _ITEMS[self._signal])
        self._refuse_strangers(scoped, _ITEMS, _OF_SCOPED, number, place)
        library = field_of(scoped, "scope")
        if library is None:
            library = field_of(scoped, "instrumentationLibrary")
        lost: list[str] = []
        scope = otlp_json.scope(self._whole(library, number, place), lost)
        scope = with_schema_url(scope, self._schema_url(scoped, lost, number, place))
        self._warn("scope", lost, number, place)
        items, numbers = [], []
        for at, entry in enumerate(entries):
            converted = self._item(entry, number, place, at)
            if converted is not None:
                items.append(converted)
                numbers.append(at)
        return Group(resource, scope, items, (number, place), numbers)

    def _item(self, entry: object, *path: int) -> bytes | None:
        try:
            item = object_of(self._whole(entry, *path), "an item")
            if self._signal == "metrics":
                return metric(item, lambda reason, at: self._refuse_point(reason, at, item, *path))
            return _CONVERT[self._signal](item)
        except Malformed as problem:
            reason = str(problem)
        except (TypeError, ValueError, OverflowError) as error:
            reason = f"an item has a value of the wrong type: {error}"
        name = entry.get("name") if isinstance(entry, dict) else None
        self._refused.add(reason, 1, lambda: named(place_of(self._signal, *path), name))
        return None

    def _refuse_point(self, reason: str, point: int, item: Json, *path: int) -> None:
        def place() -> str:
            return f"{named(place_of(self._signal, *path), item.get('name'))}, dataPoints[{point}]"

        self._refused.add(reason, 1, place)

    def _whole(self, part: object, *path: int) -> object:
        """A part of the document, with U+FFFD for each lone surrogate."""
        if not self._odd:
            return part
        whole, found = repaired(part)
        if found:
            self._refused.warn(_REPLACED, lambda: place_of(self._signal, *path))
        return whole

    def _schema_url(self, item: Json, lost: list[str], *path: int) -> bytes:
        try:
            url = self._whole(text_field(item, "schemaUrl"), *path)
        except Malformed as problem:
            lost.append(str(problem))
            return b""
        return str(url).encode()

    def _refuse_strangers(
        self, item: Json, lists: Mapping[str, tuple[str, ...]], others: frozenset[str], *path: int
    ) -> None:
        """Refuse lists of another signal, and a part that has other fields in the place of its list."""
        own = lists[self._signal]
        if not any(name in item for name in own):
            strange = [name for name in item if name not in others]
            if strange:
                shown = repaired(strange[0][:60])[0]
                self._refuse(f"{own[0]} are missing where {shown!r} is", max(1, _any_items(item)), *path)
            return
        for other, names in lists.items():
            for name in names:
                if other != self._signal and name not in own and isinstance(item.get(name), list):
                    count = len(item[name])
                    if count:
                        self._refuse(
                            f"{name} among {self._signal}: send {other} to /v1/{other}", count, *path
                        )

    def _refuse(self, reason: str, count: int, *path: int) -> None:
        self._refused.add(reason, count, lambda: place_of(self._signal, *path))

    def _warn(self, what: str, lost: list[str], *path: int) -> None:
        for problem in lost:
            self._refused.warn(f"{what}: {problem}, and was left out", lambda: place_of(self._signal, *path))


def _entries(item: Json, names: tuple[str, ...]) -> list[Any]:
    """The entries of a list under all its names. Raises Malformed if one is no list."""
    found: list[Any] = []
    for name in names:
        value = item.get(name)
        if value is None:
            continue
        if not isinstance(value, list):
            raise Malformed(f"{name} is not a list")
        found += value
    return found


def _items_in(resourced_list: object, signal: str) -> int:
    """How many items these entries hold, as far as they can be read."""
    scoped = _flat(_flat([{"x": resourced_list}], ("x",)), _SCOPED[signal])
    return len(_flat(scoped, _ITEMS[signal]))


def _any_items(item: Json) -> int:
    """How many items a part holds in lists of any name that OTLP has."""
    names = tuple(name for table in (_SCOPED, _ITEMS) for each in table.values() for name in each)
    inner = _flat([item], names)
    return len(_flat(inner, names)) or len(inner)


def _flat(items: list[Any], names: tuple[str, ...]) -> list[Any]:
    return [
        each
        for item in items
        if isinstance(item, dict)
        for name in names
        if isinstance(item.get(name), list)
        for each in item[name]
    ]
