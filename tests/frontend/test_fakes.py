"""The fakes of this folder leave nothing behind."""

from __future__ import annotations

from pathlib import Path

from services.common.seat import Shopper
from tests.frontend.fakes import close_fake_shops, fake_shop


def test_a_closed_shop_watches_its_flags_no_longer(tmp_path: Path) -> None:
    """Each watcher is a thread: hundreds of tests would leave hundreds."""
    flags = fake_shop(tmp_path, {"cart_price_typo": True}).app.extensions["shop"].flags
    assert flags.cart_price_typo(Shopper())
    close_fake_shops()

    assert not flags.cart_price_typo(Shopper()), "a closed one is off"
