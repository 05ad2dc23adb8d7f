"""Sentences about irregularities of a trace and of its spans, for pages and the API alike."""

from __future__ import annotations

from collections.abc import Container

from observer.clock_notes import length, span_time_notes
from signals.model import SpanId, TraceId
from signals.trace_analysis import TraceAnalysis, TraceRow


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
    return tuple(notes)


def _dead_link_notes(dead: int) -> tuple[str, ...]:
    if not dead:
        return ()
    links = "One of its links leads" if dead == 1 else f"{dead:,} of its links lead"
    return (f"{links} to a span that is not here: it has not arrived, was not sampled, or was pruned.",)


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
