"""Looks up a trace by the id of an address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

from observer.request.errors import Unknown, refuse
from signals.ids import TRACE_ID_FORM, read_trace_id
from signals.model import Span, SpanId, TraceId
from store.api import LogQuery, Presence, Reader, TraceSummary, Window

SPANS_LIMIT = 50_000
"""Spans read of one trace."""
_ARRIVING_NS = 60 * 10**9
"""After this, what is missing of a trace is not expected any more."""
_LINKS_LIMIT = 1_000
"""Links of a trace that are looked up."""

Ids = tuple[TraceId, SpanId]


@dataclass(frozen=True, slots=True)
class FoundTrace:
    trace_id: TraceId
    spans: Sequence[Span]
    """By start; browser spans too."""
    truncated: bool
    """The trace has at least one more span than was read."""


def find_trace(reader: Reader, text: str, limit: int = SPANS_LIMIT) -> FoundTrace:
    """The trace that an address names by 32 or the last 16 digits.

    Raises Malformed, or Unknown (code `pruned` if it was here).
    """
    trace_id = full_trace_id(reader, text)
    spans = reader.spans_of_trace(trace_id, limit)
    if not spans:
        raise missing_trace(reader, trace_id)
    return FoundTrace(trace_id, spans, truncated=len(spans) >= limit)


def has_arrived(summary: TraceSummary, now_unix_nano: int) -> bool:
    """Whether all spans of a trace are here, or the missing ones are not expected any more."""
    ended = summary.start_unix_nano + summary.duration_ns
    return bool(summary.service) and (summary.complete or now_unix_nano - ended > _ARRIVING_NS)


def full_trace_id(reader: Reader, text: str) -> TraceId:
    """All 32 digits of an id that may have been given by its last 16; the newest such trace.

    Raises Malformed, or Unknown if no trace ends in these 16 digits.
    """
    trace_id = read_trace_id(text)
    if trace_id is None:
        raise refuse("trace_id", text, TRACE_ID_FORM)
    if len(trace_id) == 32:
        return trace_id
    ending = reader.trace_ids_ending(trace_id)
    if not ending:
        raise missing_trace(reader, TraceId(trace_id.zfill(32)), shown=trace_id)
    return ending[0]


def missing_trace(reader: Reader, trace_id: TraceId, shown: str = "") -> Unknown:
    """Why a trace is not here: pruned, never received, or only its logs were."""
    named = shown or trace_id
    if reader.locate(trace_id) is Presence.PRUNED:
        return Unknown.pruned(f"Trace {named}", "Make a new one")
    logs = reader.count_logs(LogQuery(window=Window.ALL, trace_id=trace_id))
    if logs:
        return Unknown(
            no_span_but_logs(named, logs),
            "Its services send logs and no spans, or the spans are still on their way.",
            logs_of=trace_id,
        )
    return Unknown(
        f"No span of trace {named} has arrived.",
        "Check the id. If the request was just made, wait a second: exporters send in batches.",
    )


def dead_links(reader: Reader, spans: Iterable[Span]) -> frozenset[Ids]:
    """Where the spans link to and nothing is: the first thousand links are looked up."""
    linked = ((link.trace_id, link.span_id) for span in spans for link in span.links)
    targets = tuple(dict.fromkeys(islice(linked, _LINKS_LIMIT)))
    readable = tuple(ids for ids in targets if len(ids[0]) == 32 and len(ids[1]) == 16)
    absent = reader.absent_spans(readable) if readable else frozenset()
    return absent | (frozenset(targets) - frozenset(readable))


def no_span_but_logs(trace_id: str, logs: int) -> str:
    """The message for a trace of which only logs are here."""
    return f"No span of trace {trace_id} has arrived, but {logs:,} {'log' if logs == 1 else 'logs'} of it."
