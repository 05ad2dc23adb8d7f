"""Class mode: who gets a link, and that its signature is the one that the shop expects."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.errors import UsageError
from lab.state import seats
from runtime import seats as rule


def test_the_secret_outlives_a_restart_and_is_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links that were handed out in the morning hold in the afternoon."""
    monkeypatch.delenv("SEAT_SECRET", raising=False)
    assert seats.secret(tmp_path) == ""
    made = seats.make_secret(tmp_path)

    assert seats.make_secret(tmp_path) == made == seats.secret(tmp_path)
    assert (tmp_path / seats.SECRET_FILE).stat().st_mode & 0o077 == 0


def test_a_given_secret_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instructor who runs two labs can sign for both."""
    monkeypatch.setenv("SEAT_SECRET", "shared")

    assert seats.make_secret(tmp_path) == "shared"


@pytest.mark.parametrize("name", ["anna", "seat-01", "Anna Maria", "a.b_c-d", "Zoë", "Łukasz K"])
def test_links_are_signed_as_the_shop_verifies(name: str) -> None:
    """The signature in the link is valid in the shop."""
    [(_, link)] = seats.links("http://shop.test", [name], "secret")
    signature = link.rpartition("sig=")[2]

    assert rule.verify("secret", name, signature)


@pytest.mark.parametrize("name", ["", "a" * 41, "<b>", "a/b", "a\nb", "Zoë 💺", "x&y"])
def test_a_name_that_the_shop_would_refuse_is_refused(name: str) -> None:
    """Its link would seat no student."""
    with pytest.raises(UsageError):
        seats.check_name(name)


def test_addresses_for_others_name_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab on every network is shown with an address that a student can open."""
    monkeypatch.setattr(seats, "_own_address", lambda: "10.0.0.7")

    assert seats.outside_address("http://127.0.0.1:8080", "0.0.0.0") == "http://10.0.0.7:8080"
    assert seats.outside_address("http://127.0.0.1:8080", "127.0.0.1") == "http://127.0.0.1:8080"
    assert seats.outside_address("127.0.0.1:4317", "0.0.0.0") == "http://10.0.0.7:4317"
