"""What is said of a whole trace beside its waterfall: shares of time, global tags, status of a span."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from signals.attributes import environment_of, first_of, http_status_of, text_of
from signals.model import ServiceInTrace, Span, SpanError, StatusCode
from signals.trace_analysis import TraceAnalysis

_OF_ONE_CALL = (
    "http.", "url.", "rpc.", "net.", "network.", "server.", "client.", "peer.", "code.", "thread.", "db.",
    "messaging.", "error", "exception.", "otel.", "ot.", "grpc.", "status.", "span.", "faas.", "event",
    "user_agent.original", "component", "process.",
)  # fmt: skip
"""Beginnings of attributes that describe one call, not the whole request."""
_SYNTHETIC = "user_agent.synthetic.type"
_CODES = ("grpc.status_code", "rpc.response.status_code", "rpc.grpc.status_code")
_GLOBAL_LIMIT = 12
_RANK = {SpanError.ORIGIN: 0, SpanError.RECEIVED: 1, SpanError.NONE: 2}


@dataclass(frozen=True, slots=True)
class TimeShare:
    """One of the four places where time goes."""

    name: str
    css: str
    percent: float
    duration_ns: int

    @property
    def words(self) -> str:
        """`66.6 %`; what is above nothing is never written as nothing."""
        if self.percent == 0 and self.duration_ns > 0:
            return "< 0.1 %"
        return f"{self.percent:.1f} %"


def time_shares(analysis: TraceAnalysis) -> tuple[TimeShare, ...]:
    """Application, Database, External, Network, in this order; all nothing without a backend span."""
    p = analysis.performance
    return (
        TimeShare("Application", "application", p.application, p.application_ns),
        TimeShare("Database", "database", p.database, p.database_ns),
        TimeShare("External", "external", p.external, p.external_ns),
        TimeShare("Network", "network", p.network, p.network_ns),
    )


def global_tags(analysis: TraceAnalysis) -> tuple[tuple[str, str], ...]:
    """What holds for the whole request: its type, workflow, environment, and what travelled with it.

    An attribute travelled if at least two services carry it and all with one value.
    """
    entry = analysis.entry
    if entry is None:
        return ()
    spans = [row.span for row in analysis.rows if not row.inferred]
    synthetic = next((text for text in (text_of(s.attributes.get(_SYNTHETIC)) for s in spans) if text), "")
    tags = [("Request type", f"synthetic ({synthetic})" if synthetic else "user")]
    tags.append(("Workflow", analysis.workflow))
    environment = environment_of(entry.span.resource, entry.span.attributes)
    if environment:
        tags.append(("Environment", environment))
    tags.extend(_travelled(spans))
    return tuple(tags[:_GLOBAL_LIMIT])


def _travelled(spans: Sequence[Span]) -> list[tuple[str, str]]:
    values: dict[str, str] = {}
    carriers: dict[str, set[str]] = {}
    for span in spans:
        for name, value in span.attributes.items():
            if name == _SYNTHETIC or name.startswith(_OF_ONE_CALL):
                continue
            text = text_of(value)
            if values.setdefault(name, text) != text:
                carriers[name] = set()
                values[name] = "\0several"
                continue
            carriers.setdefault(name, set()).add(span.service)
    return [(name, values[name]) for name in sorted(carriers) if len(carriers[name]) > 1]


def failing_first(services: Sequence[ServiceInTrace]) -> tuple[ServiceInTrace, ...]:
    """Services as the dialog lists them: where errors began, then where they arrived, then the rest."""
    return tuple(sorted(services, key=lambda each: (_RANK[each.error], -each.spans, each.name)))


def status_code_of(span: Span) -> str:
    """The code that a span ended with, as its protocol writes it, or nothing; gRPC's 0 says nothing."""
    code = first_of(span.attributes, _CODES)
    if code and code != "0":
        return code
    status = http_status_of(span.attributes)
    return "" if status is None else str(status)


def status_words(span: Span) -> str:
    """How a span ended, in words: `Error`, `OK`, or `Unset` where nobody said."""
    if span.status is StatusCode.ERROR:
        return "Error"
    return "OK" if span.status is StatusCode.OK else "Unset"
