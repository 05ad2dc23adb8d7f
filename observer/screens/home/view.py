"""The home page's view-model: the newest telemetry, the lab's addresses and processes. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from observer.components.session_rows import SessionRow, session_rows
from observer.lookup.lab_status import Lab, Process
from signals.model import Log, SpanError
from store.api import Limitation, SessionSummary, StoreStatus, TraceSummary

_LIMITATIONS: Final[Mapping[Limitation, str]] = {
    Limitation.TYPES: "attributes of some spans and logs are text",
    Limitation.ARRIVAL: "in which order things arrived is not known, so that logs have no live tail",
    Limitation.LATE: "what arrived late is not known",
    Limitation.DELETED: "what was deleted is not remembered",
    Limitation.WRITERS: "when a collector ran is not known",
    Limitation.OLD_METRICS: "metrics are asked of the newest points only",
}
_UP = frozenset({"ready", "running", "on demand"})
"""States of a process that is up."""


@dataclass(frozen=True, slots=True)
class FailingTrace:
    """A trace in which an error began."""

    trace_id: str
    service: str
    operation: str
    start_unix_nano: int
    origins: tuple[str, ...]
    """The services in which errors began; none where a lesson asks for them."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where telemetry can be sent."""

    label: str
    address: str
    note: str


@dataclass(frozen=True, slots=True)
class ProcessItem:
    """One process of the lab."""

    name: str
    css: str
    """`up` or `down`."""
    state: str
    """Its state, and how often it was restarted."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest telemetry. Where a lesson runs, error logs are counted only: they name the cause."""

    sessions: Sequence[SessionSummary]
    traces: Sequence[TraceSummary]
    logs: Sequence[Log]
    error_logs: int | None
    """How many there are where they are counted only."""


@dataclass(frozen=True, slots=True)
class HomePage:
    """The home page."""

    status: StoreStatus
    sessions: Sequence[SessionRow]
    traces: tuple[FailingTrace, ...]
    logs: Sequence[Log]
    error_logs: int | None
    """How many error logs there are where they are counted and not shown."""
    loss: Log | None
    """The newest log in which a sender reports that telemetry was lost."""
    endpoints: tuple[Endpoint, ...]
    processes: tuple[ProcessItem, ...]

    @property
    def limitations(self) -> tuple[str, ...]:
        """What this store cannot tell, in words."""
        return tuple(_LIMITATIONS[each] for each in self.status.limitations)

    @property
    def nothing_received(self) -> bool:
        """Whether the store holds neither spans nor logs."""
        return not self.status.spans and not self.status.logs


def build(
    status: StoreStatus,
    newest: Newest,
    loss: Log | None,
    lab: Lab,
) -> HomePage:
    """The home page of a lab from the store's newest telemetry."""
    return HomePage(
        status=status,
        sessions=session_rows(newest.sessions),
        traces=tuple(_failing_trace(summary, named=newest.error_logs is None) for summary in newest.traces),
        logs=newest.logs,
        error_logs=newest.error_logs,
        loss=loss,
        endpoints=endpoints(lab),
        processes=tuple(
            ProcessItem(process.name, "up" if process.state in _UP else "down", _state_of(process))
            for process in lab.processes
        ),
    )


def endpoints(lab: Lab) -> tuple[Endpoint, ...]:
    """The addresses at which the lab's collector receives telemetry."""
    otlp = lab.otlp_http
    return (
        Endpoint("OTLP over HTTP", otlp, "traces, logs, metrics; protobuf or JSON"),
        Endpoint("OTLP over gRPC", lab.otlp_grpc, "traces, logs, metrics"),
        Endpoint("RUM beacons", f"{otlp}/v1/rum", "Splunk's agent; /v1/rumotlp for its OTLP exporter"),
        Endpoint("Environment", f"OTEL_EXPORTER_OTLP_ENDPOINT={otlp}", "for every OpenTelemetry SDK"),
    )


def _failing_trace(summary: TraceSummary, *, named: bool) -> FailingTrace:
    return FailingTrace(
        trace_id=summary.trace_id,
        service=summary.service,
        operation=summary.operation,
        start_unix_nano=summary.start_unix_nano,
        origins=tuple(each.name for each in summary.services if named and each.error is SpanError.ORIGIN),
    )


def _state_of(process: Process) -> str:
    times = f", restarted {process.restarts}\u00d7" if process.restarts else ""
    return f"{process.state}{times}"
