"""A ClickHouse store for the contract's tests: the real engine inside this process, by chDB."""

from __future__ import annotations

import atexit
import itertools
import os
import tempfile
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec

import pytest

from tests.store.chdb_over_http import ChdbOverHttp

_NUMBERS = itertools.count(1)
CANNOT = {
    "test_a_session_that_was_only_late_is_moved_back": "a browser's clock is not corrected by its traces",
    "test_a_slow_browser_is_moved_as_a_whole": "a browser's clock is not corrected by its traces",
    "test_a_slow_browser_is_moved_to_the_trace": "a browser's clock is not corrected by its traces",
    "test_a_rare_operation_is_counted_beyond_the_traces_of_others": "it reads traces with the operation only",
    "test_one_late_batch_of_a_sender_that_nobody_knows": "senders of before a start are not looked up",
    "test_a_clock_of_one_service_stretches_no_trace[-632448000000000000]": "a span ten minutes away",
    "test_an_old_stray_is_not_the_oldest": "senders of before a start are not looked up",
}
"""Beginnings of the names of tests that ask for what the engine cannot do yet, and what that is."""


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


def skip_what_it_cannot(name: str, way: str) -> None:
    """Skip a test of this name if it asks for what the engine cannot do, whatever the way to it."""
    name = name.replace(f"[{way}]", "").replace(f"[{way}-", "[")
    for beginning, reason in CANNOT.items():
        if name.startswith(beginning):
            pytest.skip(f"ClickHouse cannot: {reason}")


@lru_cache(maxsize=1)
def server() -> ChdbOverHttp:
    """The same engine behind HTTP, for this process."""
    # First: what is registered later runs earlier, and the engine ends itself.
    import_module("chdb")
    found = ChdbOverHttp(folder())
    found.start()
    atexit.register(found.close)
    return found


def new_url(*, over_http: bool = False) -> str:
    """The address of a database of its own."""
    database = f"t{next(_NUMBERS)}"
    if over_http:
        return f"clickhouse://127.0.0.1:{server().port}/{database}"
    return f"chdb://{folder()}/{database}"
