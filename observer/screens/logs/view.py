"""The page of logs as panels: filters, histogram, fields, the table or why it is empty. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo

from observer.components.alert_bands import NOWHERE, AlertsHere
from observer.components.deployment_marks import event_marks
from observer.components.number_format import count, plural
from observer.request.scope import DEFAULT_SINCE, PRESETS
from observer.screens.logs.field_panel import (
    FieldPanel,
    MatchingField,
    field_panel,
    matching_fields,
    panel_fields,
    suggestions,
)
from observer.screens.logs.filters import Selection
from observer.screens.logs.log_histogram import Histogram, histogram
from observer.screens.logs.log_rows import LogRows, log_rows
from observer.screens.logs.missing_fields import MissingField, missing_fields
from signals.log_fields import LogField, fields_of
from signals.model import Log
from store.api import Change, Deployment, LogHistogram, Page, StoreStatus, Window


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read for the page."""

    page: Page[Log]
    window: Window
    """The window of the histogram."""
    counted: LogHistogram
    fields: Sequence[LogField]
    """The fields of all matching logs."""
    fields_cut: bool
    """Whether only the newest of them were read."""
    recent: Sequence[Log]
    """The logs of the page, or recent logs of any kind where it has none."""
    status: StoreStatus | None
    """None where the page has logs."""
    deployments: Page[Deployment] = field(default_factory=lambda: Page(()))
    """Those of the histogram's window."""
    changes: Page[Change] = field(default_factory=lambda: Page(()))
    """Versions, processes and flags first seen in it."""
    alerts: AlertsHere = NOWHERE
    """Those that fired in it."""
    never_seen: str = ""
    """That nothing has an attribute which is sought, in words; else empty."""


@dataclass(frozen=True, slots=True)
class EmptyLogs:
    """Why no log matches."""

    held: str
    """How many logs the store holds, in words; empty for none."""
    pruned: str
    """How many were pruned, in words; empty for none."""
    reason: str
    recent: str
    """How many recent logs were checked for missing fields."""
    missing: tuple[MissingField, ...]
    """What the recent logs lack, where the page looks for an id; else empty."""
    matching: tuple[MatchingField, ...]
    """Fields of recent logs that hold the searched text."""


@dataclass(frozen=True, slots=True)
class LogsView:
    """The whole page."""

    histogram: Histogram
    range_note: str
    """That the time range is ignored for the sake of an id; empty if it is not."""
    alerts: AlertsHere
    """Those that stand on the histogram."""
    whole_label: str
    """The label of the link to the page without a time range of its own."""
    panel: FieldPanel
    suggestions: tuple[str, ...]
    table: LogRows
    missing: tuple[MissingField, ...]
    """Fields that logs of this page lack."""
    truncated: bool
    """Whether the search stopped at its limit, so that older logs were not searched."""
    more_label: str
    """The label of the link to the next page."""
    empty: EmptyLogs | None
    """None where the page has logs, or the search stopped at its limit."""


def logs_view(loaded: Loaded, selection: Selection, hrefs: Sequence[str], now: int, zone: tzinfo) -> LogsView:
    """The page of a selection; `hrefs` has an address for each column, `now` is in Unix nanoseconds."""
    page = loaded.page
    panel = field_panel(loaded.fields, cut=loaded.fields_cut)
    missing = missing_fields(loaded.recent)
    marks = event_marks(loaded.deployments, loaded.window, zone, loaded.changes)
    return LogsView(
        histogram=histogram(
            loaded.counted,
            loaded.window,
            zone,
            hrefs,
            replace(marks, bands=loaded.alerts.bands),
        ),
        range_note=f"all of {selection.subject}, whatever the time range above" if selection.by_id else "",
        alerts=loaded.alerts,
        whole_label=_whole_label(selection),
        panel=panel,
        suggestions=suggestions(panel.fields or panel_fields(fields_of(loaded.recent))),
        table=log_rows(page.items, loaded.window, now, zone),
        missing=missing if page.items else (),
        truncated=page.truncated,
        more_label="Look further back" if page.truncated else "Show more",
        empty=_empty(loaded, selection, missing) if loaded.status else None,
    )


def _whole_label(selection: Selection) -> str:
    if selection.has_id:
        return f"All of {selection.subject}"
    return f"Back to the {dict(PRESETS)[DEFAULT_SINCE].lower()}"


def _empty(loaded: Loaded, selection: Selection, missing: tuple[MissingField, ...]) -> EmptyLogs | None:
    status = loaded.status
    if status is None or loaded.page.truncated:
        return None
    return EmptyLogs(
        held=plural(status.logs, "log") if status.logs else "",
        pruned=f"{count(status.pruned_logs)} older ones were pruned" if status.pruned_logs else "",
        reason=loaded.never_seen
        or (
            "None of them carries this id."
            if selection.by_id
            else "None of them is in this time range and matches these filters."
        ),
        recent=count(len(loaded.recent)),
        missing=missing if selection.by_id else (),
        matching=matching_fields(loaded.recent, selection.query.text or ""),
    )
