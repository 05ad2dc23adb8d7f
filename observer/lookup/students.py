"""Which seats belong to students."""

from __future__ import annotations

from collections.abc import Collection

from runtime.seats import is_of_the_lab


def is_student(slug: str, roster: Collection[str] | None) -> bool:
    """Whether a seat is a student's: on the roster, where there is one, and none of the lab's own proofs."""
    if not slug or is_of_the_lab(slug):
        return False
    return roster is None or slug in roster
