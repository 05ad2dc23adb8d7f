"""How numbers and durations are written."""

from __future__ import annotations

import pytest

from observer.components import number_format as formats


@pytest.mark.parametrize(
    ("ns", "written"),
    [
        (0, "0 ms"),
        (999, "999 ns"),
        (83_000, "83 µs"),
        (1_500_000, "1.5 ms"),
        (437_000_000, "437 ms"),
        (999_999_999, "1000 ms"),
        (1_240_000_000, "1.24 s"),
        (59_000_000_000, "59 s"),
        (123_000_000_000, "2 min 3 s"),
        (11_400_000_000_000, "3 h 10 min"),
        (180_000_000_000_000, "2 d 2 h"),
        (-5_000_000, "-5 ms"),
        (None, formats.NOTHING),
    ],
)
def test_durations_carry_the_unit_that_fits(ns: int | None, written: str) -> None:
    assert formats.duration(ns) == written


def test_counts_are_grouped_and_plural() -> None:
    assert formats.count(1234567) == "1,234,567"
    assert formats.plural(1, "error") == "1 error"
    assert formats.plural(2, "property", "properties") == "2 properties"


def test_sizes_are_in_powers_of_a_thousand() -> None:
    assert [formats.size(n) for n in (0, 999, 1500, 2_000_000_000)] == ["0 B", "999 B", "1.5 kB", "2 GB"]


def test_a_share_above_nothing_is_never_written_as_nothing() -> None:
    assert formats.percent(0.0001) == "< 0.1 %"
    assert formats.percent(0.779) == "77.9 %"
    assert formats.percent(None) == formats.NOTHING
