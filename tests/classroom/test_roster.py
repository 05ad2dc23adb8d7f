"""Names of people into seats."""

from __future__ import annotations

import random
import sys

import pytest

from classroom import MOST_SEATS, RosterError, names_in, normalized_code, numbered_names
from classroom.roster import slugs_of
from runtime import seats


def test_a_roster_file_holds_a_name_a_line() -> None:
    text = "\ufeff# class of today\r\n Søren  Kierkegaard \r\n\r\nO'Brien\n"
    assert names_in(text) == ("Søren Kierkegaard", "O'Brien")


@pytest.mark.parametrize("text", ["", "# nobody\n", "a\x07b\n", "x" * 81, "name\n" * (MOST_SEATS + 1)])
def test_a_roster_that_cannot_be_used_says_why(text: str) -> None:
    with pytest.raises(RosterError) as caught:
        names_in(text)
    assert caught.value.remedy


@pytest.mark.parametrize("count", [0, -1, MOST_SEATS + 1])
def test_a_class_has_at_least_one_seat_and_a_bound(count: int) -> None:
    with pytest.raises(RosterError, match=str(count)):
        numbered_names(count)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Seat 01", "seat-01"),
        ("O'Brien-Smith Jr.", "o-brien-smith-jr"),
        ("<script>alert(1)</script>", "script-alert-1-script"),
        ("محمد علي", "محمد-علي"),
        ("\uff26\uff55\uff4c\uff4c", "full"),
        ("🙂", "seat-1"),
        ("x" * 80, "x" * 36),
    ],
)
def test_a_slug_is_a_seat_name(name: str, slug: str) -> None:
    assert slugs_of([name]) == (slug,)
    assert seats.name_of(slug) == slug


def test_any_names_give_different_slugs_that_are_seat_names() -> None:
    chance = random.Random(7)
    names = [
        "".join(chr(chance.randrange(32, sys.maxunicode)) for _ in range(chance.randrange(1, 30)))
        .encode("utf-8", "ignore")
        .decode()
        for _ in range(300)
    ]
    slugs = slugs_of(names)
    assert len({slug.casefold() for slug in slugs}) == 300
    assert all(seats.name_or_empty(slug) == slug for slug in slugs)


def test_a_code_is_read_as_people_type_it() -> None:
    assert normalized_code(" ab-2 c") == "AB2C"
