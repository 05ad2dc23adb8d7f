"""What every test process needs before anything is imported, and what no test leaves behind."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest

# Instrumentation libraries read this once per process, at their first use; services set it before.
os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http,database")


@pytest.fixture(autouse=True)
def _root_logging() -> Iterator[None]:
    """Takes the root logger's handlers away that a test added.

    A service's handler writes to the output that pytest captured for its test, which is closed by the next.
    """
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    root.handlers[:] = [handler for handler in root.handlers if handler in before]
