"""The faults of the lab, as OpenFeature flags read from a flagd file in this very process.

The file is watched: a change is seen within a second. Without a file, or with a
flag that is absent or broken, the fault is off. The file's targeting rules
decide by `traffic` (`people` or `synthetic`), `seat` and `tenant`; each value is
evaluated once per shopper and change of the file. Every backend answers for its
own flags through `FlagService`.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from cachetools import LRUCache
from openfeature import api
from openfeature.client import OpenFeatureClient
from openfeature.contrib.provider.flagd import FlagdProvider
from openfeature.contrib.provider.flagd.config import ResolverType
from openfeature.evaluation_context import EvaluationContext
from openfeature.event import EventDetails, ProviderEvent
from openfeature.exception import ErrorCode, OpenFeatureError

from services.common.seat import Shopper
from services.common.telemetry import ShopLogger

_LOOK_EVERY_MS = 400
_KEPT_VALUES = 4_096
"""More than the flags of a process times the seats and tenants of a large class."""


@dataclass(frozen=True, slots=True)
class Flag:
    """One fault switch; `off` is its healthy value and gives its type."""

    key: str
    off: Any
    brief: str


CART_PRICE_TYPO = Flag(
    "cart_price_typo", False, "The cart page's script misspells a property and leaves the total at zero."
)
PAYMENT_INVALID_TOKEN = Flag(
    "payment_invalid_token",
    0.0,
    "Share of charges served by v350.10, whose API token the provider refuses; 0 to 1.",
)
CHECKOUT_STALE_ENDPOINT = Flag(
    "checkout_stale_endpoint",
    False,
    "The first charge attempt goes to the drained address of the retired v350.8.",
)
CHECKOUT_QUOTE_RETRIES = Flag(
    "checkout_quote_retries",
    {"deadline_ms": 0, "retries": 0},
    "checkoutservice waits `deadline_ms` for a shipping quote, then asks anew, up to `retries` times.",
)
FRONTEND_LOST_CONTEXT = Flag(
    "frontend_lost_context",
    False,
    "The storefront sends an order to checkoutservice without its trace context.",
)
FRONTEND_UNSAMPLED_LINK = Flag(
    "frontend_unsampled_link",
    False,
    "Server-Timing names the trace with the flags 00, not sampled, so that no RUM agent links to it.",
)
FRONTEND_VENDOR_SCRIPT = Flag(
    "frontend_vendor_script",
    {"load_ms": 0, "click_ms": 0},
    "Pages carry a vendor's script that blocks them for so long when they load and at every click.",
)
EMAIL_SILENT_LOGS = Flag(
    "email_silent_logs", False, "emailservice writes its log lines without trace id and span id."
)
CART_SLOW_QUERY_MS = Flag(
    "cart_slow_query_ms",
    {"min": 0, "max": 0},
    "Time that SQLite takes to find a cart, as on a disk that got slow, in ms.",
)
CART_LOST_CONNECTIONS = Flag(
    "cart_lost_connections",
    {"connections": 0, "wait_ms": 0},
    "cartservice has so many database connections and gives none back; who waits gets one after `wait_ms`.",
)
SHIPPING_KEPT_LABELS = Flag(
    "shipping_kept_labels",
    {"mb": 0, "limit_mb": 0},
    "shippingservice keeps `mb` MB of each order, and is killed when it keeps `limit_mb`.",
)
RECOMMENDATION_ITEM_BY_ITEM = Flag(
    "recommendation_item_by_item",
    False,
    "recommendationservice asks the catalogue for each product by itself, after it asked for all.",
)
_MOST_RETRIES = 20
_LONGEST_BLOCK_MS = 10_000.0
_MOST_CONNECTIONS = 16
_LONGEST_WAIT_MS = 2_500.0
"""Below the deadline of a caller."""
_MOST_MB = 100
"""More would be a burden to a laptop on which the whole shop runs."""


def delay_flag(short_name: str) -> Flag:
    """The flag that slows one service (`buttercup`, `cart`, …) by `min` to `max` milliseconds a call."""
    return Flag(
        f"{short_name}_delay_ms", {"min": 0, "max": 0}, f"Extra time of each call to {short_name}, in ms."
    )


@dataclass(frozen=True, slots=True)
class State:
    """The real value of one flag here and now, as JSON text; `error` says why it could not be read."""

    key: str
    people: str
    synthetic: str
    error: str


class Flags:
    """The flags of one process. Make it after any fork; `close` ends its watcher."""

    def __init__(self, file: Path | None, logger: ShopLogger, known: Sequence[Flag] = ()) -> None:
        self._known = tuple(known)
        self._file = file
        self._log = logger
        self._values: LRUCache[tuple[str, Shopper], tuple[Any, str]] = LRUCache(_KEPT_VALUES)
        self._lock = threading.Lock()
        self._version = 0
        self._client: OpenFeatureClient | None = None
        if file is not None:
            self._client = self._connect(file)

    def _connect(self, file: Path) -> OpenFeatureClient:
        logging.getLogger("openfeature.contrib").addFilter(_once_per_text())
        domain = f"hipsterlab-{id(self)}"
        client = api.get_client(domain)
        for event in (
            ProviderEvent.PROVIDER_CONFIGURATION_CHANGED,
            ProviderEvent.PROVIDER_READY,
            ProviderEvent.PROVIDER_ERROR,
        ):
            client.add_handler(event, self._changed)
        provider = FlagdProvider(
            resolver_type=ResolverType.FILE,
            offline_flag_source_path=str(file),
            deadline_ms=_LOOK_EVERY_MS,
        )
        try:
            api.set_provider_and_wait(provider, domain)
        except OpenFeatureError:
            self._log.warning("The flags file cannot be read: every fault is off", file=str(file))
        return client

    def close(self) -> None:
        """Stop watching the file; every flag is off from now on."""
        client, self._client = self._client, None
        if client is not None:
            client.provider.shutdown()

    def _changed(self, _details: EventDetails) -> None:
        with self._lock:
            self._values.clear()
            self._version += 1

    def value(self, flag: Flag, shopper: Shopper) -> Any:
        """The value of `flag` for this shopper; its healthy value when it cannot be read."""
        return self._read(flag, shopper)[0]

    def _read(self, flag: Flag, shopper: Shopper) -> tuple[Any, str]:
        client = self._client
        if client is None:
            return flag.off, ""
        with self._lock:
            known, version = self._values.get((flag.key, shopper)), self._version
        if known is None:
            known = self._evaluate(client, flag, shopper)
            with self._lock:
                # Evaluated before a change of the file, it must not be kept after it.
                if version == self._version:
                    self._values[flag.key, shopper] = known
        return known

    def _evaluate(self, client: OpenFeatureClient, flag: Flag, shopper: Shopper) -> tuple[Any, str]:
        ask: Any = client.get_object_details
        if isinstance(flag.off, bool):
            ask = client.get_boolean_details
        elif isinstance(flag.off, float):
            ask = client.get_float_details
        details = ask(flag.key, flag.off, _evaluation_context(shopper))
        if details.error_code is None or details.error_code is ErrorCode.FLAG_NOT_FOUND:
            return details.value, ""
        reason = details.error_message or str(details.error_code)
        return flag.off, f"{flag.key} cannot be read and is off: {reason}"

    def states(self, seat: str = "", tenant: str = "") -> Sequence[State]:
        """The real state of every flag that this process uses, for the person at `seat` (or at none).

        `tenant` is the tenant level of that person and of the synthetic shopper beside.
        """
        states = []
        for flag in self._known:
            (people, error) = self._read(flag, Shopper(seat=seat, tenant_level=tenant))
            (synthetic, other) = self._read(flag, Shopper(synthetic=True, tenant_level=tenant))
            states.append(State(flag.key, _json(people), _json(synthetic), error or other))
        return states

    def cart_price_typo(self, shopper: Shopper) -> bool:
        """Whether the cart page is served with its misspelt property."""
        return bool(self.value(CART_PRICE_TYPO, shopper))

    def payment_invalid_token(self, shopper: Shopper) -> float:
        """The share of charges that meet the version with the bad token, 0 to 1."""
        return min(1.0, max(0.0, float(self.value(PAYMENT_INVALID_TOKEN, shopper))))

    def checkout_stale_endpoint(self, shopper: Shopper) -> bool:
        """Whether the first charge attempt goes to the retired address."""
        return bool(self.value(CHECKOUT_STALE_ENDPOINT, shopper))

    def checkout_quote_retries(self, shopper: Shopper) -> tuple[float, int]:
        """The time to wait for a quote before asking anew, in ms, and how often at most; the last time waits.

        (0, 0) when off or malformed: it is asked once.
        """
        deadline_ms, retries = self._numbers(CHECKOUT_QUOTE_RETRIES, shopper, "deadline_ms", "retries")
        sensible = deadline_ms > 0 and 0 <= retries <= _MOST_RETRIES
        return (deadline_ms, int(retries)) if sensible else (0.0, 0)

    def cart_lost_connections(self, shopper: Shopper) -> tuple[int, float]:
        """How many connections there are for those who do not give them back, and the wait for one in ms.

        (0, 0) when off or malformed.
        """
        connections, wait_ms = self._numbers(CART_LOST_CONNECTIONS, shopper, "connections", "wait_ms")
        sensible = 1 <= connections <= _MOST_CONNECTIONS and 0 < wait_ms <= _LONGEST_WAIT_MS
        return (int(connections), wait_ms) if sensible else (0, 0.0)

    def shipping_kept_labels(self, shopper: Shopper) -> tuple[int, int]:
        """How many MB are kept of an order, and how many end the process; (0, 0) when off or malformed."""
        each, limit = self._numbers(SHIPPING_KEPT_LABELS, shopper, "mb", "limit_mb")
        return (int(each), int(limit)) if 1 <= each <= limit <= _MOST_MB else (0, 0)

    def frontend_lost_context(self, shopper: Shopper) -> bool:
        """Whether an order goes to checkoutservice without the trace context."""
        return bool(self.value(FRONTEND_LOST_CONTEXT, shopper))

    def frontend_unsampled_link(self, shopper: Shopper) -> bool:
        """Whether `Server-Timing` names a trace as not sampled."""
        return bool(self.value(FRONTEND_UNSAMPLED_LINK, shopper))

    def frontend_vendor_script(self, shopper: Shopper) -> tuple[float, float]:
        """For how many ms the vendor's script blocks a page at its load and at each click.

        (0, 0), and then pages do not carry it, when off or malformed.
        """
        load_ms, click_ms = self._numbers(FRONTEND_VENDOR_SCRIPT, shopper, "load_ms", "click_ms")
        sensible = all(0 <= block_ms <= _LONGEST_BLOCK_MS for block_ms in (load_ms, click_ms))
        return (load_ms, click_ms) if sensible else (0.0, 0.0)

    def email_silent_logs(self, shopper: Shopper) -> bool:
        """Whether emailservice's log lines lose their trace id and span id."""
        return bool(self.value(EMAIL_SILENT_LOGS, shopper))

    def recommendation_item_by_item(self, shopper: Shopper) -> bool:
        """Whether the catalogue is asked for each product by itself."""
        return bool(self.value(RECOMMENDATION_ITEM_BY_ITEM, shopper))

    def delay_range_ms(self, flag: Flag, shopper: Shopper) -> tuple[float, float]:
        """The least and the most extra time of a call; (0, 0) when off or malformed."""
        least, most = self._numbers(flag, shopper, "min", "max")
        return (least, most) if 0 <= least <= most else (0.0, 0.0)

    def _numbers(self, flag: Flag, shopper: Shopper, first: str, second: str) -> tuple[float, float]:
        """Two entries of a flag that is a table of numbers; (0, 0) where one is missing or no number."""
        value = self.value(flag, shopper)
        try:
            return float(value[first]), float(value[second])
        except (KeyError, TypeError, ValueError):
            return 0.0, 0.0


def _evaluation_context(shopper: Shopper) -> EvaluationContext:
    attributes = {"traffic": shopper.traffic, "seat": shopper.seat, "tenant": shopper.tenant_level}
    return EvaluationContext(targeting_key=shopper.seat, attributes=attributes)


def _json(value: Any) -> str:
    return orjson.dumps(dict(value) if isinstance(value, Mapping) else value).decode()


def _once_per_text() -> logging.Filter:
    """The provider logs a broken file at every look, twice a second; let each text pass once in a row."""

    class Once(logging.Filter):
        last = ""

        def filter(self, record: logging.LogRecord) -> bool:
            text = record.getMessage()
            fresh, self.last = text != self.last, text
            return fresh

    return Once()
