"""Browsers' spans as events: their tags, what they measure, the session that they belong to.

By the rules of `signals`, from the spans themselves, which are read newest first and up to a bound.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from signals.attributes import text_of
from signals.browser_events import (
    ERROR_NAMES,
    REPEATED_WITHIN_NS,
    RUM_TAGS,
    ErrorReport,
    RumSample,
    error_report,
    rum_repeats,
    rum_samples,
)
from signals.model import Span
from signals.semantics import tags_of
from store.clickhouse.conditions import is_browser_row, session_column
from store.clickhouse.connection import Values
from store.clickhouse.part import Part
from store.clickhouse.span_rows import within
from store.queries import Window

MAX_EVENTS: Final = 20_000
"""Events that one question reads: about a second."""
_MOST_COMPARED: Final = 100
"""Errors of one session with which a line of its console is compared."""


@dataclass(frozen=True, slots=True)
class BrowserEvent:
    """A browser's span, and what follows from it alone."""

    span: Span
    tags: Mapping[str, str]
    samples: Sequence[RumSample]
    """What it adds to the metrics: nothing if it says again what another one says."""
    report: ErrorReport | None
    """What an error event says; None of any other."""

    @property
    def start(self) -> int:
        return self.span.start_unix_nano

    @property
    def session(self) -> str:
        return self.span.session_id or ""

    def carries(self, where: Mapping[str, str]) -> bool:
        """Whether it has all of these; tags of RUM as RUM derives them, "" stands for none."""
        return all(self.value(name) == value for name, value in where.items())

    def value(self, name: str) -> str:
        """A tag of RUM, else an attribute of its own or of its resource, as text."""
        if name in _RUM_TAGS:
            return self.tags.get(name, "")
        own = self.span.attributes
        return text_of(own.get(name, self.span.resource.get(name))) or self.tags.get(name, "")


_RUM_TAGS: Final = frozenset(RUM_TAGS)


class BrowserPart(Part):
    """Reads events."""

    def browser_events(self, window: Window, most: int = MAX_EVENTS) -> tuple[list[BrowserEvent], bool]:
        """The newest events of a window, newest first; True if there are older ones."""
        return self.moment.once(("events", window, most), lambda: self._newest_events(window, most))

    def _newest_events(self, window: Window, most: int) -> tuple[list[BrowserEvent], bool]:
        if self.span_rows is None:
            return [], False
        # What an error is said again by may lie a second outside.
        around = Window(
            max(0, window.from_unix_nano - REPEATED_WITHIN_NS), window.to_unix_nano + REPEATED_WITHIN_NS
        )
        table = self.span_rows.table
        found = self.span_rows.spans(
            f"{within(around)} AND {is_browser_row(table)}",
            Values(),
            f"Timestamp DESC, {table.column('LabArrival')} DESC",
            most + 1,
        )
        events = [
            each
            for each in events_of(found[:most])
            if window.from_unix_nano <= each.start < window.to_unix_nano
        ]
        return events, len(found) > most

    def error_events(self, most: int, *, newest: bool) -> list[BrowserEvent]:
        """The first events of all, or the last, that are named as errors are; in this order of time."""
        if self.span_rows is None:
            return []
        values = Values()
        table = self.span_rows.table
        direction = "DESC" if newest else "ASC"
        found = self.span_rows.spans(
            f"lower(SpanName) IN {values.texts(sorted(ERROR_NAMES))} AND {is_browser_row(table)}",
            values,
            f"Timestamp {direction}, {table.column('LabArrival')} {direction}",
            most,
        )
        return events_of(found)

    def session_events(self, sessions: Sequence[str], window: Window, most: int) -> list[BrowserEvent]:
        """The events of these sessions, by start and then arrival; the earliest of them."""
        if self.span_rows is None or not sessions:
            return []
        values = Values()
        table = self.span_rows.table
        found = self.span_rows.spans(
            f"{within(window)} AND {session_column(table)} IN {values.texts(sessions)}",
            values,
            f"Timestamp, {table.column('LabArrival')}",
            most,
        )
        return events_of(found)


def events_of(spans: Iterable[Span]) -> list[BrowserEvent]:
    """Events in the order of their spans; an error that is said twice measures something once."""
    events = [_event(span) for span in spans if span.browser]
    thrown: dict[str, list[ErrorReport]] = {}
    for each in events:
        if each.report and not each.report.console and each.session:
            thrown.setdefault(each.session, []).append(each.report)
    return [
        BrowserEvent(each.span, each.tags, (), each.report) if _is_repeated(each, thrown) else each
        for each in events
    ]


def _is_repeated(event: BrowserEvent, thrown: Mapping[str, Sequence[ErrorReport]]) -> bool:
    report = event.report
    if report is None or not report.console:
        return False
    near = [
        other
        for other in thrown.get(event.session, ())
        if abs(other.start_unix_nano - report.start_unix_nano) <= REPEATED_WITHIN_NS
    ]
    return any(rum_repeats(report, other) for other in near[:_MOST_COMPARED])


def _event(span: Span) -> BrowserEvent:
    # The agent's own times, as a document's are compared with each other.
    times = {event.name: event.time_unix_nano for event in span.events}
    samples = rum_samples(span.name, span.attributes, span.duration_ns, times)
    is_error = any(sample.metric == "js_errors" for sample in samples)
    return BrowserEvent(
        span,
        tags_of(span.name, span.attributes, span.resource, browser=True),
        samples,
        error_report(span.name, span.attributes, span.start_unix_nano) if is_error else None,
    )
