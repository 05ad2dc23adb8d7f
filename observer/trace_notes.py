"""Sentences about irregularities of a trace and of its spans, for pages and the API alike."""

from __future__ import annotations

from signals.attributes import http_status_of
from signals.model import Span, SpanKind, StatusCode
from signals.semantics import is_error_answer
from signals.trace_analysis import TraceAnalysis, TraceRow

_LEAST_SERVER_ERROR = 500


def row_notes(row: TraceRow) -> tuple[str, ...]:
    """What is irregular about a row of the waterfall, each in one sentence; and what an inferred row is."""
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
    if not span.error and span.status is StatusCode.UNSET and is_error_answer(span.attributes):
        notes.append(_answer_note(span))
    return tuple(notes)


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
        when = f"starts {skew.before_parent_ns / 1e6:,.1f} ms before its parent"
    else:
        when = f"starts {skew.after_call_ns / 1e6:,.1f} ms after the call that it answers had ended"
    if service == skew.parent_service:
        return (
            f"It {when}, which is not possible in one process: a clock was set meanwhile, or a time is wrong."
        )
    return (
        f"It {when}: the clocks of {skew.parent_service} and {service} disagree. "
        "Its time is shown as it was reported."
    )


def trace_notes(analysis: TraceAnalysis) -> tuple[str, ...]:
    """What is irregular about a trace as a whole, each in one sentence."""
    orphans = sum(row.orphan for row in analysis.rows)
    circular = sum(row.circular for row in analysis.rows)
    duplicates = sum(row.duplicate for row in analysis.rows)
    skewed = sum(row.skewed for row in analysis.rows)
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
    return tuple(notes)


def _spans(count: int) -> str:
    return "one span" if count == 1 else f"{count:,} spans"
