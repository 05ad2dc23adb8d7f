"""A backend's span is decoded by looking its attributes up, with the same row as if all were read."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector import known_attributes, span_rows
from collector.framing import protobuf_groups
from collector.items import Refusals
from collector.rows import Decoder
from signals import semantics
from signals.browser_events import OF_BROWSERS, is_browser
from signals.model import Attribute
from store.api import SpanRow
from tests.collector import build

_NAMES = [
    *semantics.PROMOTED,
    *semantics.OF_PEERS,
    *semantics.OF_ERRORS,
    *OF_BROWSERS,
    *("session.id", "browser.name", "thread.id", "code.function.name"),
]
_VALUES = (
    *("", "x", "webjs", "browser", "1", "false", "example.org", "http://user@example.org:80/x", ":memory:"),
    *("y" * 300, "é", 0, 1, 50051, 200, 404, True, False, 1.0, 0.5, b"\x01", None, ["a", 1], {"k": "v"}),
)


class _Recording(Mapping[str, Attribute]):
    """Attributes that are not there; remembers which were asked for."""

    def __init__(self, present: Mapping[str, Attribute]) -> None:
        self.asked: set[str] = set()
        self._present = present

    def __getitem__(self, name: str) -> Attribute:
        self.asked.add(name)
        return self._present[name]

    def __contains__(self, name: object) -> bool:
        self.asked.add(str(name))
        return name in self._present

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("all attributes were looked at")

    def __len__(self) -> int:
        raise AssertionError("all attributes were looked at")


def _random_span(rng: random.Random, number: int) -> Span:
    span = build.span(1 + number, attributes={})
    span.kind = rng.randrange(7)  # type: ignore[assignment]  # 6 is no kind that OTLP knows
    span.status.code = rng.randrange(4)  # type: ignore[assignment]  # nor is 3 a status
    for _ in range(rng.randrange(8)):
        # Names may come twice; the value None is one that was sent without.
        name, value = rng.choice(_NAMES), rng.choice(_VALUES)
        if isinstance(value, str | bool | int):
            span.attributes.append(build.pair(name, value))
        else:
            _add(span.attributes.add(key=name).value, value)
    return span


def _add(message: AnyValue, value: object) -> None:
    if isinstance(value, float):
        message.double_value = value
    elif isinstance(value, bytes):
        message.bytes_value = value
    elif isinstance(value, list):
        message.array_value.values.add(string_value="a")
    elif isinstance(value, dict):
        message.kvlist_value.values.add(key="k")


def _rows(body: bytes, decoder: Decoder) -> list[SpanRow]:
    return list(decoder.traces(protobuf_groups(body), Refusals()).batch.spans)


@pytest.mark.parametrize("seed", range(20))
def test_rows_are_the_same_as_of_all_attributes(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    spans = [_random_span(rng, number) for number in range(300)]
    body = build.traces(spans).SerializeToString()
    decoder = Decoder()
    first, again = _rows(body, decoder), _rows(body, decoder)
    monkeypatch.setattr(span_rows, "tags_of", lambda *_: None)
    assert first == again == _rows(body, Decoder())


def test_rows_are_the_same_where_the_memory_is_full_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(1)
    body = build.traces([_random_span(rng, number) for number in range(300)]).SerializeToString()
    expected = _rows(body, Decoder())
    monkeypatch.setattr(known_attributes, "_MOST", 5)
    monkeypatch.setattr(known_attributes, "_MOST_PEERS", 1)
    decoder = Decoder()
    assert _rows(body, decoder) == _rows(body, decoder) == expected


def _spoiled(rng: random.Random) -> bytes:
    """An attribute in protobuf, most often not as a sender would write it."""
    pair = build.pair(
        rng.choice(("n", "thread.id", "enduser.id", "peer.service")), rng.choice(("", "é", "v" * 9))
    )
    raw = bytearray(pair.SerializeToString())
    for _ in range(rng.randrange(3)):
        raw[rng.randrange(len(raw))] = rng.choice((0, 1, 2, 8, 10, 18, 127, 128, 200, 255))
    more = (b"", b"\x00", b"\x12\x02\x10\x01", b"\x0a\x01m", b"\x12\x03\x0a\x01w", b"\x18\x05")
    return bytes(raw)[: rng.choice((None, None, None, -1, 3))] + rng.choice(more)


def _with_raw(number: int, raw: bytes) -> bytes:
    """A request of one span whose attribute is these bytes."""
    span = build.span(number, attributes={}).SerializeToString() + b"\x4a" + bytes((len(raw),)) + raw
    return b"\x0a" + _sized(b"\x12" + _sized(b"\x12" + _sized(span)))


def _sized(message: bytes) -> bytes:
    assert len(message) < 128
    return bytes((len(message),)) + message


@pytest.mark.parametrize("seed", range(10))
def test_a_spoiled_attribute_is_what_parsing_all_of_it_says(seed: int) -> None:
    """Under a name that is known, a text that is read without parsing it is refused or kept all the same."""
    rng = random.Random(seed)
    decoder = Decoder()
    for name in ("n", "thread.id"):
        _rows(build.traces([build.span(1, attributes={name: "known"})]).SerializeToString(), decoder)
    for number in range(500):
        body = _with_raw(1 + number, _spoiled(rng))
        found, expected = Refusals(), Refusals()
        rows = decoder.traces(protobuf_groups(body), found).batch.spans
        assert rows == Decoder().traces(protobuf_groups(body), expected).batch.spans
        assert found.message() == expected.message()


def test_a_new_text_under_a_known_name_is_known_without_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of hostile data each span has one: it takes no parsing."""
    decoder = Decoder()
    _rows(build.traces([build.span(1, attributes={"n": "a"})]).SerializeToString(), decoder)
    monkeypatch.setattr(known_attributes, "_read", None)
    assert _rows(build.traces([build.span(2, attributes={"n": "b"})]).SerializeToString(), decoder)


@pytest.mark.parametrize(
    ("read", "names"),
    [
        (lambda bag: semantics.peer_of(3, bag), semantics.OF_PEERS),
        (lambda bag: semantics.is_error(0, bag), semantics.OF_ERRORS),
        (lambda bag: is_browser(bag, {}), OF_BROWSERS),
    ],
)
def test_the_names_that_a_meaning_depends_on_are_all_there(
    read: Callable[[Mapping[str, Attribute]], object], names: frozenset[str]
) -> None:
    """One that is read and not listed would be overlooked where attributes are looked up."""
    asked = set()
    for present in ({}, *({name: value} for name in names for value in ("", "x", ":memory:", 1))):
        bag = _Recording(present)
        read(bag)
        asked |= bag.asked
    assert asked == names


def test_spans_of_a_group_share_equal_tags() -> None:
    """What is shared is handed over to the settler once."""
    spans = [build.span(1 + number, attributes={"enduser.id": "u", "n": number}) for number in range(3)]
    rows = _rows(build.traces(spans).SerializeToString(), Decoder())
    assert rows[0].tags["enduser.id"] == "u"
    assert all(row.tags is rows[0].tags for row in rows)
