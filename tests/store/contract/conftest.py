"""Every engine passes the same suite: a store of each for every test."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

import store
from store.sqlite import log_parts
from store.sqlite.write import log_tables, span_tables
from tests.store.clickhouse_house import new_url, require_engine, skip_what_it_cannot
from tests.store.house import Bound, House


@pytest.fixture(params=["sqlite", "former", "chdb", "http"])
def house(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A new, empty store of each engine.

    `former` holds every other part of a trace in the rows of before; of logs, every three are packed, so that
    there are parts and rows of them.
    """
    if request.param == "former":
        turns = cycle([False, True])
        monkeypatch.setattr(span_tables, "can_hold", lambda spans: next(turns))
        monkeypatch.setattr(log_tables, "ROUND", 3)
        monkeypatch.setattr(log_parts, "MOST_LOGS", 2)
    elif request.param != "sqlite":
        require_engine()
        skip_what_it_cannot(request.node.name, request.param)
        yield from _clickhouse(new_url(over_http=request.param == "http"))
        return
    path = tmp_path / "store.db"
    writer = store.open_writer(path)
    reader = store.open_reader(path)
    yield House(writer, reader)
    writer.close()
    reader.close()


def _clickhouse(url: str) -> Iterator[House]:
    from store.clickhouse import affected, changes
    from store.clickhouse.address import read_address
    from store.clickhouse.connection import Connections
    from store.clickhouse.reader import ClickHouseReader
    from store.clickhouse.writer import ClickHouseWriter
    from store.sender_clocks import SenderClocks

    bounds: dict[Bound, tuple[object, str]] = {
        "affected traces": (affected, "MAX_TRACES"),
        "affected looked at": (affected, "MAX_LOOKED"),
        "affected by traces": (affected, "MAX_AFFECTED"),
        "refused": (affected, "MAX_REFUSED"),
        "errors seen": (changes, "MAX_ERRORS"),
        # It keeps none.
        "processes kept": (changes, "MAX_ERRORS"),
    }
    address = read_address(url)
    clocks = SenderClocks(lambda _: True)
    writer = ClickHouseWriter(Connections(address), linger_s=0, place=clocks.place)
    reader = ClickHouseReader(Connections(address))
    yield House(writer, reader, bounds=bounds)
    writer.close()
    reader.close()
