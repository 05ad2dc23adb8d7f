"""Decides where in time to file what arrived: the sender's clock is a claim, the arrival is known.

What claims to be later than its arrival comes from a clock that is ahead, or is a stray
time: it is moved to its arrival, all of a sender by one offset, so that order and durations
stay. What claims to be earlier is kept, as it may be late or imported; a sender has a slow
clock whose lag stays the same while time goes on, and, until the opposite shows, one whose
first words are minutes old. See docs/adr/020-senders-clock.md.
Owns no table and knows no message.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import add, itemgetter
from typing import Final, NamedTuple

from cachetools import LRUCache

from store.metric_rows import MetricRow
from store.rows import Batch, LogRow, SpanRow

_START, _DURATION = itemgetter(6), itemgetter(7)
"""Of a span, by place: in half of the time that a step of Python takes."""
AHEAD_NS: Final = 5 * 10**9
"""A time that is ahead of its arrival by no more than this is kept: clocks of one network differ so much."""
BEHIND_NS: Final = 120 * 10**9
"""A batch whose newest item is older than this is late, or of a slow clock: exporters retry for a minute."""
_STEADY_NS: Final = 30 * 10**9
"""What a known offset may leave between the newest item and its arrival: batching and retries."""
_FORGET_NS: Final = 60 * 10**9
"""A clock that was wrong in no batch for this long has been set."""
_STRETCH_NS: Final = 600 * 10**9
"""Times ahead that are further apart do not belong to one stretch of work: the later ones are strays."""
_CROSSING_NS: Final = 10 * 10**9
"""A batch reaches from the past into the future without a longer gap where its sender's clock is ahead."""
_DAY_NS: Final = 86_400 * 10**9
"""An item this much older than the rest of its sender's batch is a stray, as exporters send in order.
The end of a longer span is wrong itself. Within it, a trace in which another sender is on time is left."""
_LONGEST_NS: Final = 30 * _DAY_NS
"""A span that took longer and ended just now did not start when it says."""
_SAME_LAG_NS: Final = 1_500_000_000
"""How much a constant lag may vary: browsers and exporters wait up to a second before they send."""
_BROWSER_PROOF: Final = (2, 10**9)
"""(batches, ns) of constant lag that prove a browser's clock slow: it has no queue on disk …"""
_BACKEND_PROOF: Final = (3, 10 * 10**9)
"""… which a backend may have: but the lag of a queue that drains shrinks."""
_FIRST_WORDS_NS: Final = 3_300 * 10**9
"""A sender that was never heard of, and is behind by less than this, has a slow clock until it shows that it
was late. Of an hour and more, a backlog or a file is likelier, whose times are right."""
_LIVE_NS: Final = 60 * 10**9
"""Exporters send at least so often: what reaches over a longer time has been queued or recorded."""
_DRAINED_NS: Final = 600 * 10**9
"""So long after the collector's start, senders that waited for it have sent what they kept."""
_RECENT_NS: Final = 600 * 10**9
"""So long after a wrong clock each sender of each batch is looked up: 0.8 µs a span instead of 0.1."""
_SENDERS: Final = 20_000
"""Senders whose clocks are remembered."""

Sender = str | bytes
"""A browser session's id as text, or a backend's serialized resource as bytes."""


class Claim(NamedTuple):
    """When an item says that it ended, and whose it is."""

    sender: Sender
    trace: Hashable
    """Items of one trace stay together; None for an item that stands alone."""
    time: int


class Restated(NamedTuple):
    """A session whose clock proved slow, or right after all: its rows of before need the shift."""

    session_id: str
    shift: int


@dataclass(slots=True)
class _Clock:
    """What is known of one sender's clock."""

    shift: int = 0
    """What is added to its times; 0 while it seems right."""
    wrong: int = 0
    """The last arrival at which it was plainly wrong."""
    lag: int = 0
    since: int = 0
    batches: int = 0
    """The lag that has been constant, since which arrival, and over how many batches."""
    is_assumed: bool = False
    """The shift follows from its first words alone."""


