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

from runtime.lenient_json import NotJson, dumps, loads
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
            document, _ = loads(body)
        except NotJson as error:
            raise Refused(400, f"the beacon is not JSON: {error}") from error
        kept, dropped = _KEEPING[beacon_format](document, seat)
        if dropped:
            self._count(dropped)
        if dropped and not kept:
            return None
        try:
            return dumps(kept)
        except NotJson as error:
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


# All names that the receiver reads a list by; what is passed on has one list, by the first of them.
_GROUPS = ("resourceSpans", "resource_spans")
_SCOPES = ("scopeSpans", "scope_spans", "instrumentationLibrarySpans", "instrumentation_library_spans")
_SCOPE = ("scope", "instrumentationLibrary", "instrumentation_library")
_SCHEMA = ("schemaUrl", "schema_url")


def _own_otlp_spans(document: Any, seat: str) -> tuple[Any, int]:
    if not isinstance(document, dict):
        raise Refused(400, "the beacon is not an OTLP export request in JSON")
    kept: list[Any] = []
    dropped = 0
    for group in _children(document, _GROUPS):
        if not isinstance(group, dict):
            kept.append(group)
            continue
        kept_scopes, dropped_here = _own_scopes(group, seat)
        dropped += dropped_here
        if kept_scopes or not dropped_here:
            kept.append(_rewritten(group, ("resource", *_SCHEMA), _SCOPES, kept_scopes))
    if kept and not any(isinstance(group, dict) for group in kept):
        raise Refused(400, "the beacon is not an OTLP export request in JSON")
    return (_rewritten(document, (), _GROUPS, kept) if kept or not dropped else None), dropped


def _own_scopes(group: dict[str, Any], seat: str) -> tuple[list[Any], int]:
    """(the scopes of a resource without foreign spans, how many of those there were)."""
    foreign = _is_foreign(group.get("resource"), seat)
    kept: list[Any] = []
    dropped = 0
    for scope in _children(group, _SCOPES):
        if not isinstance(scope, dict):
            kept.append(scope)
            continue
        spans = _children(scope, ("spans",))
        foreign_scope = foreign or any(_is_foreign(scope.get(name), seat) for name in _SCOPE)
        own = [] if foreign_scope else [span for span in spans if not _is_foreign(span, seat)]
        dropped += len(spans) - len(own)
        if own or not spans:
            kept.append(_rewritten(scope, (*_SCOPE, *_SCHEMA), ("spans",), own))
    return kept, dropped


def _rewritten(
    item: Mapping[str, Any], names: tuple[str, ...], lists: tuple[str, ...], kept: list[Any]
) -> dict[str, Any]:
    """The fields of these names, and the list under its first name if the item had it under any.

    Of other fields only the names are passed on, for which the receiver may have a reason to refuse.
    """
    known = {name: item[name] for name in names if name in item}
    others = {name: None for name in item if name not in names and name not in lists}
    return {**others, **known, **({lists[0]: kept} if any(name in item for name in lists) else {})}


def _children(item: Mapping[str, Any], names: tuple[str, ...]) -> list[Any]:
    """The entries of a list under all its names; what is no object says nothing of a seat, and stays."""
    found: list[Any] = []
    for name in names:
        entries = item.get(name)
        if entries is None:
            continue
        if not isinstance(entries, list):
            raise Refused(400, "the beacon is not an OTLP export request in JSON")
        found += entries
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
