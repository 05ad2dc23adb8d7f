"""Values of rows as SQLite takes them: times within bounds, texts that UTF-8 can encode, counts of logs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from signals.attributes import environment_of
from store.decode import resource_attributes
from store.rows import LogRow, SpanRow
from store.sqlite.table_layout import LOG_SLOT_NS

MAX_TIME: Final = (1 << 62) - 1
"""Times beyond the year 2116 are stored as this, so that start plus duration fits SQLite's integers."""


def log_counts(logs: Sequence[LogRow]) -> list[tuple[Any, ...]]:
    """Rows to add to `log_cells`: slot, service, severity, environment, count."""
    # Counted by columns, without a step of Python for each log: a third of the time.
    slots = [min(max(log[0], 0), MAX_TIME) // LOG_SLOT_NS for log in logs]  # by place: quicker
    keys = zip(
        slots, [log.service for log in logs], [log.severity_number for log in logs],
        [log.resource for log in logs], strict=True,
    )  # fmt: skip
    cells: Counter[tuple[int, str, int, str]] = Counter()
    for (slot, service, severity, resource), n in Counter(keys).items():
        cells[slot, service, severity, environment_of(resource_attributes(resource))] += n
    return [(*cell, n) for cell, n in cells.items()]


def bounded(span: SpanRow) -> SpanRow:
    """The span with times that fit SQLite's integers."""
    start, duration = span.start_unix_nano, span.duration_ns
    return span._replace(
        start_unix_nano=min(max(start, 0), MAX_TIME), duration_ns=min(max(duration, 0), MAX_TIME)
    )


def encodable(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """The rows with question marks for lone surrogates, which UTF-8 cannot encode."""
    return [
        tuple(cell.encode("utf-8", "replace").decode() if isinstance(cell, str) else cell for cell in row)
        for row in rows
    ]


def encodable_span(span: SpanRow) -> SpanRow:
    tags = {_encodable_text(tag): _encodable_text(value) for tag, value in span.tags.items()}
    parts = [_encodable_text(part) if isinstance(part, str) else part for part in span]
    return SpanRow._make(parts)._replace(tags=tags)


def _encodable_text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def trace_bytes(text: str) -> bytes:
    """A trace id as 16 bytes, none if the text is not hexadecimal."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        return b""
    return found.rjust(16, b"\0") if 0 < len(found) <= 16 else b""
