"""What telemetry has of the seats of a class: orders, failed ones, the last sign of life; read in steps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import store
from observer.lookup.class_telemetry import ClassTelemetry, SeatTelemetry
from signals.model import TraceId
from store.api import Reader, Writer
from tests.fixtures import seed
from tests.fixtures.world import S, World
from tests.helpers import eventually

ROUTE = "/cart/checkout"
NOW = 1_790_000_000 * S


class Shop:
    """A store that orders are written to while it is read."""

    def __init__(self, writer: Writer, reader: Reader) -> None:
        self.reader = reader
        self._writer = writer
        self._orders = 0

    def order(self, seat: str, at_ns: int, *, fails: bool = True) -> str:
        """One order of a seat, with its session; returns the trace's id."""
        self._orders += 1
        trace = f"{self._orders:032x}"
        world = World(at_ns, first=self._orders * 1000)
        seed.checkout(world, f"5e55{self._orders:028x}", seat, trace, at_ns, fails=fails)
        world.send(self._writer)
        eventually(lambda: self.reader.trace_summaries([TraceId(trace)]), "the order")
        return trace


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    writer = store.open_writer(tmp_path / "store.sqlite3")
    reader = store.open_reader(tmp_path / "store.sqlite3")
    yield Shop(writer, reader)
    reader.close()
    writer.close()


def outcomes(found: SeatTelemetry) -> list[bool]:
    """Whether each order failed."""
    return [order.failed for order in found.orders]


def test_orders_are_counted_by_seat_with_those_that_failed(shop: Shop) -> None:
    shop.order("ana", NOW - 300 * S)
    shop.order("ana", NOW - 100 * S, fails=False)
    shop.order("ben", NOW - 200 * S)
    shop.order("", NOW - 50 * S)
    found = ClassTelemetry(ROUTE).of_seats(shop.reader, NOW)

    assert {seat: outcomes(of) for seat, of in found.items()} == {"ana": [True, False], "ben": [True]}
    assert len(found["ana"].orders_since(NOW - 150 * S)) == 1
    assert NOW - 101 * S < found["ana"].last_seen_unix_nano <= NOW - 99 * S


def test_what_came_since_is_added_and_nothing_is_counted_twice(shop: Shop) -> None:
    """The second reading asks for the newest minutes alone, and those overlap."""
    kept = ClassTelemetry(ROUTE)
    shop.order("ana", NOW - 3000 * S)
    shop.order("ana", NOW - 10 * S)
    assert outcomes(kept.of_seats(shop.reader, NOW)["ana"]) == [True, True]

    shop.order("ana", NOW + 2 * S, fails=False)
    assert outcomes(kept.of_seats(shop.reader, NOW + 5 * S)["ana"]) == [True, True, False]


def test_looks_at_the_same_moment_share_a_reading(shop: Shop) -> None:
    kept = ClassTelemetry(ROUTE)
    kept.of_seats(shop.reader, NOW)
    shop.order("ana", NOW)

    assert kept.of_seats(shop.reader, NOW + S // 10) == {}
    assert set(kept.of_seats(shop.reader, NOW + S)) == {"ana"}


def test_what_is_no_seat_name_is_no_seat(shop: Shop) -> None:
    """Seats are sent by browsers, which may send anything."""
    for seat in ("<script>", "=1+1", " ana", "x" * 41):
        shop.order(seat, NOW - 10 * S)

    assert ClassTelemetry(ROUTE).of_seats(shop.reader, NOW) == {}


def test_another_shop_has_another_route_for_orders(shop: Shop) -> None:
    shop.order("ana", NOW - 10 * S)

    assert ClassTelemetry("/buy").of_seats(shop.reader, NOW)["ana"].orders == ()
