"""Takes from beacons what speaks for another seat than the visitor's own; used in class mode only.

A browser may send what it likes, and the name in `enduser.id` decides whose session a beacon makes. What is
passed on is written anew from what was understood here, so that the receiver cannot read it differently.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from enum import Enum
from typing import Any

import orjson

from services.common.seat import ATTRIBUTE_OF, SEAT_KEY
from services.common.telemetry import ShopLogger

_SEAT = ATTRIBUTE_OF[SEAT_KEY]
_LOG_EVERY_S = 30.0


class BeaconFormat(Enum):
    """How a beacon is written."""

    ZIPKIN = "zipkin"
    """A list of Zipkin v2 spans."""
    OTLP = "otlp"
    """An OTLP export request in JSON."""


class Refused(Exception):
    """A beacon that cannot be read; `status` is the HTTP status that says so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class BeaconFilter:
    """Filters beacons and counts what it drops. Safe for several threads."""

    def __init__(self, logger: ShopLogger) -> None:
        self._log = logger
        self._lock = threading.Lock()
        self._logged_at_s = float("-inf")
        self.dropped_spans = 0

    def filtered(
        self, beacon_format: BeaconFormat, body: bytes, headers: Mapping[str, str], seat: str
    ) -> bytes | None:
        """The beacon without the spans of other seats than `seat`; None where all of it was dropped.

        An empty `seat` is a visitor without one. Raises Refused.
        """
        if headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
            raise Refused(415, "send beacons uncompressed: here they are read before they are passed on")
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise Refused(400, "the beacon is not JSON") from error
        kept, dropped = _KEEPING[beacon_format](document, seat)
        if dropped:
            self._count(dropped)
        if dropped and not kept:
            return None
        try:
            return orjson.dumps(kept)
        except orjson.JSONEncodeError as error:
            raise Refused(400, "the beacon is nested too deeply") from error

    def _count(self, spans: int) -> None:
        with self._lock:
            self.dropped_spans += spans
            now_s = time.monotonic()
            if now_s - self._logged_at_s < _LOG_EVERY_S:
                return
            self._logged_at_s = now_s
            total = self.dropped_spans
        self._log.warning("Browser spans for a seat that is not the visitor's were dropped", spans=total)


def _own_zipkin_spans(document: Any, seat: str) -> tuple[Any, int]:
    if not isinstance(document, list):
        raise Refused(400, "the beacon is not a list of Zipkin spans")
    kept = [span for span in document if not _is_foreign_zipkin(span, seat)]
    return kept, len(document) - len(kept)


def _is_foreign_zipkin(span: Any, seat: str) -> bool:
    tags = span.get("tags") if isinstance(span, dict) else None
    return isinstance(tags, dict) and _SEAT in tags and (not seat or tags[_SEAT] != seat)


def _own_otlp_spans(document: Any, seat: str) -> tuple[Any, int]:
    groups, kept, dropped = _children(document, "resourceSpans"), [], 0
    for group in groups:
        scopes = _children(group, "scopeSpans")
        foreign = _is_foreign(group.get("resource"), seat)
        kept_scopes = []
        for scope in scopes:
            spans = _children(scope, "spans")
            foreign_scope = foreign or _is_foreign(scope.get("scope"), seat)
            own = [] if foreign_scope else [span for span in spans if not _is_foreign(span, seat)]
            dropped += len(spans) - len(own)
            if own:
                kept_scopes.append({**_without_lists(scope), "spans": own})
        if kept_scopes:
            kept.append({**_without_lists(group), "scopeSpans": kept_scopes})
    return ({"resourceSpans": kept} if kept or not dropped else None), dropped


# With the other spelling that protobuf's mapping to JSON allows: of two lists one would count by chance.
_LISTS = frozenset({"scopeSpans", "scope_spans", "spans"})


def _without_lists(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in item.items() if name not in _LISTS}


def _children(item: Any, name: str) -> list[dict[str, Any]]:
    found = item.get(name, []) if isinstance(item, dict) else None
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise Refused(400, "the beacon is not an OTLP export request in JSON")
    return found


def _is_foreign(item: Any, seat: str) -> bool:
    attributes = item.get("attributes") if isinstance(item, dict) else None
    if not isinstance(attributes, list):
        return False
    own = {"stringValue": seat}
    return any(
        isinstance(each, dict) and each.get("key") == _SEAT and (not seat or each.get("value") != own)
        for each in attributes
    )


_KEEPING = {BeaconFormat.ZIPKIN: _own_zipkin_spans, BeaconFormat.OTLP: _own_otlp_spans}
