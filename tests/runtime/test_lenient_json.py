"""JSON with a few faults is read; what is no JSON is not."""

from __future__ import annotations

import math

import pytest

from runtime.lenient_json import NotJson, dumps, loads, repaired


@pytest.mark.parametrize(
    ("body", "document"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b'["\\ud83d"]', ["\ud83d"]),
        (b'["\xff"]', ["\udcff"]),
        (b'["a\nb"]', ["a\nb"]),
        (b"\xef\xbb\xbf[1]", [1]),
        ("[1]".encode("utf-16"), [1]),
        (b"[1e999]", ["1e999"]),
        (b"[18446744073709551617, Infinity]", [18446744073709551617, math.inf]),
        (b'{"a": 1, "a": "\\ud83d"}', {"a": "\ud83d"}),
    ],
)
def test_faults_that_leave_it_readable(body: bytes, document: object) -> None:
    assert loads(body)[0] == document


def test_what_nests_without_end_is_cut_and_its_neighbours_stay() -> None:
    body = b'["]", ' + b"[" * 5_000 + b"]" * 5_000 + b', {"last": "["}]'
    document, _ = loads(body)
    assert isinstance(document, list)
    assert (document[0], document[2]) == ("]", {"last": "["})


@pytest.mark.parametrize("body", [b"", b"{", b"nonsense", b"[1] [2]", b"[" * 100_000, b'"' + b'\\"' * 50_000])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(NotJson):
        loads(body)


def test_lone_surrogates_are_replaced_in_names_and_values() -> None:
    assert repaired({"a\ud800": ["b\udfff", 1]}) == ({"a\ufffd": ["b\ufffd", 1]}, True)
    assert repaired(["plain \U0001f600"]) == (["plain \U0001f600"], False)


@pytest.mark.parametrize("document", [{"a": [1, "x"]}, ["\ud83d"], [2**70], [math.inf], {"a": -0.0}])
def test_what_is_written_is_read_again(document: object) -> None:
    assert loads(dumps(document))[0] == document


def test_what_nests_too_deeply_is_not_written() -> None:
    deep: list[object] = []
    for _ in range(400):
        deep = [deep]
    with pytest.raises(NotJson):
        dumps(deep)
