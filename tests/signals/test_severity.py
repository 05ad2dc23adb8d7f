"""How severe a log is: the number rules, and the sender's word where there is none."""

from __future__ import annotations

import pytest

from signals.model import Severity
from signals.severity import says_otherwise, severity_number_of


@pytest.mark.parametrize(
    ("number", "text", "found"),
    [
        (17, "INFO", 17),
        (0, "", 0),
        (0, "no such word", 0),
        (0, "TRACE", 1),
        (0, "Debug", 5),
        (0, "debug3", 7),
        (0, "INFO4", 12),
        (0, "info5", 0),
        (0, "Notice", 10),
        (0, "WARNING", 13),
        (0, " [warn] ", 13),
        (0, "SEVERE", 17),
        (0, "Error:", 17),
        (0, "CRITICAL", 21),
        (0, "Fatal2", 22),
        (25, "error", 17),
        (-1, "x" * 1_000_000, 0),
    ],
)
def test_a_text_counts_where_there_is_no_number(number: int, text: str, found: int) -> None:
    """A sender of text alone had all its errors shown as info."""
    assert severity_number_of(number, text) == found


def test_a_text_is_told_where_it_says_something_else() -> None:
    assert not says_otherwise("WARNING", Severity.WARN)
    assert not says_otherwise("", Severity.INFO)
    assert says_otherwise("ERROR", Severity.INFO)
    assert says_otherwise("NOTICE", Severity.INFO)
    assert says_otherwise("audit", Severity.INFO)
