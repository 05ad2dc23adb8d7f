"""Logs as they are shown: rows, one log in full, the histogram, fields, and what logs lack. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from markupsafe import Markup

from observer.components.number_format import count
from observer.components.time_format import clock
from observer.drawing.charts import Frame, Layer, columns
from observer.request.local_time import moment
from signals.attributes import text_of
from signals.log_fields import SERVICE, SEVERITY, LogField
from signals.model import Log, Severity
from signals.severity import differs_from_severity
from store.api import HistogramColumn, Window

FIELDS_LIMIT = 120
"""Fields in the panel; rarer ones are counted."""
_OFFERED = 60
"""Fields that are offered while typing."""
_DAY_NS = 86_400 * 10**9
UNKNOWN_SERVICES = ("", "unknown_service")
NEEDED = ("trace_id", "span_id", "service.name")
"""What a log must carry to be found from a trace and a service."""
_REMEDIES = {
    "trace_id": "Write the log inside the span's context, or hand the logger the current trace id.",
    "span_id": "Write the log inside the span's context, or hand the logger the current span id.",
    "service.name": "Set OTEL_SERVICE_NAME, or the resource attribute service.name, at the log's source.",
}

_ARGUMENTS = {SERVICE: "service", SEVERITY: "severity"}
_LINKED_CHARACTERS = 1_000
"""A value beyond this is shown and is no link: addresses have an end."""
_HINTS = 5


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that logs do not carry, how many of them, and the remedy."""

    name: str
    count: int
    services: tuple[str, ...]
    remedy: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    log: Log
    line: str
    said: str
    """The sender's own severity, where it says something that ours does not."""
    lacks: tuple[str, ...]
    order: str
    """Sorts as text, oldest first: by time, then by arrival."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a field, and how many logs carry it."""

    text: str
    count: int
    share: float
    """Of the field's count."""
    linked: bool
    """Whether it can stand in an address."""


@dataclass(frozen=True, slots=True)
class FieldOfLogs:
    name: str
    glyph: str
    """`#` for numbers, `a` for text."""
    count: int
    values: tuple[Value, ...]
    argument: str
    """How a value is filtered by: `service`, `severity`, or `attr`."""


def listed(logs: Sequence[Log]) -> tuple[Row, ...]:
    """The lines of the table, in the order of the logs."""
    return tuple(
        Row(log, first_line(log), said_of(log), lacks_of(log), f"{log.time_unix_nano:020}{log.log_id:>020}")
        for log in logs
    )


def said_of(log: Log) -> str:
    """The sender's own severity, where it says something that ours does not."""
    return log.severity_text if differs_from_severity(log.severity_text, log.severity) else ""


def dated(logs: Sequence[Log], window: Window, now_unix_nano: int, zone: tzinfo) -> bool:
    """Whether a time of day alone would not tell when these were: another day is among them."""
    days = {moment(log.time_unix_nano, zone).date() for log in logs}
    return window.duration_ns > _DAY_NS or bool(days - {moment(now_unix_nano, zone).date()})


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


def fields_of(fields: Sequence[LogField]) -> tuple[FieldOfLogs, ...]:
    """The fields panel: the most frequent, at most FIELDS_LIMIT, the record's own first."""
    most = sorted(fields, key=lambda field: (-field.count, field.name))[:FIELDS_LIMIT]
    return tuple(_field(field) for field in sorted(most, key=lambda field: not field.record))


def looked_at(fields: Sequence[LogField]) -> int:
    """How many logs these fields were counted in: each has a severity."""
    return sum(field.count for field in fields if field.record and field.name == SEVERITY)


def choices(fields: Sequence[FieldOfLogs]) -> tuple[str, ...]:
    """What the field `field = value` offers while typing: names, and short values."""
    found = [
        f"{field.name} = {value.text}"
        for field in fields[:_OFFERED]
        for value in field.values[:3]
        if len(value.text) <= 60 and value.text.isprintable()
    ]
    return tuple(text for text in found if len(text) <= 120)


def hints(logs: Sequence[Log], text: str) -> tuple[tuple[str, str, int], ...]:
    """Fields of these logs that hold a text which no message does: name, value, how many, most first."""
    wanted = text.strip().strip('"').casefold()
    counts: Counter[tuple[str, str]] = Counter()
    for log in logs:
        for name, value in {**log.resource, **log.attributes}.items():
            said = text_of(value)
            if wanted and name and len(said) <= _LINKED_CHARACTERS and wanted in said.casefold():
                counts[(name, said)] += 1
    return tuple((name, value, number) for (name, value), number in counts.most_common(_HINTS))


def _field(field: LogField) -> FieldOfLogs:
    return FieldOfLogs(
        name=field.name,
        glyph="#" if field.values and all(_is_number(value) for value, _ in field.values) else "a",
        count=field.count,
        values=tuple(
            Value(text, number, number / field.count, bool(field.name) and len(text) <= _LINKED_CHARACTERS)
            for text, number in field.values
        ),
        argument=_ARGUMENTS.get(field.name, "attr") if field.record else "attr",
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
        label=f"{count(number)} logs over time by severity. Drag to zoom, or choose a column.",
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
