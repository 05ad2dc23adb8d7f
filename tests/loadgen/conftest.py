"""A shop to walk in."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.loadgen.shop import ServedShop


@pytest.fixture
def served() -> Iterator[ServedShop]:
    shop = ServedShop()
    yield shop
    shop.close()
