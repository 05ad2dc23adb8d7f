"""The link by which verify takes a seat is one that the shop accepts."""

from __future__ import annotations

import pytest

from lab.verify import seats
from runtime import seats as rule


def test_a_signed_link_carries_the_signature_that_the_shop_expects() -> None:
    name = seats.new_seat()
    link = seats.entry("http://shop.test", name, "a secret")
    assert link == f"http://shop.test/?seat={name}&sig={rule.sign('a secret', name)}"


def test_the_secret_of_the_class_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEAT_SECRET", "a secret")
    assert seats.entry("http://shop.test", "anna") == seats.entry("http://shop.test", "anna", "a secret")
    assert seats.entry("http://shop.test", "anna", "") == "http://shop.test/?seat=anna"
