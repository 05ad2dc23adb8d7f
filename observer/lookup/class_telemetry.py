"""What telemetry has of the seats of a class: when each was last seen, and its orders.

Read in steps: after the first time only the newest minutes are asked for, so that a desk that looks every
second costs little however long the class and however much the load. Knows no roster.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runtime import seats
from signals.attributes import SEAT
from store.api import Reader, SessionQuery, TraceQuery, TraceSummary, Window

_S = 1_000_000_000
_FIRST_LOOK_BACK_NS = 12 * 3600 * _S
"""A day of classes in one lab."""
_OVERLAP_NS = 120 * _S
"""What arrives or is aggregated later than this is missed."""
_FAST_CLOCKS_NS = 300 * _S
_AGAIN_AFTER_NS = _S // 2
_PAGE = 1_000
_MOST_PAGES = 20
_MOST_SEATS = 1_000
"""Seats are sent by browsers: of more than these, those seen last are kept."""
_STATUS = ("http.response.status_code", "http.status_code")
_ROUTE = "http.route"
_SYNTHETIC = "user_agent.synthetic.type"


@dataclass(frozen=True, slots=True)
class Order:
    """A request that places an order."""

    at_unix_nano: int
    failed: bool
    """Its status is 400 or above; where it has none, an error began under it."""


@dataclass(frozen=True, slots=True)
class SeatTelemetry:
    """What one seat left: its last sign of life, and its orders by time."""

    last_seen_unix_nano: int
    orders: tuple[Order, ...] = ()

    def orders_since(self, unix_nano: int) -> Sequence[Order]:
        """The orders from this time on."""
        return [order for order in self.orders if order.at_unix_nano >= unix_nano]


class ClassTelemetry:
    """Keeps what was read. Safe for several threads, which share one reading."""

    def __init__(self, order_route: str) -> None:
        """`order_route` is the route of the POST that places an order."""
        self._route = order_route
        self._lock = threading.Lock()
        self._read_until = 0
        self._seen: dict[str, int] = {}
        self._orders: dict[str, dict[str, Order]] = {}

    def of_seats(self, reader: Reader, now_unix_nano: int) -> Mapping[str, SeatTelemetry]:
        """Every seat that left something in the last hours. Raises StoreError."""
        with self._lock:
            if not 0 <= now_unix_nano - self._read_until < _AGAIN_AFTER_NS:
                self._read(reader, now_unix_nano)
            return {
                seat: SeatTelemetry(seen, tuple(sorted(self._orders.get(seat, {}).values(), key=_time)))
                for seat, seen in self._seen.items()
            }

    def _read(self, reader: Reader, now: int) -> None:
        back = now - self._read_until + _OVERLAP_NS if self._read_until else _FIRST_LOOK_BACK_NS
        window = Window(now - min(max(back, _OVERLAP_NS), _FIRST_LOOK_BACK_NS), now + _FAST_CLOCKS_NS)
        self._read_sessions(reader, window)
        self._read_orders(reader, window)
        self._read_until = now
        if len(self._seen) > _MOST_SEATS:
            kept = sorted(self._seen, key=self._seen.__getitem__, reverse=True)[:_MOST_SEATS]
            self._seen = {seat: self._seen[seat] for seat in kept}
            self._orders = {seat: self._orders[seat] for seat in kept if seat in self._orders}

    def _read_sessions(self, reader: Reader, window: Window) -> None:
        cursor = None
        for _ in range(_MOST_PAGES):
            page = reader.find_sessions(
                SessionQuery(window, excluded={_SYNTHETIC: "test"}, limit=_PAGE, cursor=cursor)
            )
            for summary in page.items:
                self._note(summary.attributes.get(SEAT, ""), summary.last_seen_unix_nano)
            cursor = page.next_cursor
            if cursor is None:
                return

    def _read_orders(self, reader: Reader, window: Window) -> None:
        cursor = None
        for _ in range(_MOST_PAGES):
            page = reader.find_traces(
                TraceQuery(window, attributes={_ROUTE: self._route}, limit=_PAGE, cursor=cursor)
            )
            for summary in page.items:
                seat = summary.tags.get(SEAT, "")
                if not self._is_order(summary.tags) or not self._note(seat, summary.start_unix_nano):
                    continue
                order = Order(summary.start_unix_nano, _failed(summary))
                self._orders.setdefault(seat, {})[summary.trace_id] = order
            cursor = page.next_cursor
            if cursor is None:
                return

    def _is_order(self, tags: Mapping[str, str]) -> bool:
        """Whether the entry of a trace, and no other of its spans, is a person's order."""
        method = tags.get("http.request.method") or tags.get("http.method", "")
        return tags.get(_ROUTE) == self._route and method == "POST" and not tags.get(_SYNTHETIC)

    def _note(self, seat: str, seen: int) -> bool:
        if not seat or seats.name_or_empty(seat) != seat:
            return False
        self._seen[seat] = max(seen, self._seen.get(seat, 0))
        return True


def _time(order: Order) -> int:
    return order.at_unix_nano


def _failed(summary: TraceSummary) -> bool:
    for name in _STATUS:
        status = summary.tags.get(name, "")
        if status.isascii() and status.isdigit():
            return int(status) >= 400
    return summary.origin_errors > 0
