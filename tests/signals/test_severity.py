"""Severity of a log: the number rules, and the sender's word where there is none."""

from __future__ import annotations

import pytest

from signals.model import Severity
from signals.severity import differs_from_severity, severity_number_of


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


def test_a_text_is_shown_where_it_differs_from_the_severity() -> None:
    assert not differs_from_severity("WARNING", Severity.WARN)
    assert not differs_from_severity("", Severity.INFO)
    assert differs_from_severity("ERROR", Severity.INFO)
    assert differs_from_severity("NOTICE", Severity.INFO)
    assert differs_from_severity("audit", Severity.INFO)
