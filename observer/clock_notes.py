"""Sentences about times that were moved because a sender's clock was wrong, for pages and the API alike.

What is moved, and why, says docs/adr/020-senders-clock.md. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from observer.request.local_time import iso_ms
from signals.model import OddTime, Span

_S = 1_000_000_000
_UNITS = (
    (366 * 86_400, 365 * 86_400, "year"),
    (2 * 86_400, 86_400, "day"),
    (7_200, 3_600, "h"),
    (120, 60, "min"),
)
"""(from how many seconds, seconds of one, its word)"""
_ODD = {
    OddTime.NO_END: "It has no end: it may still run, or its sender died. It is shown without a duration.",
    OddTime.ENDS_BEFORE_START: "It claims to end before it starts. It is shown without a duration.",
    OddTime.ENDS_AFTER_ARRIVAL: "It claims to end after it had arrived here. It is shown without a duration.",
    OddTime.STARTS_TOO_EARLY: (
        "It claims to have begun more than a month before it arrived. It is shown at its end, as a moment."
    ),
}


def length(duration_ns: int) -> str:
    """`45 s`, `9 min`, `3 h`, `12 days`, `173 years`."""
    seconds = round(duration_ns / _S)
    for least, unit_s, word in _UNITS:
        if seconds >= least:
            number = round(seconds / unit_s)
            return f"{number:,} {word}{'s' if word in ('day', 'year') else ''}"
    return f"{seconds} s"


def clock_note(shift_ns: int, shown_unix_nano: int = 0) -> str:
    """That the sender's clock was wrong, and by how much; empty where nothing was moved.

    With the time that is shown, the note gives the time that was claimed.
    """
    if not shift_ns:
        return ""
    way = "ahead" if shift_ns < 0 else "behind"
    claimed = f" It claims {iso_ms((shown_unix_nano - shift_ns) // 1_000_000)}." if shown_unix_nano else ""
    return f"This sender's clock is {length(abs(shift_ns))} {way}; shown at its arrival.{claimed}"


def span_time_notes(span: Span) -> tuple[str, ...]:
    """What is wrong about the times that a span claims, each in one sentence."""
    notes = []
    if span.clock_shift_ns:
        notes.append(clock_note(span.clock_shift_ns, span.start_unix_nano))
    if span.odd_time is not None:
        notes.append(_ODD[span.odd_time])
    return tuple(notes)


def session_clock_notes(spans: Sequence[Span]) -> tuple[str, ...]:
    """What is wrong about the clock of a session's browser, from its events in any order."""
    shifts = Counter(span.clock_shift_ns for span in spans)
    moved = Counter({shift: count for shift, count in shifts.items() if shift})
    notes = []
    if moved:
        shift, count = moved.most_common(1)[0]
        if len(shifts) == 1:
            notes.append(clock_note(shift))
        elif count == 1 and len(moved) == 1:
            notes.append("One event has a stray time: it is shown at its arrival.")
        else:
            notes.append(
                f"The browser's clock jumped, up to {length(max(map(abs, moved)))}: "
                f"{moved.total():,} of {len(spans):,} events are shown at their arrival."
            )
    odd = sum(span.odd_time is not None for span in spans)
    if odd:
        events = "One event has" if odd == 1 else f"{odd:,} events have"
        notes.append(f"{events} an impossible start or end, and no duration.")
    return tuple(notes)
