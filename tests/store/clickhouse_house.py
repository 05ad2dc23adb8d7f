"""A ClickHouse store for the contract's tests: the real engine inside this process, by chDB."""

from __future__ import annotations

import itertools
import os
import tempfile
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

import pytest

from store.api import Batch

_NUMBERS = itertools.count(1)


def require_engine() -> None:
    """Skip where the engine is not installed; in CI it must be."""
    if find_spec("chdb") is None or find_spec("clickhouse_connect") is None:
        if os.environ.get("CI"):
            pytest.fail("chdb-core and clickhouse-connect are missing: .ci/run installs them.")
        pytest.skip("chdb-core is not installed: pip install --no-deps -r requirements/chdb.txt")


@lru_cache(maxsize=1)
def folder() -> str:
    """One engine for a test process: it takes a second to start, and only one path may be open."""
    return tempfile.mkdtemp(prefix="lab-chdb-")


def new_url() -> str:
    """The address of a database of its own."""
    return f"chdb://{folder()}/t{next(_NUMBERS)}"


class Built:
    """Half of an engine that is being built: a test that needs more of it is skipped, and says what."""

    def __init__(self, half: Any) -> None:
        self._half = half

    def __getattr__(self, name: str) -> Any:
        if not hasattr(self._half, name):
            pytest.skip(f"{name} is not built over ClickHouse")
        return getattr(self._half, name)

    def write(self, batch: Batch) -> None:
        """Write a batch that the engine can keep."""
        if batch.metrics:
            pytest.skip("metrics are not built over ClickHouse")
        self._half.write(batch)
