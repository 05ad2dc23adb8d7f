"""The parameters of Jaeger's query API: durations as Go writes them, times as numbers, tags. Pure.

Unknown parameters are ignored, as Jaeger does: its clients send some that no server reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson
from werkzeug.datastructures import MultiDict

from observer.request.errors import Malformed, refuse, shortened
from signals.attributes import text_of
from store.api import Window

DEFAULT_LIMIT = 100
MOST_TRACES = 1_500
"""As many as the screens of Jaeger let a person ask for."""
_DEFAULT_LOOKBACK_NS = 2 * 86_400 * 10**9
_DEPENDENCIES_LOOKBACK_NS = 7 * 86_400 * 10**9
_MOST_TEXT = 20
_GO_UNITS_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3_600 * 10**9,
    "d": 86_400 * 10**9,
    "w": 7 * 86_400 * 10**9,
}
"""Go's, with both signs for micro; days and weeks are written by Jaeger's screens for `lookback`."""
_GO_PART = re.compile(r"([0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(ns|us|µs|μs|ms|s|m|h|d|w)")
_TRACE_ID = re.compile(r"[0-9a-f]{1,32}")
_LAST_NANO = Window.ALL.to_unix_nano


@dataclass(frozen=True, slots=True)
class Search:
    """A search for traces that have a span which meets all conditions; with `trace_ids`, these traces."""

    window: Window
    service: str = ""
    operation: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    min_ns: int | None = None
    max_ns: int | None = None
    limit: int = DEFAULT_LIMIT
    trace_ids: tuple[str, ...] = ()
    """32 digits each, in order, each once."""
    raw: bool = False


def search_of(args: MultiDict[str, str], now_unix_nano: int) -> Search:
    """The search that the arguments of a request mean. Raises Malformed."""
    trace_ids = tuple(dict.fromkeys(map(padded_trace_id, filter(None, args.getlist("traceID")))))
    service = args.get("service", "")
    if not service and not trace_ids:
        raise Malformed("parameter 'service' is required.", "Name a service, or traces by traceID.")
    least, most = go_duration_ns(args, "minDuration"), go_duration_ns(args, "maxDuration")
    if least is not None and most is not None and least > most:
        raise Malformed("'maxDuration' should be greater than 'minDuration'.", "Exchange the two.")
    return Search(
        window=_window(args, now_unix_nano),
        service=service,
        operation=args.get("operation", ""),
        tags=_tags(args),
        min_ns=least,
        max_ns=most,
        limit=_limit(args),
        trace_ids=trace_ids[:MOST_TRACES],
        raw=is_raw(args),
    )


def dependencies_window(args: MultiDict[str, str], now_unix_nano: int) -> Window:
    """The window that ends at `endTs` and is `lookback` long, both in milliseconds. Raises Malformed."""
    end = _nanos(args, "endTs", 1_000_000, now_unix_nano)
    length = _nanos(args, "lookback", 1_000_000, _DEPENDENCIES_LOOKBACK_NS)
    # The millisecond that is named belongs to the window.
    return Window(max(0, end - length), end + 1_000_000)


def padded_trace_id(text: str) -> str:
    """All 32 digits of a trace id, whose leading zeros Jaeger's clients may leave out. Raises Malformed."""
    digits = text.strip().lower()
    if not _TRACE_ID.fullmatch(digits) or not digits.strip("0"):
        raise refuse("traceID", text, "1 to 32 hexadecimal digits, not all zero")
    return digits.zfill(32)


def is_raw(args: Mapping[str, str]) -> bool:
    """Whether the times are asked for as the senders claim them."""
    return args.get("raw", "").lower() in ("1", "t", "true")


def go_duration_ns(args: Mapping[str, str], name: str) -> int | None:
    """Nanoseconds of a duration such as `1.5ms` or `1h30m`; None where there is none. Raises Malformed."""
    text = args.get(name, "").strip()
    if not text:
        return None
    nanos = _go_duration_ns(text)
    if nanos is None:
        raise refuse(name, text, "a duration as Go writes it, such as 1.2s, 100ms or 1h30m")
    return nanos


def _go_duration_ns(text: str) -> int | None:
    if text == "0":
        return 0
    parts = list(_GO_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        return None
    nanos = sum(round(float(part[1]) * _GO_UNITS_NS[part[2]]) for part in parts)
    return nanos if nanos <= _LAST_NANO else None


def _window(args: Mapping[str, str], now_unix_nano: int) -> Window:
    """`start` and `end` in microseconds; without a start, `lookback` or two days."""
    end = _nanos(args, "end", 1_000, now_unix_nano)
    lookback_ns = _go_duration_ns(args.get("lookback", "")) or _DEFAULT_LOOKBACK_NS
    start = _nanos(args, "start", 1_000, max(0, end - lookback_ns))
    if start > end:
        raise Malformed("'start' is later than 'end'.", "Exchange the two: both are in microseconds.")
    return Window(start, end + 1_000)


def _nanos(args: Mapping[str, str], name: str, unit_ns: int, default_ns: int) -> int:
    text = args.get(name, "").strip()
    if not text:
        return default_ns
    if text.isascii() and text.isdigit() and len(text) < _MOST_TEXT:
        # Beyond the last time that the store holds there is nothing.
        return min(int(text) * unit_ns, _LAST_NANO - unit_ns)
    raise refuse(name, text, "a whole number since 1970")


def _limit(args: Mapping[str, str]) -> int:
    text = args.get("limit", "").strip()
    if not text:
        return DEFAULT_LIMIT
    if text.isascii() and text.isdigit() and len(text) < _MOST_TEXT and int(text) > 0:
        return min(int(text), MOST_TRACES)
    raise refuse("limit", text, f"a whole number from 1 to {MOST_TRACES:,}")


def _tags(args: MultiDict[str, str]) -> Mapping[str, str]:
    """Every `tag=name:value`, and every name with its value of the JSON objects in `tags`."""
    found: dict[str, str] = {}
    for text in filter(None, args.getlist("tag")):
        name, colon, value = text.partition(":")
        if not colon or not name:
            raise refuse("tag", text, "a name, a colon and a value")
        found[name] = value
    for text in filter(None, args.getlist("tags")):
        try:
            document = orjson.loads(text)
        except orjson.JSONDecodeError:
            document = None
        if not isinstance(document, dict):
            raise Malformed(
                f"malformed 'tags' parameter {shortened(text)!r}.",
                'Give a JSON object, such as {"http.status_code":"500"}.',
            )
        found |= {name: text_of(value) for name, value in document.items()}
    return found
