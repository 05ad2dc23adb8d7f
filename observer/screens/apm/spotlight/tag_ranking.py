"""Which tag tells the errors of a service apart best. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from store.api import Breakdown

FIRST_TAGS = ("version", "service.version", "tenant.level", "http.route")
"""Tags that one looks at first."""


def usual_first(known: Sequence[str]) -> list[str]:
    """These tags, those that one looks at first before the others."""
    return [*(tag for tag in FIRST_TAGS if tag in known), *(tag for tag in known if tag not in FIRST_TAGS)]


def says_something(card: Breakdown) -> bool:
    """Whether any request carries the tag at all."""
    return any(value.value for value in card.values)


def is_outcome(tag: str) -> bool:
    """Whether a tag is the code of an outcome: it tells errors apart, but nothing else than that."""
    return tag.endswith("status_code") or tag.startswith("error")


def separation(card: Breakdown) -> float:
    """How many errors stand elsewhere than an even spread would put them, as a share of all requests."""
    requests = sum(value.measure.requests for value in card.values) or 1
    errors = sum(value.measure.errors for value in card.values)
    moved = sum(abs(v.measure.errors - errors * v.measure.requests / requests) for v in card.values)
    return round(moved / requests, 6)


def rank(card: Breakdown) -> tuple[bool, float]:
    """Sorts cards: those whose values tell errors apart best; codes of outcomes last."""
    return is_outcome(card.tag), -separation(card)


def most_telling(cards: Iterable[Breakdown]) -> Breakdown | None:
    """The card to show of all these; where none tells errors apart, rather one of several values."""

    def order(card: Breakdown) -> tuple[bool, float, bool, int]:
        usual = FIRST_TAGS.index(card.tag) if card.tag in FIRST_TAGS else len(FIRST_TAGS)
        return (*rank(card), len(card.values) < 2, usual)

    return min((card for card in cards if says_something(card)), key=order, default=None)
