"""The filter of a waterfall, and which rows match it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from signals.attributes import text_of
from signals.folding import fold
from signals.model import Attribute, Span, SpanError, SpanId
from signals.trace_analysis import TraceRow

ErrorFilter = Literal["all", "errors", "root"]
_LEAST_DIGITS = 6
"""Digits of a span's id that may stand for it."""


@dataclass(frozen=True, slots=True)
class WaterfallFilter:
    """What the address of a trace's page selects: filters, folded rows, the opened span, the page of rows."""

    errors: ErrorFilter = "all"
    text: str = ""
    """Part of a span's name, of a tag as `name=value` or of anything else that it carries, or of its id."""
    service: str = ""
    """Only spans of exactly this service."""
    min_ns: int = 0
    matches_only: bool = False
    opened: SpanId | None = None
    """The span whose panel is open."""
    unfolded: frozenset[str] = frozenset()
    """Keys of rows that start folded and were unfolded; `all` unfolds every row."""
    folded: frozenset[str] = frozenset()
    offset: int = 0
    """The first row of the page, counted from 0 among the rows that are not folded away."""

    @property
    def is_active(self) -> bool:
        """Whether anything is filtered at all."""
        return self.errors != "all" or self.narrows

    @property
    def narrows(self) -> bool:
        """Whether anything but the choice of errors filters spans."""
        return bool(self.text or self.service) or self.min_ns > 0


def matches_errors(row: TraceRow, errors: ErrorFilter) -> bool:
    """Whether a row matches the choice of errors; `root` matches the spans in which one began."""
    if errors == "errors":
        return row.error is not SpanError.NONE
    return errors == "all" or row.error is SpanError.ORIGIN


def matches_besides_errors(rows: Sequence[TraceRow], filters: WaterfallFilter) -> list[bool]:
    """For each row whether it matches service, duration and text."""
    if not filters.narrows:
        return [True] * len(rows)
    text = fold(filters.text)
    return [_matches(row, filters, text) for row in rows]


def _matches(row: TraceRow, filters: WaterfallFilter, text: str) -> bool:
    span = row.span
    if span.duration_ns < filters.min_ns or (filters.service and span.service != filters.service):
        return False
    if not text or text in fold(f"{span.service}: {span.name}"):
        return True
    if len(text) >= _LEAST_DIGITS and span.span_id.startswith(text):
        return True
    return any(text in fold(f"{key}={text_of(value)}") for key, value in carried(span))


def carried(span: Span) -> Iterator[tuple[str, Attribute]]:
    """Everything that a span carries, by name: its tags, its process, its scope, its events and links."""
    yield from span.attributes.items()
    yield from span.resource.items()
    yield from span.scope_extras.attributes.items()
    yield from (
        ("status_message", span.status_message),
        ("trace_state", span.trace_state),
        ("scope.name", span.scope),
        ("scope.version", span.scope_version),
        ("scope.schema_url", span.scope_extras.schema_url),
        ("resource.schema_url", span.resource_extras.schema_url),
    )
    for event in span.events:
        yield "event.name", event.name
        yield from event.attributes.items()
    for link in span.links:
        yield "link.trace_id", link.trace_id
        yield "link.span_id", link.span_id
        yield "link.trace_state", link.trace_state
        yield from link.attributes.items()
