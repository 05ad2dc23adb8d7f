"""Attribute values as text and numbers, however they were sent."""

from __future__ import annotations

import pytest

from signals.attributes import number_of, text_of
from signals.model import Attribute


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (True, "true"),
        (5, "5"),
        (200.0, "200"),
        (0.5, "0.5"),
        (b"\x01", "01"),
        (None, ""),
        ([1, "a"], '[1,"a"]'),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        ([float("inf"), None, b"\x01"], '["Infinity",null,"01"]'),
        ({"a": 2**70}, '{"a":1180591620717411303424}'),
    ],
)
def test_text_forms(value: Attribute, text: str) -> None:
    assert text_of(value) == text


def test_numbers_however_written() -> None:
    assert [number_of(value) for value in ("500", 500, "0.25", True, "x", "nan", None)] == [
        500,
        500,
        0.25,
        1,
        None,
        None,
        None,
    ]
