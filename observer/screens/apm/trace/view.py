"""What the page of one trace and the APM dialog hold, put together from the store's answers."""

from __future__ import annotations

from dataclasses import dataclass

from observer.lookup.trace_origin import browser_of, event_of
from observer.screens.apm.trace import waterfall
from observer.screens.apm.trace.trace_cache import analysed
from observer.screens.apm.trace.trace_facts import TimeShare, failing_first, global_tags, time_shares
from signals.model import ServiceInTrace, SpanId, TraceId
from signals.session_events import SessionEvent
from signals.trace_analysis import TraceAnalysis, TraceRow
from store.api import BrowserLink, LogQuery, Reader, Window


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of a trace beside its waterfall."""

    trace_id: TraceId
    analysis: TraceAnalysis
    shares: tuple[TimeShare, ...]
    tags: tuple[tuple[str, str], ...]
    services: tuple[ServiceInTrace, ...]
    """Failing first."""
    browser: BrowserLink | None
    truncated: bool
    """Only the earliest spans were read."""

    @property
    def path_end_ns(self) -> int | None:
        """How long after its beginning the trace's critical path ends; None if that is its very end."""
        path = self.analysis.critical_path
        if not path:
            return None
        end = max(segment.start_unix_nano + segment.duration_ns for segment in path)
        after = end - self.analysis.start_unix_nano
        return after if after < self.analysis.duration_ns else None

    @property
    def shares_label(self) -> str:
        """The shares in words, for those who do not see the bar."""
        return ", ".join(f"{share.name} {share.percent:.1f} percent" for share in self.shares)


@dataclass(frozen=True, slots=True)
class Detail:
    """One span, opened."""

    line_key: str
    row: TraceRow
    logs: int


@dataclass(frozen=True, slots=True)
class TracePage:
    told: Told
    waterfall: waterfall.Waterfall
    detail: Detail | None
    event: SessionEvent | None
    """The browser's event that set the trace going, where the store has it."""
    logs: int


def told(reader: Reader, text: str) -> Told:
    """A trace by the id of an address. Raises Malformed or Unknown."""
    found = analysed(reader, text)
    analysis = found.analysis
    return Told(
        trace_id=found.trace_id,
        analysis=analysis,
        shares=time_shares(analysis),
        tags=global_tags(analysis),
        services=failing_first(analysis.services),
        browser=browser_of(reader, analysis),
        truncated=found.truncated,
    )


def build(reader: Reader, text: str, wish: waterfall.Wish) -> TracePage:
    """The whole page of a trace. Raises Malformed or Unknown."""
    about = told(reader, text)
    fall = waterfall.build(about.analysis, wish)
    return TracePage(
        told=about,
        waterfall=fall,
        detail=_detail(reader, about, fall, wish.opened),
        event=event_of(reader, about.browser) if about.browser else None,
        logs=reader.count_logs(LogQuery(window=Window.ALL, trace_id=about.trace_id)),
    )


def _detail(reader: Reader, about: Told, fall: waterfall.Waterfall, opened: SpanId | None) -> Detail | None:
    if opened is None:
        return None
    line = next((line for line in fall.lines if line.row.span.span_id == opened and not line.group), None)
    if line is None:
        return None
    query = LogQuery(window=Window.ALL, trace_id=about.trace_id, span_id=opened)
    return Detail(line.key, line.row, 0 if line.row.inferred else reader.count_logs(query))
