"""The times of imported telemetry: from when to when it is, and how all of it is moved together. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from collector.items import Group
from collector.times import EARLIEST_UNIX_NANO, LATEST_UNIX_NANO

_MESSAGES: Final[dict[str, Any]] = {"traces": Span, "logs": LogRecord, "metrics": Metric}
_MINUTE_NS: Final = 60 * 10**9
_DOUBTED_NS: Final = (120 * 10**9, 3_300 * 10**9)
"""How old the first words of an unknown sender are that may be taken for those of a slow clock (ADR 020)."""


@dataclass(slots=True)
class Range:
    """From the earliest to the latest time of some items; 0 and 0 of none."""

    first_ns: int = 0
    last_ns: int = 0

    def add(self, time_ns: int) -> None:
        """Take a time in, unless no sender can mean it."""
        if EARLIEST_UNIX_NANO <= time_ns <= LATEST_UNIX_NANO:
            self.first_ns = min(self.first_ns or time_ns, time_ns)
            self.last_ns = max(self.last_ns, time_ns)

    def may_be_doubted(self, now_ns: int) -> bool:
        """Whether these times of one sender look like those of a live sender whose clock is slow."""
        least, most = _DOUBTED_NS
        short = self.last_ns - self.first_ns <= _MINUTE_NS
        return bool(self.last_ns) and short and least <= now_ns - self.last_ns <= most


def ranges(parts: Iterable[tuple[str, list[Group]]]) -> tuple[Range, dict[bytes, Range]]:
    """The range of all items, and of the spans and logs of each sender by its resource."""
    whole, senders = Range(), dict[bytes, Range]()
    for signal, groups in parts:
        for group in groups:
            sender = Range() if signal == "metrics" else senders.setdefault(group.resource, Range())
            for item in group.items:
                for time_ns in _own_times(signal, item):
                    whole.add(time_ns)
                    sender.add(time_ns)
    return whole, senders


def shifted(signal: str, groups: Iterable[Group], by_ns: int) -> list[Group]:
    """The items with all their times moved by so much; those that cannot be read stay as they are."""
    return [group._replace(items=[_moved(signal, item, by_ns) for item in group.items]) for group in groups]


def _own_times(signal: str, item: bytes) -> Iterator[int]:
    """The times by which an item is filed."""
    try:
        message = _MESSAGES[signal].FromString(item)
    except DecodeError:
        return
    if signal == "traces":
        yield from (message.start_time_unix_nano, message.end_time_unix_nano)
    elif signal == "logs":
        yield message.time_unix_nano or message.observed_time_unix_nano
    else:
        yield from (point.time_unix_nano for point in _points(message))


def _moved(signal: str, item: bytes, by_ns: int) -> bytes:
    try:
        message = _MESSAGES[signal].FromString(item)
    except DecodeError:
        return item
    for part, name in _all_times(signal, message):
        time_ns = getattr(part, name)
        # 0 means that there is none.
        if time_ns:
            setattr(part, name, min(max(time_ns + by_ns, 1), 2**64 - 1))
    serialized: bytes = message.SerializeToString()
    return serialized


def _all_times(signal: str, message: Any) -> Iterator[tuple[Any, str]]:
    """(message, the name of its field) of every time in an item."""
    if signal == "traces":
        yield from ((message, "start_time_unix_nano"), (message, "end_time_unix_nano"))
        yield from ((event, "time_unix_nano") for event in message.events)
    elif signal == "logs":
        yield from ((message, "time_unix_nano"), (message, "observed_time_unix_nano"))
    else:
        for point in _points(message):
            yield from ((point, "start_time_unix_nano"), (point, "time_unix_nano"))
            # Points of summaries have none.
            yield from ((exemplar, "time_unix_nano") for exemplar in getattr(point, "exemplars", ()))


def _points(metric: Any) -> Any:
    kind = metric.WhichOneof("data")
    return getattr(metric, kind).data_points if kind else ()
