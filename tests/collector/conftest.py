"""One collector in this process, over a store of lists."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from collector.server import Collector, start
from collector.settings import Settings
from tests.collector.build import ListWriter

MAX_REQUEST_BYTES = 256 * 1024


@dataclass
class Running:
    collector: Collector
    writer: ListWriter

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.collector.http_port}"

    @property
    def grpc_address(self) -> str:
        return f"127.0.0.1:{self.collector.grpc_port}"


@pytest.fixture(scope="module")
def _running() -> Iterator[Running]:
    writer = ListWriter()
    settings = Settings(otlp_grpc_port=0, otlp_http_port=0, max_request_bytes=MAX_REQUEST_BYTES)
    collector = start(settings, writer)
    yield Running(collector, writer)
    collector.stop()


@pytest.fixture
def running(_running: Running) -> Running:
    """The module's collector with an empty, willing store."""
    _running.writer.batches.clear()
    _running.writer.refusal = _running.writer.behind = None
    return _running
