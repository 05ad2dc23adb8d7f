"""A metric's values are written as people write them, whatever unit its sender names."""

from __future__ import annotations

import math

import pytest

from observer.components.metric_units import number_text, unit_of
from observer.components.number_format import NOTHING
from store.api import MetricAggregation


@pytest.mark.parametrize(
    ("unit", "agg", "value", "words", "text"),
    [
        ("s", "p95", 0.0034, "seconds", "3.4 ms"),
        ("s", "avg", 12.5, "seconds", "12.5 s"),
        ("ms", "avg", 1500, "milliseconds", "1.5 s"),
        ("seconds", "avg", 1e-7, "seconds", "100 ns"),
        ("s", "avg", 2e-13, "seconds", "0.0002 ns"),
        ("s", "rate", 0.35, "seconds per second", "350 ms/s"),
        ("By", "last", 1_234_567, "bytes", "1.23 MB"),
        ("By", "rate", 1_234_567, "bytes per second", "1.23 MB/s"),
        ("bytes", "last", -2500, "bytes", "-2.5 kB"),
        ("MiBy", "last", 1, "mebibytes", "1.05 MB"),
        ("By/s", "avg", 2500, "bytes per second", "2.5 kB/s"),
        ("bit/s", "avg", 2.5e6, "bits per second", "2.5 Mbit/s"),
        ("{request}", "rate", 2.5, "requests per second", "2.5 requests/s"),
        ("{request}", "sum", 1, "requests", "1 request"),
        ("{file_descriptor}", "last", 12, "file descriptors", "12 file descriptors"),
        ("{query}", "last", 3, "queries", "3 queries"),
        ("{fault}/{operation}", "avg", 2, "faults per operation", "2 faults per operation"),
        ("By{heap}", "last", 2000, "bytes", "2 kB"),
        ("1", "last", 0.25, "", "0.25"),
        ("", "rate", 4, "per second", "4/s"),
        ("%", "avg", 12.5, "percent", "12.5 %"),
        ("percent", "avg", 12.5, "percent", "12.5 %"),
        ("Cel", "avg", 21, "degrees Celsius", "21 °C"),
        ("s", "count", 1200, "", "1,200"),
        ("\u202eevil<b>", "last", 1, "⟨U+202E⟩evil<b>", "1 ⟨U+202E⟩evil<b>"),
        ("x" * 10_000, "last", 1, "x" * 24 + "…", "1 " + "x" * 24 + "…"),
    ],
)
def test_a_value_is_written_in_its_unit(
    unit: str, agg: MetricAggregation, value: float, words: str, text: str
) -> None:
    found = unit_of(unit, agg)
    assert (found.words, found.text(value)) == (words, text)


@pytest.mark.parametrize("unit", ["", "1", "s", "By", "{request}", "%", "{", "}{", "/", "a/b/c", "\0", "{}"])
def test_no_value_is_too_odd(unit: str) -> None:
    """What is no number is a dash, what is endless is said; nothing raises."""
    found = unit_of(unit, "avg")
    assert found.text(None) == found.text(math.nan) == NOTHING
    assert (found.text(math.inf), found.text(-math.inf)) == ("∞", "-∞")
    for value in (0, -1, 5e-324, -1e-9, 1e308, 123456789.123, 999_999.9):
        for written in (found.text(value), found.axis(value)):
            assert written
            assert "nan" not in written
    assert unit_of(unit, "rate").text(3)


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234, "1,234"), (999_999, "999,999"), (1_500_000, "1.5 million"), (0.1234, "0.123"),
     (1e-7, "1e-07"), (2.5e9, "2.5 billion"), (1e20, "1e20"), (99.96, "100")],
)  # fmt: skip
def test_numbers_have_three_digits_where_more_say_nothing(value: float, text: str) -> None:
    assert number_text(value) == text
