"""Facts of a whole trace: shares of time, global tags, services; and the status of a span. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from observer.components.number_format import plural
from observer.drawing import bars
from signals.attributes import SYNTHETIC, environment_of, first_of, http_status_of, text_of
from signals.ids import short_trace_id
from signals.model import ServiceInTrace, Span, SpanError, SpanId, StatusCode, TraceId
from signals.trace_analysis import TraceAnalysis
from store.api import BrowserLink

_CALL_PREFIXES = (
    "http.", "url.", "rpc.", "net.", "network.", "server.", "client.", "peer.", "code.", "thread.", "db.",
    "messaging.", "error", "exception.", "otel.", "ot.", "grpc.", "status.", "span.", "faas.", "event",
    "user_agent.original", "component", "process.",
)  # fmt: skip
"""Prefixes of attributes that describe one call, not the whole request."""
_CODES = ("grpc.status_code", "rpc.response.status_code", "rpc.grpc.status_code")
_GLOBAL_LIMIT = 12
_DIGITS = re.compile(r"[0-9]+")
"""Numbers in a message, such as a duration or a port: two that differ in them alone are one cause."""
_RANK = {SpanError.ORIGIN: 0, SpanError.RECEIVED: 1, SpanError.NONE: 2}


@dataclass(frozen=True, slots=True)
class TimeShare:
    """The part of a trace's duration spent in one of four categories."""

    name: str
    css: str
    percent: float
    duration_ns: int

    @property
    def words(self) -> str:
        """`66.6 %`; a share above zero is never written as zero."""
        if self.percent == 0 and self.duration_ns > 0:
            return "< 0.1 %"
        return f"{self.percent:.1f} %"


@dataclass(frozen=True, slots=True)
class Cause:
    """Spans in which errors began that say the same: one service, operation, status and message."""

    service: str
    operation: str
    code: str
    message: str
    span_ids: tuple[SpanId, ...]
    """In the order of the waterfall."""


@dataclass(frozen=True, slots=True)
class TraceFacts:
    """A trace without its waterfall."""

    trace_id: TraceId
    title: str
    """`service: operation` of the entry span, else the trace with the first digits of its id."""
    analysis: TraceAnalysis
    shares: tuple[TimeShare, ...]
    shares_bar: Markup
    tags: tuple[tuple[str, str], ...]
    """(name, value) of what applies to the whole request."""
    services: tuple[ServiceInTrace, ...]
    """Failing ones first."""
    browser: BrowserLink | None
    """The browser's event that started the trace."""
    truncated: bool
    """Only the earliest spans were read."""
    path_end_ns: int | None
    """End of the critical path, from the start of the trace; None if the trace ends with it."""
    complete: bool

    causes: tuple[Cause, ...]
    """The root causes, equal ones as one."""

    @property
    def causes_words(self) -> str:
        """`1 root cause`; where equal ones were grouped, `2 root causes, 4 spans`."""
        spans = sum(len(cause.span_ids) for cause in self.causes)
        words = plural(len(self.causes), "root cause")
        return words if spans == len(self.causes) else f"{words}, {plural(spans, 'span')}"

    @property
    def short_id(self) -> str:
        """The first digits of the id, by which the trace can be found too."""
        return short_trace_id(self.trace_id)


def facts_of(
    trace_id: TraceId, analysis: TraceAnalysis, browser: BrowserLink | None, *, truncated: bool
) -> TraceFacts:
    """The facts of an analysed trace."""
    shares = time_shares(analysis)
    entry = f"{analysis.service}: {analysis.operation}" if analysis.entry else ""
    return TraceFacts(
        trace_id=trace_id,
        title=entry or f"Trace {short_trace_id(trace_id)}",
        analysis=analysis,
        shares=shares,
        shares_bar=_shares_bar(shares),
        tags=global_tags(analysis),
        services=failing_first(analysis.services),
        browser=browser,
        truncated=truncated,
        path_end_ns=_path_end_ns(analysis),
        complete=analysis.complete and analysis.spans > 0,
        causes=causes_of(analysis),
    )


