"""Which seats are students."""

from __future__ import annotations

import pytest

from observer.lookup.students import is_student


@pytest.mark.parametrize(
    ("slug", "roster", "expected"),
    [
        ("anna", None, True),
        ("anna", {"anna"}, True),
        ("anna", {"bert"}, False),
        ("anna", (), False),
        ("", None, False),
        ("lab-probe", None, False),
        ("verify-0a1b2c3d", None, False),
        ("lab-probe", {"lab-probe"}, False),
        ("verify", None, True),
    ],
)
def test_the_labs_own_seats_and_strangers_are_none(
    slug: str, roster: set[str] | None, expected: bool
) -> None:
    """On the roster where there is one, in open mode every name, never one of the lab's proofs."""
    assert is_student(slug, roster) is expected
