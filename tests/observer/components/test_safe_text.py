"""Hostile text: shown, named, cut, never obeyed."""

from __future__ import annotations

import pytest

from observer.components import safe_text


def test_markup_is_escaped() -> None:
    assert "<script>" not in safe_text.visible("<script>alert(1)</script>")
    assert "&lt;script&gt;" in safe_text.line("<script>")


def test_controls_and_direction_marks_are_named() -> None:
    shown = safe_text.visible("a\u202eb\x07c")
    assert "U+202E" in shown
    assert "RIGHT-TO-LEFT OVERRIDE" in shown
    assert "U+0007" in shown
    assert "\u202e" not in shown
    assert "\x07" not in shown


def test_plain_text_for_attributes_has_no_odd_character() -> None:
    assert safe_text.plain("a\u202eb\nc") == "a⟨U+202E⟩b c"
    assert safe_text.plain("x" * 300, 10) == "x" * 10 + "…"


def test_what_is_cut_says_by_how_much() -> None:
    assert "… 1,000 more characters not shown" in safe_text.visible("y" * 1100, 100)
    assert safe_text.visible("y" * 100, 100) == f"<bdi>{'y' * 100}</bdi>"


def test_a_line_stays_a_line() -> None:
    assert "\n" not in safe_text.line("one\ntwo\r\nthree")
    assert safe_text.line("one\ntwo") == "<bdi>one ⏎ two</bdi>"


def test_values_that_are_no_text_are_written_as_json() -> None:
    assert safe_text.plain([1, {"a": None}]) == '[1,{"a":null}]'
    assert safe_text.plain(True) == "true"
    assert safe_text.plain(b"\x01\xff") == "01ff"


def test_a_short_value_is_never_broken() -> None:
    """`v350.10` in two lines is another version; what is long may wrap."""
    assert safe_text.whole("v350.10") == '<span class="nowrap"><bdi>v350.10</bdi></span>'
    assert safe_text.whole("x" * 21) == f"<bdi>{'x' * 21}</bdi>"
    assert "&lt;b&gt;" in safe_text.whole("<b>")


def test_a_name_may_be_broken_after_its_dots_alone() -> None:
    assert (
        safe_text.dotted("deployment.environment_name") == "<bdi>deployment.<wbr>environment_<wbr>name</bdi>"
    )
    assert safe_text.dotted("<b>.x") == safe_text.line("<b>.x")
    assert safe_text.dotted("a." * 9, 5) == safe_text.line("a." * 9, 5)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("SELECT", ("", "SELECT")),
        ("/hipstershop.CheckoutService/PlaceOrder", ("/hipstershop.CheckoutService", "/PlaceOrder")),
        (
            "com.example.shop.orders.OrderRepository.findAll",
            ("com.example.shop.orders.OrderRepository", ".findAll"),
        ),
        ("a sentence without any stroke or dot in it", ("a sentence without any stroke or dot in it", "")),
        ("/short/" + "x" * 60, ("/short/" + "x" * 60, "")),
        (
            "/hipstershop.CheckoutService/\u202ePlaceOrder",
            ("/hipstershop.CheckoutService/\u202ePlaceOrder", ""),
        ),
    ],
)
def test_an_operation_keeps_the_end_that_tells_it_from_its_like(name: str, told: tuple[str, str]) -> None:
    """What stands before may be cut where room is short; nothing is lost between the two."""
    assert safe_text.ends(name) == told
    assert "".join(safe_text.ends(name)) == name
