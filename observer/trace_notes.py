"""Sentences about what is irregular of traces, spans, sessions and logs, for pages and the API alike.

Why a time was moved says docs/adr/020-senders-clock.md. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from datetime import UTC, datetime

from signals.attributes import http_status_of
from signals.model import OddTime, Span, SpanId, SpanKind, StatusCode, TraceId
from signals.semantics import is_error_answer
from signals.trace_analysis import TraceAnalysis, TraceRow

_S = 1_000_000_000
_LEAST_SERVER_ERROR = 500
_LAST_SECOND = 253_402_214_400
"""The last day of the year 9999, beyond which there is no calendar."""
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


def row_notes(row: TraceRow, dead_links: Container[tuple[TraceId, SpanId]] = ()) -> tuple[str, ...]:
    """What is irregular about a row of the waterfall, each in one sentence; and what an inferred row is.

    `dead_links` are targets of links that are not in the store.
    """
    span = row.span
    if row.inferred:
        return (f"{span.service} sent no spans of its own: this row is what {row.client} saw of it.",)
    notes = []
    if row.orphan:
        notes.append(
            f"Its parent {span.parent_span_id} has not arrived, so this span stands at the top: "
            "the parent may still come, may have been dropped, or its service sends no spans."
        )
    if row.circular:
        notes.append(
            f"It names {span.parent_span_id} as its parent, which is itself or one of its own descendants: "
            "the link was cut here to show the spans at all."
        )
    if row.duplicate:
        notes.append(f"Another span has the same id {span.span_id}: children stand under the earlier one.")
    if row.skew:
        notes.append(_skew_note(row))
    if row.late_end_ns:
        notes.append(
            f"It ends {row.late_end_ns / 1e6:,.1f} ms after its parent: the parent did not wait for it, "
            "or gave up before."
        )
    notes += span_time_notes(span)
    notes += _dead_link_notes(sum((link.trace_id, link.span_id) in dead_links for link in span.links))
    if not span.error and span.status is StatusCode.UNSET and is_error_answer(span.attributes):
        notes.append(_answer_note(span))
    return tuple(notes)


def _dead_link_notes(dead: int) -> tuple[str, ...]:
    if not dead:
        return ()
    links = "One of its links leads" if dead == 1 else f"{dead:,} of its links lead"
    return (f"{links} to a span that is not here: it has not arrived, was not sampled, or was pruned.",)


def _answer_note(span: Span) -> str:
    """Why an answer that is an error by its code makes no error of the span."""
    status = http_status_of(span.attributes)
    answer = "its gRPC status is not 0"
    if status is not None:
        answer = f"it was answered {status}" if span.kind is SpanKind.CLIENT else f"it answered {status}"
    why = "its sender did not mark it"
    if span.kind is SpanKind.CLIENT:
        why = "its sender did not count that as an error of its own; it counts as one of what was called"
    elif span.kind is SpanKind.SERVER and status is not None and status < _LEAST_SERVER_ERROR:
        why = "to a server, a request that it refuses is its caller's mistake"
    return f"No error, although {answer}: the span's status is unset, as {why}."


def _skew_note(row: TraceRow) -> str:
    skew = row.skew
    assert skew is not None
    service = row.span.service
    if skew.before_parent_ns:
        when = f"starts {_gap(skew.before_parent_ns)} before its parent"
    else:
        when = f"starts {_gap(skew.after_call_ns)} after the call that it answers had ended"
    if service == skew.parent_service:
        return (
            f"It {when}, which is not possible in one process: a clock was set meanwhile, or a time is wrong."
        )
    return (
        f"It {when}: the clocks of {skew.parent_service} and {service} disagree. "
        "Its time is shown as it was reported"
        + (", its bar where its caller's clock has it." if row.moved_ns else ".")
    )


def trace_notes(analysis: TraceAnalysis) -> tuple[str, ...]:
    """What is irregular about a trace as a whole, each in one sentence."""
    orphans = sum(row.orphan for row in analysis.rows)
    circular = sum(row.circular for row in analysis.rows)
    duplicates = sum(row.duplicate for row in analysis.rows)
    skewed = sum(row.skewed for row in analysis.rows)
    moved = [row.span.clock_shift_ns for row in analysis.rows if row.span.clock_shift_ns and not row.inferred]
    odd = sum(row.span.odd_time is not None for row in analysis.rows if not row.inferred)
    notes = []
    if not analysis.spans:
        notes.append("No backend span of this trace has arrived yet.")
    if orphans:
        notes.append(f"Incomplete: {_spans(orphans)} whose parent has not arrived.")
    if circular:
        notes.append(
            f"{_spans(circular).capitalize()} in a circle of parents: the circle was cut to show them."
        )
    if duplicates:
        notes.append(f"{_spans(duplicates).capitalize()} with an id that another span has too.")
    if skewed:
        notes.append(
            f"{_spans(skewed).capitalize()} at a time that does not fit the parent's: clocks disagree."
        )
    if moved:
        furthest = max(moved, key=abs)
        way = "ahead" if furthest < 0 else "behind"
        clocks = "clock is" if len(set(moved)) == 1 else "clocks are up to"
        notes.append(
            f"{_spans(len(moved)).capitalize()} shown at the time of arrival: "
            f"the sender's {clocks} {length(abs(furthest))} {way}."
        )
    if odd:
        notes.append(f"{_spans(odd).capitalize()} with an impossible start or end, shown without a duration.")
    return tuple(notes)


def _spans(count: int) -> str:
    return "one span" if count == 1 else f"{count:,} spans"


def _gap(gap_ns: int) -> str:
    """`50.0 ms`; from two minutes on `5 min`."""
    return length(gap_ns) if gap_ns >= 120 * 10**9 else f"{gap_ns / 1e6:,.1f} ms"


def length(duration_ns: int) -> str:
    """`45 s`, `9 min`, `3 h`, `12 days`, `173 years`."""
    seconds = round(duration_ns / _S)
    for least, unit_s, word in _UNITS:
        if seconds >= least:
            number = round(seconds / unit_s)
            return f"{number:,} {word}{'s' if word in ('day', 'year') else ''}"
    return f"{seconds} s"


def skew_words(shift_ns: int) -> str:
    """`9 min ahead`, `3 h behind`; empty where nothing was moved."""
    return f"{length(abs(shift_ns))} {'ahead' if shift_ns < 0 else 'behind'}" if shift_ns else ""


def clock_note(shift_ns: int, shown_unix_nano: int = 0) -> str:
    """That the sender's clock was wrong, and by how much; empty where nothing was moved.

    With the time that is shown, the note gives the time that was claimed.
    """
    if not shift_ns:
        return ""
    claimed = f" It claims {_iso(shown_unix_nano - shift_ns)}." if shown_unix_nano else ""
    return f"This sender's clock is {skew_words(shift_ns)}; shown at its arrival.{claimed}"


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


def _iso(unix_nano: int) -> str:
    seconds = min(max(unix_nano // _S, 0), _LAST_SECOND)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
