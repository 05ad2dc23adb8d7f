"""Whether a question asks for a long time range, however its client names the range."""

from __future__ import annotations

import pytest

from observer.request.question_costs import is_long

_NOW_US = 1_790_000_000_000_000
_HOUR_US = 3_600 * 10**6


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ({"since": "2h"}, True),
        ({"start": str(_NOW_US - 2 * _HOUR_US), "end": str(_NOW_US)}, True),
        ({"start": str(_NOW_US - _HOUR_US // 2), "end": str(_NOW_US)}, False),
        ({"endTs": str(_NOW_US // 1_000), "lookback": "604800000"}, True),
        ({"endTs": str(_NOW_US // 1_000), "lookback": "900000"}, False),
        ({"lookback": "2d"}, True),
        ({"lookback": "15m"}, False),
        ({"lookback": "custom"}, False),
        ({"lookback": "9" * 40}, True),
        ({"start": "yesterday"}, False),
        ({}, False),
    ],
)
def test_a_long_range_is_known_by_all_of_its_names(args: dict[str, str], expected: bool) -> None:
    """Ours, microseconds of Jaeger's searches, milliseconds of its dependencies."""
    assert is_long(args) is expected
