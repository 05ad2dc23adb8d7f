"""One lab for all accidents: a healthy shop under gentle load, on free ports, in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from benchmarks import labs
from benchmarks.recovery import is_working
from tests.helpers import eventually


@pytest.fixture(scope="session", name="lab")
def _lab() -> Iterator[labs.Lab]:
    with labs.running("--incident", "none", "--users", "2") as lab:
        yield lab


@pytest.fixture(autouse=True)
def whole(lab: labs.Lab) -> Iterator[None]:
    """Every accident begins with a lab that is whole, and leaves one."""
    eventually(lambda: is_working(lab), "the lab is whole before the accident", within_s=30)
    yield
    eventually(lambda: is_working(lab), "the lab is whole after the accident", within_s=30)
