"""What first views would wait for is done once the screens have started."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from observer.app import create_app, warm_up
from observer.lookup import running_lab
from store.api import Reader, StoreUnavailable
from tests.observer.screens import Screens


@pytest.fixture(autouse=True)
def _unfrozen() -> Iterator[None]:
    """The process of the tests keeps looking for garbage."""
    yield
    gc.unfreeze()


def test_the_desk_finds_the_class_read(screens: Screens) -> None:
    """A first look at the desk asks for the newest minutes only."""
    clock = screens.app.extensions["observer"].clock
    app = create_app(screens.reader, clock=clock)
    warm_up(app)
    telemetry = app.extensions["class-now"].telemetry
    assert telemetry._read_until == clock()
    assert running_lab.usable_incidents()[0]


def test_a_store_that_cannot_be_read_yet_is_no_failure() -> None:
    """Templates and incidents are ready all the same."""

    class Gone:
        def find_sessions(self, query: object) -> object:
            raise StoreUnavailable("gone", "gone")

    reader: Reader = Gone()  # type: ignore[assignment]  # the class is asked for sessions first
    warm_up(create_app(reader))