@dataclass(frozen=True, slots=True)
class Pause:
    """When nothing was received before this run of the collector: what tells of then has waited."""

    begin: int = 0
    end: int = 0

    def explains(self, time: int, arrived: int) -> bool:
        """Whether something of this time may arrive now because it could not before."""
        return self.begin - BEHIND_NS <= time <= self.end and arrived <= self.end + _DRAINED_NS


class SenderClocks:
    """Remembers the senders' clocks. For one thread."""

    def __init__(
        self, is_known: Callable[[Sender], bool] = lambda _: False, pause: Pause | None = None
    ) -> None:
        """`is_known` says whether something of a sender is stored already; it is asked of late batches."""
        self._is_known = is_known
        self._pause = pause or Pause()
        self._clocks: LRUCache[Sender, _Clock] = LRUCache(_SENDERS)
        self._wrong = -_RECENT_NS
        """The last arrival of a wrong clock: long after it, a batch on time needs one look only."""
        self._restated: list[Restated] = []

    def take_restated(self) -> Sequence[Restated]:
        """The sessions whose clocks proved slow since this was asked last."""
        found, self._restated = self._restated, []
        return found

    def prove_slow(self, session_id: str, shift: int, arrived: int) -> None:
        """Note that a session's clock is behind by so much."""
        self._clocks[session_id] = _Clock(shift=shift, wrong=arrived)
        self._wrong = arrived

    def place(self, batch: Batch) -> None:
        """Give the items of a batch the times at which they are filed; once, as it may come again."""
        arrived = batch.arrived_unix_nano
        if not arrived or batch.is_placed:
            return
        oldest, latest = arrived - BEHIND_NS, arrived + AHEAD_NS
        spans, logs = batch.spans, batch.logs
        suspicious = arrived - self._wrong < _RECENT_NS
        if spans and (
            suspicious
            or min(map(_START, spans)) < oldest
            or max(map(add, map(_START, spans), map(_DURATION, spans))) > latest
        ):
            batch.spans = self._placed_spans(spans, arrived)
        if logs and (suspicious or not all(oldest <= row[0] <= latest for row in logs)):  # time
            batch.logs = self._placed_logs(logs, arrived)
        metrics = batch.metrics
        if metrics and (suspicious or not all(oldest <= row[2] <= latest for row in metrics)):  # time
            batch.metrics = self._placed_metrics(metrics, arrived)
        batch.is_placed = True

    def _placed_spans(self, spans: Sequence[SpanRow], arrived: int) -> Sequence[SpanRow]:
        latest = arrived + AHEAD_NS
        # By place, as late batches come by the thousand: session, resource, start, duration, trace.
        senders = [row[11] or row[14] for row in spans]
        times = [row[6] + row[7] if row[7] <= _DAY_NS else row[6] for row in spans]
        found = self._shifts(senders, times, arrived)
        if found is None:
            if max(times) <= latest and max([row[7] for row in spans]) <= _DAY_NS:
                return spans
            shifts: Sequence[int] = [0] * len(spans)
        else:
            shifts = _agreeing(senders, [row[0] for row in spans], times, found, arrived)
        changed = False
        placed = []
        for span, shift in zip(spans, shifts, strict=True):
            start, duration = span.start_unix_nano + shift, span.duration_ns
            end = start + duration
            if start <= latest < end:
                # It was sent, so it had ended: that end is wrong, and how long it took is not known.
                duration = 0
            elif duration > _LONGEST_NS and arrived - _DAY_NS < end <= latest:
                start, duration = end, 0
            if shift or duration != span.duration_ns:
                changed = True
                # Start and duration are at 6 and 7, the shift is last: `_replace` takes twice as long.
                span = SpanRow._make((*span[:6], start, duration, *span[8:-1], shift))
            placed.append(span)
        return placed if changed else spans

    def _placed_logs(self, logs: Sequence[LogRow], arrived: int) -> Sequence[LogRow]:
        claims = [Claim(log.session_id or log.resource, None, log.time_unix_nano) for log in logs]
        shifts = self.shifts(claims, arrived)
        if not any(shifts):
            return logs
        return [
            log._replace(time_unix_nano=log.time_unix_nano + shift)
            for log, shift in zip(logs, shifts, strict=True)
        ]

    def _placed_metrics(self, metrics: Sequence[MetricRow], arrived: int) -> Sequence[MetricRow]:
        """A point of long ago stays where it is: many senders hand on the time of their source."""
        claims = [Claim(row.series.resource, None, row.time_unix_nano) for row in metrics]
        shifts = self.shifts(claims, arrived, handed_on=True)
        if not any(shifts):
            return metrics
        return [
            _moved(row, shift) if shift and not _is_handed_on(row, shift, arrived) else row
            for row, shift in zip(metrics, shifts, strict=True)
        ]

    def shifts(self, claims: Sequence[Claim], arrived: int, *, handed_on: bool = False) -> Sequence[int]:
        """What is to be added to the times of each item of a batch.

        `handed_on`: the times may be those of a source that the sender asks now and then.
        """
        senders, traces, times = map(list, zip(*claims, strict=True))
        found = self._shifts(senders, times, arrived, handed_on=handed_on)
        if found is None:
            return [0] * len(claims)
        return _agreeing(senders, traces, times, found, arrived)

    def _shifts(
        self, senders: Sequence[Sender], times: Sequence[int], arrived: int, *, handed_on: bool = False
    ) -> list[int] | None:
        """The same of each sender by itself; None if nothing is to be added to any."""
        places: dict[Sender, list[int]] = {}
        for place, sender in enumerate(senders):
            own = places.get(sender)
            if own is None:
                own = places[sender] = []
            own.append(place)
        found: list[int] | None = None
        for sender, own in places.items():
            shifts = self._of_sender(sender, [times[place] for place in own], arrived, handed_on=handed_on)
            if any(shifts):
                self._wrong = arrived
                found = found or [0] * len(times)
                for place, shift in zip(own, shifts, strict=True):
                    found[place] = shift
        return found

    def _of_sender(
        self, sender: Sender, times: Sequence[int], arrived: int, *, handed_on: bool
    ) -> Sequence[int]:
        """What is to be added to its times, each; empty if nothing is."""
        clock = self._clocks.get(sender)
        if clock is not None and clock.shift:
            if _still_holds(clock, times, arrived):
                clock.is_assumed &= arrived - clock.since < _BACKEND_PROOF[1]
                return _shifted(times, clock.shift, arrived)
            if clock.is_assumed:
                self._take_back(sender, clock)
                clock = None
        latest = arrived + AHEAD_NS
        newest, ahead = _split(times, latest)
        if ahead and (newest is None or ahead[0] - newest <= _CROSSING_NS):
            top = ahead[-1]
            for time, following in pairwise(ahead):
                if following - time > _STRETCH_NS:
                    top = time
                    break
            clock = self._clocks[sender] = _Clock(shift=arrived - top, wrong=arrived)
            return _shifted(times, clock.shift, arrived)
        if newest is not None and newest < arrived - BEHIND_NS:
            if clock is None and not handed_on and self._are_first_words(sender, times, newest, arrived):
                clock = _Clock(shift=arrived - newest, wrong=arrived, since=arrived, is_assumed=True)
                self._clocks[sender] = clock
                return _shifted(times, clock.shift, arrived)
            shift = self._of_late_batch(sender, clock, newest, arrived)
            return _shifted(times, shift, arrived) if shift or ahead else ()
        if clock is not None:
            clock.batches = 0
        if newest is not None and not ahead and min(times) >= newest - _DAY_NS:
            return ()
        return [
            arrived - time if time > latest or (newest is not None and time < newest - _DAY_NS) else 0
            for time in times
        ]

    def _are_first_words(self, sender: Sender, times: Sequence[int], newest: int, arrived: int) -> bool:
        """Whether a late batch looks like a live sender's, of which nothing was heard before."""
        return (
            newest > arrived - _FIRST_WORDS_NS
            and all(newest - time <= _LIVE_NS for time in times)
            and not self._pause.explains(newest, arrived)
            and not self._is_known(sender)
        )

    def _take_back(self, sender: Sender, clock: _Clock) -> None:
        """Forget a clock that was taken for slow: its sender was late."""
        del self._clocks[sender]
        if isinstance(sender, str):
            self._restated.append(Restated(sender, -clock.shift))

    def _of_late_batch(self, sender: Sender, clock: _Clock | None, newest: int, arrived: int) -> int:
        """The shift of a batch that is late as a whole: 0 until its sender's lag proves constant."""
        lag = arrived - newest
        if clock is None or not clock.batches or abs(lag - clock.lag) > _SAME_LAG_NS:
            self._clocks[sender] = _Clock(lag=lag, since=arrived, batches=1)
            return 0
        clock.batches += 1
        batches, time_ns = _BROWSER_PROOF if isinstance(sender, str) else _BACKEND_PROOF
        if clock.batches < batches or arrived - clock.since < time_ns:
            return 0
        clock.shift, clock.wrong = min(lag, clock.lag), arrived
        if isinstance(sender, str):
            self._restated.append(Restated(sender, clock.shift))
        return clock.shift


