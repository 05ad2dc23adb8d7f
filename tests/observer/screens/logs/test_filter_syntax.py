"""Conditions typed as `field = value`, exclusion, and unknown arguments."""

from __future__ import annotations

import pytest

from observer.request.errors import Malformed
from observer.screens.logs import filter_syntax


@pytest.mark.parametrize(
    ("text", "added"),
    [
        ("token = test-1", ("attr", "token:test-1")),
        ("token=a=b", ("attr", "token:a=b")),
        ('k:col = " x "', ("attr", "k%3Acol: x ")),
        ("token != a", ("exclude", "token:a")),
        ("token ≠ a", ("exclude", "token:a")),
        ("service.name = pay", ("service", "pay")),
        ("service.name != pay", ("exclude", "service.name:pay")),
        ("severity = ERROR", ("severity", "ERROR")),
        ("severity = high", ("attr", "severity:high")),
        ("severity != info", ("severity", "trace,debug,warn,error,fatal")),
        ("message = it failed", ("q", "it failed")),
        (f"trace_id = {'a' * 32}", ("trace_id", "a" * 32)),
    ],
)
def test_a_typed_condition_becomes_an_argument(text: str, added: tuple[str, str]) -> None:
    assert filter_syntax.add_condition(
        [("since", "1h"), ("add", text), ("log", "7"), ("cursor", "c")], text
    ) == [
        ("since", "1h"),
        added,
    ]


@pytest.mark.parametrize("text", ["token", "= x", "token =", "trace_id = xyz", "trace_id != " + "a" * 32])
def test_a_malformed_condition_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(Malformed) as refused:
        filter_syntax.add_condition([], text)
    assert refused.value.remedy


def test_the_last_severity_cannot_be_left_out() -> None:
    with pytest.raises(Malformed, match="no severity is left"):
        filter_syntax.add_condition([("severity", "error")], "severity != error")


def test_a_condition_replaces_its_opposite() -> None:
    pairs = filter_syntax.add_condition([("exclude", "a:1"), ("exclude", "a:2"), ("attr", "a:3")], "a = 1")
    assert pairs == [("exclude", "a:2"), ("attr", "a:1")]
    assert filter_syntax.add_condition(pairs, "a != 1") == [("exclude", "a:2"), ("exclude", "a:1")]
    assert filter_syntax.add_condition([("severity", "error,warn")], "severity != warn") == [
        ("severity", "error")
    ]


def test_unknown_arguments_are_named_with_a_suggestion() -> None:
    """`session=x` used to show every log, as if it were a filter."""
    assert filter_syntax.unknown_arguments(["since", "attr", "session", "zzz"]) == (
        filter_syntax.UnknownArgument("session", "session_id"),
        filter_syntax.UnknownArgument("zzz", ""),
    )
