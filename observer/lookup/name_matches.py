"""Seats, services, orders, sessions and metrics whose name holds what was typed, and their pages."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import quote, urlencode

from signals.attributes import SEAT
from signals.folding import fold
from store.api import KnownService, Reader, SessionQuery, Window

ORDER_ATTRIBUTES: Final = ("orderId", "order.id", "app.order.id")
"""Attributes that shops put an order's id in."""
_LEAST = 2
_LEAST_OF_ID = 4
"""Characters of an order's or a session's id: fewer fit too many."""
_LONGEST = 200
_METRICS: Final = 500
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_RANGES: Final = ((10 * 60, ""), (50 * 60, "1h"), (5 * 3600, "6h"), (23 * 3600, "24h"))
"""How long ago in seconds something may have been for a time range to show it; the first is the default."""

NameKind = Literal["seat", "service", "order", "session", "metric"]


@dataclass(frozen=True, slots=True)
class NameMatch:
    """One name that fits."""

    kind: NameKind
    text: str
    url: str = ""
    """The page of a seat, a service or a metric; that of an order or a session is found by its id."""


def named(reader: Reader, text: str, limit: int) -> Iterator[NameMatch]:
    """The names that hold this text, in any case and Unicode form; of each kind at most `limit`."""
    if not _LEAST <= len(text) <= _LONGEST:
        return
    for seat in reader.values_holding(SEAT, text, limit):
        yield NameMatch("seat", seat, _seat_url(reader, seat))
    for service in reader.services_holding(text, limit):
        yield NameMatch("service", service.name, _service_url(service))
    if len(text) < _LEAST_OF_ID:
        return
    orders = [value for name in ORDER_ATTRIBUTES for value in reader.values_holding(name, text, limit)]
    for order in dict.fromkeys(orders):
        yield NameMatch("order", order)
    for session_id in reader.sessions_holding(text, limit):
        yield NameMatch("session", session_id)


def metrics_named(reader: Reader, text: str, limit: int) -> Iterator[NameMatch]:
    """Metrics whose name is this text, in any case and Unicode form; without any, those that hold it."""
    if not _LEAST <= len(text) <= _LONGEST:
        return
    found, _ = reader.metric_names(Window.ALL, text=text, limit=_METRICS)
    names = dict.fromkeys(each.info.name for each in found if fold(text) in fold(each.info.name))
    whole = [name for name in names if fold(name) == fold(text)]
    for name in whole or list(names)[:limit]:
        yield NameMatch("metric", name, _metric_url(name))


def _metric_url(name: str) -> str:
    """The page of a metric; the list, where its name does not fit into a path."""
    if _PLAIN_NAME.fullmatch(name):
        return f"/metrics/{quote(name)}"
    return f"/metrics?{urlencode({'q': name[:_LONGEST]}, errors='replace')}"


def _seat_url(reader: Reader, seat: str) -> str:
    """The sessions of a seat, in a range that has the newest; its traces where no browser reported."""
    found = reader.find_sessions(SessionQuery(Window.ALL, attributes={SEAT: seat}, limit=1)).items
    filtered = ("attr", f"{SEAT}:{seat}")
    if not found:
        return f"/apm/traces?{urlencode([filtered])}"
    newest = reader.status().newest_unix_nano or 0
    age_s = max(0, newest - found[0].last_seen_unix_nano) // 10**9
    since = next((words for most, words in _RANGES if age_s <= most), "7d")
    return f"/rum/sessions?{urlencode([filtered, ('whose', 'all'), *([('since', since)] if since else [])])}"


def _service_url(service: KnownService) -> str:
    """The page of a service that sends spans; the map for one that is only called; else its logs."""
    name = service.name
    if service.sends_spans:
        plain = _PLAIN_NAME.fullmatch(name)
        return f"/apm/services/{quote(name)}" if plain else f"/apm/services/-?{urlencode({'name': name})}"
    return (
        f"/apm?{urlencode({'service': name})}" if service.called else f"/logs?{urlencode({'service': name})}"
    )
