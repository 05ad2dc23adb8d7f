"""Builds the image and starts every container, once for all tests; only where that was asked for."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from tests.containers.engine import Containers, why_not
from tests.helpers import free_port, required_in_ci

MARK = "containers"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A build of minutes is nobody's idea of `lab test`: `-m containers` asks for it."""
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