def _split(times: Sequence[int], latest: int) -> tuple[int | None, list[int]]:
    """The newest of the times up to the latest one that is right, and those beyond it, sorted."""
    newest = max(times)
    if newest <= latest:
        return newest, []
    ahead = sorted([time for time in times if time > latest])
    return max([time for time in times if time <= latest], default=None), ahead


def _is_handed_on(row: MetricRow, shift: int, arrived: int) -> bool:
    """Whether only this one time is far in the past, and not its sender's clock."""
    return row.time_unix_nano < arrived - _DAY_NS and row.time_unix_nano + shift == arrived


def _moved(row: MetricRow, shift: int) -> MetricRow:
    return row._replace(
        time_unix_nano=row.time_unix_nano + shift,
        start_unix_nano=row.start_unix_nano and max(row.start_unix_nano + shift, 0),
        exemplars=tuple(each._replace(time_unix_nano=each.time_unix_nano + shift) for each in row.exemplars),
    )


def _still_holds(clock: _Clock, times: Sequence[int], arrived: int) -> bool:
    """Whether what is known of a clock explains these times; notes at which arrival it last had to."""
    latest = arrived + AHEAD_NS
    newest = max([time for time in times if time + clock.shift <= latest], default=None)
    if newest is None or newest + clock.shift < arrived - _STEADY_NS:
        return False
    if newest > arrived or newest < arrived - BEHIND_NS:
        clock.wrong = arrived
    return arrived - clock.wrong <= _FORGET_NS


def _shifted(times: Sequence[int], shift: int, arrived: int) -> Sequence[int]:
    """This shift for each time, but for strays, which stand at their arrival."""
    latest = arrived + AHEAD_NS
    return [shift if time + shift <= latest else arrived - time for time in times]


def _agreeing(
    senders: Sequence[Sender],
    traces: Sequence[Hashable],
    times: Sequence[int],
    found: list[int],
    arrived: int,
) -> Sequence[int]:
    """The shifts found, but 0 for the parts of a trace of which another sender's part is on time.

    The clocks of the senders disagree then, and the trace, which is where it belongs, shows by how much.
    """
    on_time: dict[Hashable, Sender] = {}
    for sender, trace, time, shift in zip(senders, traces, times, found, strict=True):
        if not shift and trace is not None and arrived - _DAY_NS < time:
            on_time.setdefault(trace, sender)
    if not on_time:
        return found
    return [
        0 if abs(shift) <= _DAY_NS and on_time.get(trace, sender) != sender else shift
        for sender, trace, shift in zip(senders, traces, found, strict=True)
    ]
