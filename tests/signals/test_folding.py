"""Texts that a reader takes for the same."""

# ruff: noqa: RUF001 - letters that look alike are what is tested

from __future__ import annotations

import pytest

from signals.folding import fold, is_simple


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Zoë", "ZOE\u0308"),
        ("Straße", "STRASSE"),
        ("straẞe", "strasse"),
        ("İstanbul", "istanbul"),
        ("ISTANBUL", "ıstanbul"),
        ("I\u0307zmir", "izmir"),
        ("ＡＢＣ１２", "abc12"),
        ("ΟΔΟΣ", "οδος"),
        ("ﬁnd", "FIND"),
        ("pay\u200bment", "payment"),
        ("\u202eevil", "evil"),
        ("한글", "\u1112\u1161\u11ab\u1100\u1173\u11af"),
        ("before\0behind", "before behind"),
        ("\U0001f680 Launch", "\U0001f680 LAUNCH"),
    ],
)
def test_case_form_and_what_is_unseen_make_no_difference(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("Zoë", "Zoe"), ("a", "b"), ("o", "ö"), ("1", "l")])
def test_other_letters_stay_others(one: str, other: str) -> None:
    assert fold(one) != fold(other)


def test_folding_twice_changes_nothing() -> None:
    for text in ("Zoë ẞ İ ﬁ ＡＢ ΟΔΟΣ", "plain", "\ud800 lone", ""):
        assert fold(fold(text)) == fold(text)


def test_plain_ascii_is_simple_and_a_nul_is_not() -> None:
    assert is_simple("POST /cart")
    assert not is_simple("a\0b")
    assert not is_simple("é")
