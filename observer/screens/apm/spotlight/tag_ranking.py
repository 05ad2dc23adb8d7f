"""Which tag of a service separates its errors best. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from store.api import Breakdown

FIRST_TAGS = ("version", "service.version", "tenant.level", "http.route")
"""Tags that are usually worth a look first."""


def usual_first(known: Sequence[str]) -> list[str]:
    """These tags, with FIRST_TAGS before the others."""
    return [*(tag for tag in FIRST_TAGS if tag in known), *(tag for tag in known if tag not in FIRST_TAGS)]


def has_values(breakdown: Breakdown) -> bool:
    """Whether any request carries the tag at all."""
    return any(value.value for value in breakdown.values)


def is_outcome(tag: str) -> bool:
    """Whether a tag is a status code: it separates errors from successes, but explains nothing."""
    return tag.endswith("status_code") or tag.startswith("error")


def separation(breakdown: Breakdown) -> float:
    """How many errors an even spread over the values would have to move, as a share of all requests."""
    requests = sum(value.measure.requests for value in breakdown.values) or 1
    errors = sum(value.measure.errors for value in breakdown.values)
    moved = sum(abs(v.measure.errors - errors * v.measure.requests / requests) for v in breakdown.values)
    return round(moved / requests, 6)


def rank(breakdown: Breakdown) -> tuple[bool, float]:
    """Sort key: tags whose values separate errors best come first, status codes last."""
    return is_outcome(breakdown.tag), -separation(breakdown)


def most_separating(breakdowns: Iterable[Breakdown]) -> Breakdown | None:
    """The breakdown that separates errors best; where none does, one with several values.

    None where no request carries any of the tags.
    """

    def order(each: Breakdown) -> tuple[bool, float, bool, int]:
        usual = FIRST_TAGS.index(each.tag) if each.tag in FIRST_TAGS else len(FIRST_TAGS)
        return (*rank(each), len(each.values) < 2, usual)

    return min((each for each in breakdowns if has_values(each)), key=order, default=None)
