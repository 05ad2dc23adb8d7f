"""A store and a desk of alerts for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.alerting.telemetry import Desk, Telemetry, telemetry


@pytest.fixture(name="shop")
def _shop(tmp_path: Path) -> Iterator[Telemetry]:
    with telemetry(tmp_path) as found:
        yield found


@pytest.fixture(name="desk")
def _desk(tmp_path: Path, shop: Telemetry) -> Iterator[Desk]:
    found = Desk(tmp_path, shop)
    yield found
    found.close()
