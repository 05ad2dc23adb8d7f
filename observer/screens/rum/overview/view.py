"""The RUM overview and Tag Spotlight as they are shown: numbers, charts, pages, cards. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from markupsafe import Markup

from observer.components.number_format import count, plural
from observer.components.time_format import clock
from observer.drawing.charts import Frame, Layer, Line, columns, lines
from observer.screens.rum.metrics import BY_NAME, Delta, Metric, count_delta, value_text
from store.api import Breakdown, ErrorGroup, Measure, Point, RumMetric, Window

COUNTS: tuple[RumMetric, ...] = (
    "page_views",
    "js_errors",
    "network_requests",
    "network_errors",
    "long_tasks",
    "custom_events",
)
VITALS: tuple[RumMetric, ...] = ("lcp", "inp", "cls", "ttfb")
CARD_VALUES = 12
_ERROR_WORDS = {"String": "console", "": "console", "load": "resource failed"}
"""What a type that says nothing to a reader stands for."""
_NEWS: Mapping[str, str] = {"page_views": "page view", "js_errors": "JavaScript error"}
TAG_LABELS = {
    "app": "App",
    "environment": "Environment",
    "app.version": "App version",
    "page": "Page",
    "operation": "Operation",
    "browser.name": "Browser",
    "browser.version": "Browser version",
    "os.name": "Operating system",
    "enduser.id": "Seat",
    "user_agent.synthetic.type": "Synthetic traffic",
    "tenant.level": "Tenant level",
    "http.status_code": "Status code",
}


@dataclass(frozen=True, slots=True)
class Number:
    """One number of the overview's first row."""

    metric: Metric
    value: int
    delta: Delta


@dataclass(frozen=True, slots=True)
class ErrorRow:
    """One group of errors."""

    word: str
    group: ErrorGroup


@dataclass(frozen=True, slots=True)
class PageRow:
    """One page, with what was measured there."""

    page: str
    views: int
    share: float
    """Of the most viewed page, 0 to 1."""
    js_errors: int
    network_errors: int
    load_p75: str
    lcp_p75: str


@dataclass(frozen=True, slots=True)
class CardValue:
    value: str
    count: int
    share: float
    errors: int
    p50: str
    p75: str
    p99: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class Card:
    """One tag with its values."""

    tag: str
    label: str
    values: tuple[CardValue, ...]
    more: int
    """Values that are not shown."""
    scanned: int
    truncated: bool


def numbers(now: Mapping[RumMetric, Measure], before: Mapping[RumMetric, Measure]) -> tuple[Number, ...]:
    """Counts with their change against the window before."""
    found = []
    for name in COUNTS:
        metric = BY_NAME[name]
        value = now[name].requests if name in now else 0
        was = before[name].requests if name in before else 0
        delta = count_delta(value, was, metric.more_is_worse, comparable=bool(before))
        found.append(Number(metric, value, delta))
    return tuple(found)


def errors(groups: Sequence[ErrorGroup]) -> tuple[ErrorRow, ...]:
    """Groups of errors with a word for what each is."""
    return tuple(ErrorRow(_ERROR_WORDS.get(group.type, group.type), group) for group in groups)


def news(more: Mapping[RumMetric, int]) -> tuple[int, str]:
    """How much has come, and the words for it: what a reader would look for first."""
    named = [plural(more[name], f"new {_NEWS[name]}") for name in more if name in _NEWS and more[name]]
    number = sum(more.values())
    if not named and number:
        named = [plural(number, "new measurement")]
    return number, ", ".join(named)


def pages(
    views: Breakdown, errors: Breakdown, network: Breakdown, load: Breakdown, paint: Breakdown
) -> tuple[PageRow, ...]:
    """The most viewed pages, with the other metrics' values for them."""
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


def card(found: Breakdown, metric: Metric, where: Mapping[str, str]) -> Card:
    """One tag of the spotlight."""
    most = max((value.measure.requests for value in found.values), default=0) or 1
    shown = found.values[:CARD_VALUES]
    return Card(
        tag=found.tag,
        label=TAG_LABELS.get(found.tag, found.tag),
        values=tuple(
            CardValue(
                value=value.value,
                count=value.measure.requests,
                share=value.measure.requests / most,
                errors=value.measure.errors,
                p50=value_text(metric.name, value.measure.latency.p50_ns),
                p75=value_text(metric.name, value.measure.latency.p75_ns),
                p99=value_text(metric.name, value.measure.latency.p99_ns),
                chosen=where.get(found.tag) == value.value,
            )
            for value in shown
        ),
        more=max(0, len(found.values) - CARD_VALUES),
        scanned=found.scanned,
        truncated=found.truncated,
    )


def counts_chart(
    points: Sequence[Point], window: Window, zone: tzinfo, label: str, css: str, *, width: float = 480.0
) -> Markup:
    """How often, over time, the failed ones apart."""
    good = [float(p.measure.requests - p.measure.errors) for p in points]
    bad = [float(p.measure.errors) for p in points]
    titles = [
        f"{clock(p.start_unix_nano, zone)}: {count(p.measure.requests)}"
        + (f", {count(p.measure.errors)} failed" if p.measure.errors else "")
        for p in points
    ]
    frame = Frame(label, window, zone, _whole, width=width)
    return columns(frame, (Layer("failed", "bad", bad), Layer("good", css, good)), titles)


def _whole(value: float) -> str:
    return count(value) if value == int(value) else ""


def percentiles_chart(
    points: Sequence[Point], metric: Metric, window: Window, zone: tzinfo, *, width: float = 480.0
) -> Markup:
    """P50, P75 and P99 over time."""

    def picked(pick: Callable[[Point], int | None]) -> list[float | None]:
        return [float(v) if (v := pick(point)) is not None else None for point in points]

    drawn = (
        Line("P50", "p50", picked(lambda p: p.measure.latency.p50_ns)),
        Line("P75", "p75", picked(lambda p: p.measure.latency.p75_ns)),
        Line("P99", "p99", picked(lambda p: p.measure.latency.p99_ns)),
    )
    titles = [
        f"{clock(p.start_unix_nano, zone)}: P50 {value_text(metric.name, p.measure.latency.p50_ns)}, "
        f"P75 {value_text(metric.name, p.measure.latency.p75_ns)}, "
        f"P99 {value_text(metric.name, p.measure.latency.p99_ns)} of {count(p.measure.requests)}"
        for p in points
    ]
    frame = Frame(
        f"{metric.label} over time: P50, P75 and P99. Drag to zoom.",
        window,
        zone,
        lambda value: value_text(metric.name, value),
        width=width,
    )
    return lines(frame, drawn, titles)
