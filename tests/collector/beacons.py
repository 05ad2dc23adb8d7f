"""Random spans as a browser's agent sends them, valid and half-valid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from signals.model import Attribute
from tests.collector.exports import Item


def tag_text(value: Attribute) -> str:
    """A tag of a beacon: agents write text only."""
    return value if isinstance(value, str) else repr(value)


def beacon(item: Item) -> dict[str, Any]:
    """A span as a browser's agent sends it."""
    return {
        "traceId": item.trace.hex(),
        "id": item.span.hex(),
        "name": item.name,
        "timestamp": item.start // 1000,
        "duration": max(0, item.end - item.start) // 1000,
        "tags": {
            "app": "property",
            "process.runtime.name": "browser",
            **{key: tag_text(value) for key, value in item.pairs},
        },
        "annotations": [{"timestamp": event.time // 1000, "value": event.name} for event in item.events],
        "localEndpoint": {"serviceName": "property"},
    }


ZIPKIN_SPOILED: list[Callable[[Any], Any]] = [
    lambda _item: None,
    lambda item: [item],
    lambda item: {**item, "traceId": "xyz"},
    lambda item: {**item, "id": None},
    lambda item: {**item, "timestamp": "now"},
    lambda item: {**item, "duration": -1},
    lambda item: {**item, "tags": "none"},
    lambda item: {**item, "tags": {"deep": [[[1]]], "n": 7, "nothing": None}},
    lambda item: {**item, "annotations": [{"timestamp": 1e300}]},
    lambda item: {**item, "kind": "SIDEWAYS"},
    lambda item: {**item, "binaryAnnotations": [{"key": "a", "value": "b"}]},
    lambda item: {**item, "localEndpoint": "here"},
    lambda item: {**item, "future": {}},
]
"""Ways to spoil a beacon's span; a few of them leave it valid."""