def causes_of(analysis: TraceAnalysis) -> tuple[Cause, ...]:
    """The root causes of a trace in the order of the waterfall, equal ones as one."""
    found: dict[tuple[str, str, str, str], list[SpanId]] = {}
    for row in analysis.rows:
        if row.error is SpanError.ORIGIN and not row.inferred:
            span = row.span
            key = (span.service, span.name, status_code_of(span), _DIGITS.sub("0", span.status_message))
            found.setdefault(key, []).append(span.span_id)
    return tuple(Cause(*key, tuple(span_ids)) for key, span_ids in found.items())


def _shares_bar(shares: Sequence[TimeShare]) -> Markup:
    label = ", ".join(f"{share.name} {share.percent:.1f} percent" for share in shares)
    drawn = [bars.Share(share.name, share.css, share.percent) for share in shares]
    return bars.stacked(drawn, f"Performance Summary: {label}")


def _path_end_ns(analysis: TraceAnalysis) -> int | None:
    path = analysis.critical_path
    if not path:
        return None
    end = max(segment.start_unix_nano + segment.duration_ns for segment in path)
    after = end - analysis.start_unix_nano
    return after if after < analysis.duration_ns else None


def time_shares(analysis: TraceAnalysis) -> tuple[TimeShare, ...]:
    """Application, Database, External, Network, in this order; all zero without a backend span."""
    p = analysis.performance
    return (
        TimeShare("Application", "application", p.application, p.application_ns),
        TimeShare("Database", "database", p.database, p.database_ns),
        TimeShare("External", "external", p.external, p.external_ns),
        TimeShare("Network", "network", p.network, p.network_ns),
    )


def global_tags(analysis: TraceAnalysis) -> tuple[tuple[str, str], ...]:
    """(name, value) of what applies to the whole request: type, workflow, environment, propagated attributes.

    An attribute counts as propagated if at least two services carry it, all with the same value.
    """
    entry = analysis.entry
    if entry is None:
        return ()
    spans = [row.span for row in analysis.rows if not row.inferred]
    synthetic = next((text for text in (text_of(s.attributes.get(SYNTHETIC)) for s in spans) if text), "")
    tags = [("Request type", f"synthetic ({synthetic})" if synthetic else "user")]
    tags.append(("Workflow", analysis.workflow))
    environment = environment_of(entry.span.resource, entry.span.attributes)
    if environment:
        tags.append(("Environment", environment))
    tags.extend(_propagated(spans))
    return tuple(tags[:_GLOBAL_LIMIT])


def _propagated(spans: Sequence[Span]) -> list[tuple[str, str]]:
    values: dict[str, str] = {}
    carriers: dict[str, set[str]] = {}
    for span in spans:
        for name, value in span.attributes.items():
            if name == SYNTHETIC or name.startswith(_CALL_PREFIXES):
                continue
            text = text_of(value)
            if values.setdefault(name, text) != text:
                carriers[name] = set()
                values[name] = "\0several"
                continue
            carriers.setdefault(name, set()).add(span.service)
    return [(name, values[name]) for name in sorted(carriers) if len(carriers[name]) > 1]


def failing_first(services: Sequence[ServiceInTrace]) -> tuple[ServiceInTrace, ...]:
    """Services in which errors began, then those that received errors, then the rest."""
    return tuple(sorted(services, key=lambda each: (_RANK[each.error], -each.spans, each.name)))


def status_code_of(span: Span) -> str:
    """The status code of a span's protocol, or empty; gRPC's 0 (OK) counts as none."""
    code = first_of(span.attributes, _CODES)
    if code and code != "0":
        return code
    status = http_status_of(span.attributes)
    return "" if status is None else str(status)


def status_words(span: Span) -> str:
    """The span's OpenTelemetry status: `Error`, `OK` or `Unset`."""
    if span.status is StatusCode.ERROR:
        return "Error"
    return "OK" if span.status is StatusCode.OK else "Unset"
