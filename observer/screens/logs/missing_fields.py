"""Fields that a log needs to be found from its trace and service, and which logs lack them. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from observer.components.number_format import count, plural
from signals.model import Log

UNKNOWN_SERVICES = ("", "unknown_service")
_NEEDED = ("trace_id", "span_id", "service.name")
_REMEDIES = {
    "trace_id": "If it belongs to a request, write it inside the span's context, or hand the logger the "
    "trace id; a log of a start, a stop or a timer has none.",
    "span_id": "Write it inside the span's context, or hand the logger the span id.",
    "service.name": "Set OTEL_SERVICE_NAME, or the resource attribute service.name, at the log's source.",
}
_SERVICES_LISTED = 5


@dataclass(frozen=True, slots=True)
class MissingField:
    """A field that some of the logs do not carry."""

    name: str
    count: int
    of_logs: int
    """The number of logs that were checked."""
    services: tuple[str, ...]
    """The services of the logs without it, by name; at most five."""

    @property
    def share(self) -> str:
        """`3 of the 100 logs below lack`; the field's name follows."""
        return f"{count(self.count)} of the {plural(self.of_logs, 'log')} below lack{_s(self.count)}"

    @property
    def short_share(self) -> str:
        """`3 lack`; the field's name follows."""
        return f"{count(self.count)} lack"

    @property
    def consequence(self) -> str:
        """What cannot be done without the field."""
        start = "its service" if self.name == "service.name" else "its trace"
        return f"without it a log cannot be found from {start}."

    @property
    def remedy(self) -> str:
        """How logs get the field."""
        return remedy_of(self.name)


def _s(number: int) -> str:
    return "s" if number == 1 else ""


def remedy_of(name: str) -> str:
    """How a log gets one of the needed fields, in one sentence."""
    return _REMEDIES[name]


def missing_names(log: Log) -> tuple[str, ...]:
    """The needed fields that a log does not carry."""
    present = (log.trace_id, log.span_id, log.service not in UNKNOWN_SERVICES)
    return tuple(name for name, found in zip(_NEEDED, present, strict=True) if not found)


def advice_of(log: Log) -> tuple[tuple[str, str], ...]:
    """Each needed field that a log lacks, with the remedy; without a trace there is no span to name."""
    missing = missing_names(log)
    return tuple(
        (name, remedy_of(name)) for name in missing if name != "span_id" or "trace_id" not in missing
    )


def missing_fields(logs: Sequence[Log]) -> tuple[MissingField, ...]:
    """The fields that some of these logs lack, most frequent first."""
    counts: Counter[str] = Counter()
    services: dict[str, set[str]] = {}
    for log in logs:
        for name in missing_names(log):
            counts[name] += 1
            services.setdefault(name, set()).add(log.service or "(no service.name)")
    return tuple(
        MissingField(name, number, len(logs), tuple(sorted(services[name]))[:_SERVICES_LISTED])
        for name, number in counts.most_common()
    )
