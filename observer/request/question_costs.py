"""What questions to the screens cost: measured by their shape, and how much of time they ask for."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC

from flask import request

from observer.request.errors import Malformed
from observer.request.time_range import RANGE_KEYS, parse_range

CHEAP_S = 0.02
"""Processor seconds below which a question is answered at once: most pages of one thing."""
COSTLY_S = 1.0
"""From which on one of a short range is costly: lists of 15 min over a million spans take up to 0.2 s."""
SHORT_NS = 3_600 * 10**9
"""Ranges up to this are what people look at; a longer one is costly as soon as it is not cheap."""
_WEIGHT = 0.4
"""Of the newest measurement."""
_MOST_SHAPES = 2_000
_MOST_SECONDS = 999_999_999
"""The longest that `since` takes."""

Shape = tuple[object, ...]


class Costs:
    """The processor time of questions by their shape, as a moving average; bounded, thread-safe."""

    def __init__(self) -> None:
        self._seconds: OrderedDict[Shape, float] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, shape: Shape) -> float:
        """Seconds that such a question will take; 0 for one that was never asked."""
        with self._lock:
            return self._seconds.get(shape, 0.0)

    def note(self, shape: Shape, seconds: float) -> None:
        """Note what one question took."""
        with self._lock:
            known = self._seconds.pop(shape, seconds)
            self._seconds[shape] = known + _WEIGHT * (seconds - known)
            while len(self._seconds) > _MOST_SHAPES:
                self._seconds.popitem(last=False)


def shape_of(args: Mapping[str, str]) -> Shape:
    """The route, the names of its arguments and the length of its time range."""
    rule = request.url_rule.rule if request.url_rule else ""
    return rule, tuple(sorted({name[:40] for name in args})[:12]), _length(args)


def _length(args: Mapping[str, str]) -> object:
    """A coarse length of the time range, as it is written: no more is known before it is parsed."""
    args = _range_of(args)
    if since := args.get("since", ""):
        return since[:8]
    try:
        nanos = int(args["to"]) - int(args["from"])
        return int(math.log2(nanos)) if nanos > 0 else ""
    except (KeyError, ValueError):
        return args.get("from", "")[:13], args.get("to", "")[:13]


def is_long(args: Mapping[str, str]) -> bool:
    """Whether the arguments name a time range that is longer than what people look at."""
    try:
        # A zone moves both ends.
        found = parse_range(_range_of(args), time.time_ns(), UTC)
    except Malformed:
        return False
    return found is not None and found.window.duration_ns > SHORT_NS


def _range_of(args: Mapping[str, str]) -> Mapping[str, str]:
    """The time range under our names, where clients of Jaeger name it as theirs does."""
    if any(name in args for name in RANGE_KEYS):
        return args
    begin, end = args.get("start", ""), args.get("end", "")
    if begin or end:
        return {"from": begin, "to": end}
    lookback = args.get("lookback", "")
    if lookback.isascii() and lookback.isdigit():
        # Milliseconds; a number with a unit is a duration as ours are.
        seconds = min(int(lookback[:15]) // 1_000, _MOST_SECONDS)
        return {"since": f"{max(1, seconds)}s"}
    return {"since": lookback} if lookback else args


def is_costly(cost_s: float, *, long: bool) -> bool:
    """Whether a question of this cost is one that should not hold up the others."""
    return cost_s >= (CHEAP_S if long else COSTLY_S)
