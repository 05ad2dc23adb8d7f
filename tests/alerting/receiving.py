"""A reader over a test's store as if telemetry arrived by the test's clock."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from store.api import Reader, StoreStatus
from tests.alerting.telemetry import Telemetry


class Receiving:
    """A reader whose store received something at a time of the tests, which lies ahead of the clock."""

    def __init__(self, reader: Reader, at_unix_nano: int) -> None:
        self._reader = reader
        self._at_unix_nano = at_unix_nano

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reader, name)

    def status(self) -> StoreStatus:
        return replace(self._reader.status(), last_received_unix_nano=self._at_unix_nano)


def receiving(shop: Telemetry, at_unix_nano: int) -> Reader:
    found: Any = Receiving(shop.reader, at_unix_nano)
    return cast(Reader, found)
