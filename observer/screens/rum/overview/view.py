"""The RUM overview: counts against the window before, web vitals, JavaScript errors, pages. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from observer.components.compared import Compared
from observer.components.number_format import count
from observer.components.session_path import session_path
from observer.screens.rum.metrics import BY_NAME, Delta, Metric, Vital, count_delta, value_text
from store.api import Breakdown, ErrorGroup, Measure, RumMetric, Seen

COUNTS: tuple[RumMetric, ...] = (
    "page_views",
    "js_errors",
    "network_requests",
    "network_errors",
    "long_tasks",
    "custom_events",
)
VITALS: tuple[RumMetric, ...] = ("lcp", "inp", "cls", "ttfb")
_APPS_LISTED = 6
_ERROR_LABELS = {"String": "console", "": "console", "load": "resource failed"}
"""Error types of the agent that mean nothing to a reader."""


@dataclass(frozen=True, slots=True)
class CountStat:
    """One number of the overview's first row."""

    metric: Metric
    value: int
    delta: Delta


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One group of JavaScript errors."""

    label: str
    group: ErrorGroup
    synthetic: str
    """How many are of synthetic traffic, in words; empty for none."""
    session_path: str
    """The session of the example."""
    seen: Seen | None
    """First and last sighting among all that the store keeps; None where it was not found."""


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page of the application, with its measures."""

    page: str
    views: int
    share: float
    """Of the views of the most viewed page, 0 to 1."""
    js_errors: int
    network_errors: int
    load_p75: str
    lcp_p75: str

    @property
    def failing(self) -> bool:
        """Whether errors happened on it."""
        return bool(self.js_errors or self.network_errors)


@dataclass(frozen=True, slots=True)
class OverviewView:
    """The whole overview."""

    compared: str
    """What the numbers are compared with."""
    apps: tuple[tuple[str, str], ...]
    """Application and environment, the first few."""
    counts: tuple[CountStat, ...]
    vitals: tuple[Vital, ...]
    charts: tuple[tuple[str, Markup], ...]
    """Title and chart."""
    errors: tuple[ErrorRow, ...]
    errors_note: str
    """That only the newest errors were grouped; empty if all were."""
    pages: tuple[PageRow, ...]
    pages_note: str
    """That only the newest events were counted by page; empty if all were."""


def apps_listed(apps: Sequence[tuple[str, str]], environment: str | None) -> tuple[tuple[str, str], ...]:
    """The first few (application, environment) pairs of the chosen environment, or of all."""
    own = [(app, own or "not set") for app, own in apps if environment in (None, own)]
    return tuple(own[:_APPS_LISTED])


def count_stats(
    now: Mapping[RumMetric, Measure], before: Mapping[RumMetric, Measure], compared: Compared
) -> tuple[CountStat, ...]:
    """Counts with their change against the window before."""
    found = []
    for name in COUNTS:
        metric = BY_NAME[name]
        value = now[name].requests if name in now else 0
        previous = before[name].requests if name in before else 0
        delta = count_delta(value, previous, metric.more_is_worse, compared if before else None)
        found.append(CountStat(metric, value, delta))
    return tuple(found)


def error_rows(groups: Sequence[ErrorGroup], seen: Mapping[str, Seen] | None = None) -> tuple[ErrorRow, ...]:
    """Groups of JavaScript errors, each with a label for its type."""
    return tuple(
        ErrorRow(
            _ERROR_LABELS.get(group.type, group.type),
            group,
            f"{count(group.synthetic)} synthetic" if group.synthetic else "",
            session_path(group.example_session_id),
            (seen or {}).get(group.error_id),
        )
        for group in groups
    )


def errors_note(now: Mapping[RumMetric, Measure], *, cut: bool) -> str:
    """That the groups count the newest errors only, and of how many; empty unless they were cut."""
    total = now["js_errors"].requests if "js_errors" in now else 0
    return f"counted among the newest of {count(total)} only" if cut else ""


def pages_note(breakdowns: Sequence[Breakdown]) -> str:
    """That the pages' numbers count the newest events only; empty where all were counted."""
    scanned = max(breakdown.scanned for breakdown in breakdowns)
    return f"counted among the newest {count(scanned)} events of a kind only" if scanned else ""


def page_rows(
    views: Breakdown, errors: Breakdown, network: Breakdown, load: Breakdown, paint: Breakdown
) -> tuple[PageRow, ...]:
    """The most viewed pages; each argument is one metric by page."""
    most = max((value.measure.requests for value in views.values), default=0) or 1
    js, failed, loads, paints = (
        {v.value: v.measure for v in b.values} for b in (errors, network, load, paint)
    )
    nothing = Measure()
    return tuple(
        PageRow(
            page=value.value,
            views=value.measure.requests,
            share=value.measure.requests / most,
            js_errors=js.get(value.value, nothing).requests,
            network_errors=failed.get(value.value, nothing).requests,
            load_p75=value_text("page_load", loads.get(value.value, nothing).latency.p75_ns),
            lcp_p75=value_text("lcp", paints.get(value.value, nothing).latency.p75_ns),
        )
        for value in views.values
        if value.value
    )
