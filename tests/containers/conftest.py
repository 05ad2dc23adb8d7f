"""Builds the image and starts every container, once for all tests; only where that was asked for."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers.engine import Containers, why_not
from tests.helpers import free_port, required_in_ci

MARK = "containers"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip these tests unless `-m containers` asks for them: a build takes minutes."""
    _keep_order(items)
    if MARK in (config.option.markexpr or ""):
        return
    unasked = pytest.mark.skip(reason="builds an image and starts fifteen containers; ask with -m containers")
    for item in items:
        if item.get_closest_marker(MARK):
            item.add_marker(unasked)


@pytest.fixture(name="containers", scope="session")
def _containers() -> Iterator[Containers]:
    """All containers, healthy, on free ports and under a name of their own; gone afterwards."""
    reason = why_not()
    if reason:
        required_in_ci(reason)
    ports = {name: free_port() for name in ("SHOP", "OBSERVER", "OTLP_HTTP", "OTLP_GRPC", "LOCUST")}
    containers = Containers(f"hipster-lab-test-{secrets.token_hex(4)}", ports)
    try:
        containers.start()
        yield containers
    finally:
        containers.remove()


def _keep_order(items: list[pytest.Item]) -> None:
    # The tests share one running lab, and the last one stops what the first ones look at.
    file = Path(__file__).with_name("test_running.py")
    places = [place for place, item in enumerate(items) if item.path == file]
    ordered = sorted((items[place] for place in places), key=lambda item: item.reportinfo()[1] or 0)
    for place, item in zip(places, ordered, strict=True):
        items[place] = item
