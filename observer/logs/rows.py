"""Logs as they are shown: rows, one log in full, the histogram, fields, and what logs lack. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from markupsafe import Markup

from observer.drawing.charts import Frame
from observer.drawing.charts import Layer
from observer.drawing.charts import columns
from observer.ui.format import clock
from observer.ui.format import count
from observer.ui.jsontree import Node
from observer.ui.jsontree import tree
from store.model import Attribute
from store.model import HistogramColumn
from store.model import Log
from store.model import LogField
from store.model import Severity
from store.model import Window
from store.semantics import text_of

FIELDS_LIMIT = 120
"""Fields in the panel; rarer ones are counted."""
UNKNOWN_SERVICES = ("", "unknown_service")
NEEDED = ("trace_id", "span_id", "service.name")
"""What a log must carry to be found from a trace and a service."""
_REMEDIES = {
    "trace_id": "Write the log inside the span's context, or hand the logger the current trace id.",
    "span_id": "Write the log inside the span's context, or hand the logger the current span id.",
    "service.name": "Set OTEL_SERVICE_NAME, or the resource attribute service.name, at the log's source.",
}

_ARGUMENTS = {"service.name": "service", "severity": "severity", "trace_id": "trace_id", "span_id": "span_id"}


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that logs do not carry, how many of them, and the remedy."""

    name: str
    count: int
    services: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True)
class FieldOfLogs:
    name: str
    glyph: str
    """`#` for numbers, `a` for text."""
    count: int
    values: tuple[tuple[str, int, float], ...]
    """(value, count, share of the field's count)."""
    argument: str
    """How a value is filtered by: `service`, `severity`, `trace_id`, `span_id`, or `attr`."""


def lacks_of(log: Log) -> tuple[str, ...]:
    """Which of NEEDED a log does not carry."""
    found = (log.trace_id, log.span_id, log.service not in UNKNOWN_SERVICES)
    return tuple(name for name, there in zip(NEEDED, found, strict=True) if not there)


def lacks(logs: Sequence[Log]) -> tuple[Lack, ...]:
    """What these logs lack, most frequent first; services by name, at most five."""
    counts: Counter[str] = Counter()
    by: dict[str, set[str]] = {}
    for log in logs:
        for name in lacks_of(log):
            counts[name] += 1
            by.setdefault(name, set()).add(log.service or "(no service.name)")
    return tuple(
        Lack(name, number, tuple(sorted(by[name]))[:5], _REMEDIES[name])
        for name, number in counts.most_common()
    )


def remedy_of(name: str) -> str:
    """How a log gets what it lacks."""
    return _REMEDIES[name]


def document(log: Log) -> tuple[Node, ...]:
    """One log as a JSON tree: its own fields flat, as a logger writes them, and the resource beneath."""
    top: dict[str, Attribute] = {
        "severity": log.severity.value,
        "message": log.body,
        "service.name": log.service,
        "trace_id": log.trace_id,
        "span_id": log.span_id,
    }
    own = tree({k: v for k, v in top.items() if v})
    fields = tree({k: v for k, v in log.attributes.items() if k not in top}, filterable=True)
    beneath: dict[str, Attribute] = {"resource": log.resource, "scope": log.scope}
    return (*own, *fields, *tree({k: v for k, v in beneath.items() if v}))


def fields_of(fields: Sequence[LogField]) -> tuple[FieldOfLogs, ...]:
    """The fields panel: the most frequent, at most FIELDS_LIMIT."""
    most = sorted(fields, key=lambda field: (-field.count, field.name))[:FIELDS_LIMIT]
    return tuple(_field(field) for field in most)


def _field(field: LogField) -> FieldOfLogs:
    return FieldOfLogs(
        name=field.name,
        glyph="#" if field.values and all(_is_number(value) for value, _ in field.values) else "a",
        count=field.count,
        values=tuple((value, n, n / field.count if field.count else 0.0) for value, n in field.values),
        argument=_ARGUMENTS.get(field.name, "attr"),
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def totals(histogram: Sequence[HistogramColumn]) -> Mapping[Severity, int]:
    """How many of each severity the histogram holds, worst first."""
    found = {s: sum(column.counts.get(s, 0) for column in histogram) for s in reversed(Severity)}
    return {severity: number for severity, number in found.items() if number}


def chart(
    histogram: Sequence[HistogramColumn],
    window: Window,
    zone: tzinfo,
    hrefs: Sequence[str],
    *,
    width: float = 1200.0,
) -> Markup:
    """The histogram by severity; each column leads to its own time."""
    layers = [
        Layer(s.value, f"sev-{s.value}", [column.counts.get(s, 0) for column in histogram]) for s in Severity
    ]
    words = [_words(column, zone) for column in histogram]
    number = sum(sum(column.counts.values()) for column in histogram)
    frame = Frame(
        label=f"{count(number)} logs over time by severity. Drag to zoom.",
        window=window,
        zone=zone,
        unit=lambda value: count(value) if value == int(value) else "",
        width=width,
        height=120.0,
    )
    return columns(frame, layers, words, hrefs)


def _words(column: HistogramColumn, zone: tzinfo) -> str:
    parts = [f"{count(n)} {s.value}" for s in reversed(Severity) if (n := column.counts.get(s, 0))]
    return f"{clock(column.start_unix_nano, zone)}: {', '.join(parts) or 'nothing'}"


def first_line(log: Log) -> str:
    """What the table shows of a log: its message, or its fields where it has none."""
    return log.body or ", ".join(f"{k}={text_of(v)}" for k, v in list(log.attributes.items())[:6])
