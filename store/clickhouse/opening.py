"""Opens the halves of a ClickHouse store by its address."""

from __future__ import annotations

from store.api import Reader, StoreMismatch, Writer
from store.clickhouse.address import read_address
from store.clickhouse.connection import TIME_LIMIT_S, Connections
from store.clickhouse.lease import Lease
from store.clickhouse.own_tables import PROGRESS
from store.clickhouse.preparing import is_complete
from store.clickhouse.reader import ClickHouseReader
from store.clickhouse.settler import Settler
from store.clickhouse.tables import find_table
from store.clickhouse.writer import ClickHouseWriter
from store.sender_clocks import SenderClocks


def open_clickhouse_writer(url: str, max_age_s: float = 0) -> Writer:
    """A writer; creates the tables that are missing. Raises StoreMismatch and StoreUnavailable."""
    connections = Connections(read_address(url))
    # Which senders were heard of before this start is not looked up: each is new.
    clocks = SenderClocks(lambda _: True)
    return ClickHouseWriter(connections, max_age_s=max_age_s, place=clocks.place)


def open_clickhouse_reader(url: str, time_limit_s: float | None = None) -> Reader:
    """A reader; nothing is asked yet. Raises StoreMismatch for a malformed address."""
    limit = TIME_LIMIT_S if time_limit_s is None else time_limit_s
    return ClickHouseReader(Connections(read_address(url), limit))


def open_settler(url: str) -> Settler:
    """A settler, which does nothing yet. Raises StoreMismatch where the store is not prepared."""
    connections = Connections(read_address(url))
    if find_table(connections, PROGRESS) is None or not is_complete(connections):
        raise StoreMismatch(f"{connections.address.shown} is not prepared: run `lab store prepare` first.")
    return Settler(connections, Lease(connections))
