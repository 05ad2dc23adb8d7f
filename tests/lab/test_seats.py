"""Class mode: the secret is kept for its owner, and every link is one that the shop accepts."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.commands import seats
from lab.errors import UsageError
from lab.plan import host_addresses
from lab.state import run_folder, seat_secret
from runtime import seats as rule


def test_the_secret_outlives_a_restart_and_is_for_its_owner_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Links that were given in the morning are valid in the afternoon."""
    monkeypatch.delenv("SEAT_SECRET", raising=False)
    assert seat_secret.read(tmp_path) == ""
    made = seat_secret.read_or_make(tmp_path)

    assert seat_secret.read_or_make(tmp_path) == made == seat_secret.read(tmp_path)
    assert (tmp_path / run_folder.SEAT_SECRET).stat().st_mode & 0o077 == 0


def test_a_given_secret_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An instructor who runs two labs can sign for both."""
    monkeypatch.setenv("SEAT_SECRET", "shared")

    assert seat_secret.read_or_make(tmp_path) == "shared"


@pytest.mark.parametrize("name", ["anna", "seat-01", "Anna Maria", "a.b_c-d", "Zoë", "Łukasz K"])
def test_links_are_signed_as_the_shop_verifies(name: str) -> None:
    """The signature in the link is valid in the shop."""
    [(_, link)] = seats.links("http://shop.test", [name], "secret")
    signature = link.rpartition("sig=")[2]

    assert rule.verify("secret", name, signature)


@pytest.mark.parametrize("name", ["", "a" * 41, "<b>", "a/b", "a\nb", "Zoë 💺", "x&y"])
def test_a_name_that_the_shop_would_refuse_is_refused(name: str) -> None:
    """Its link would give no seat."""
    with pytest.raises(UsageError):
        seats.links("http://shop.test", ["anna", name], "secret")


def test_addresses_for_others_name_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab on every network is shown with an address that a student can open."""
    monkeypatch.setattr(host_addresses, "own_address", lambda: "10.0.0.7")

    assert host_addresses.outside_address("http://127.0.0.1:8080", "0.0.0.0") == "http://10.0.0.7:8080"
    assert host_addresses.outside_address("http://127.0.0.1:8080", "127.0.0.1") == "http://127.0.0.1:8080"
    assert host_addresses.outside_address("127.0.0.1:4317", "0.0.0.0") == "http://10.0.0.7:4317"
