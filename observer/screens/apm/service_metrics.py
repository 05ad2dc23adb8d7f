"""The metrics that a service sent, as small charts beside its requests: those of its runtime, and its own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from markupsafe import Markup

from observer.components.metric_chart import MetricLine, metric_chart
from observer.components.metric_words import aggregation_words, aggregations_of, default_choice
from observer.components.related_metrics import MOST
from observer.components.safe_text import plain
from observer.drawing.event_marks import NONE, EventMarks
from observer.lookup.metric_charts import load_metric
from observer.request.links import metric_url
from observer.request.scope import Scope
from signals.metric_families import Family, family_of, runtime_order
from signals.metrics import MetricInfo
from store.api import MetricChart, MetricName, MetricQuery, Reader, TooSlow

SERVICE: Final = "service.name"
_LINES: Final = 4
_MOST_SERIES: Final = 200
_COLUMNS: Final = 40
_WIDTHS: Final = (("", 340.0),)
_RESOURCES: Final = (
    "service.", "host.", "process.", "os.", "telemetry.", "otel.", "k8s.", "container.", "cloud.",
    "deployment.", "faas.", "device.", "webengine.",
)  # fmt: skip
"""Attributes that tell one process from another: a service is shown as a whole."""
_TITLES: Final[Mapping[Family, str]] = {"own": "Its own metrics", "runtime": "Runtime"}


@dataclass(frozen=True, slots=True)
class Form:
    """How much is drawn."""

    shown: int
    """Charts of each group."""
    height: float
    compact: bool = False
    """For a side panel, without panels of its own."""


WHOLE: Final = Form(6, 110.0)
COMPACT: Final = Form(3, 74.0, compact=True)


@dataclass(frozen=True, slots=True)
class ServiceMetric:
    """One metric of the service."""

    name: str
    measure: str
    """What is drawn of it: `Per second, by version`."""
    newest: str
    """The newest value; empty where there are several lines, which have theirs."""
    drawing: Markup
    lines: tuple[MetricLine, ...]
    """Where there are several."""
    left_out: str
    href: str


@dataclass(frozen=True, slots=True)
class MetricGroup:
    """Metrics of one family."""

    key: Family
    title: str
    metrics: tuple[ServiceMetric, ...]
    left_out: int
    """Metrics of the family that are not drawn."""


@dataclass(frozen=True, slots=True)
class ServiceMetrics:
    """What a service sent in a window."""

    groups: tuple[MetricGroup, ...]
    """Those that have a metric."""
    count: int
    more: bool
    """Whether there are more than were counted."""


def names_of(reader: Reader, service: str, scope: Scope) -> tuple[Sequence[MetricName], bool]:
    """The metrics of a service, as its link to all of them counts them; True if there are more."""
    return reader.metric_names(scope.window, service, limit=MOST, environment=scope.environment)


def load_service_metrics(
    reader: Reader, service: str, scope: Scope, form: Form, events: EventMarks = NONE
) -> ServiceMetrics:
    """Charts of the first metrics of each group."""
    found, more = names_of(reader, service, scope)
    groups = []
    for family, title in _TITLES.items():
        names = [each for each in found if family_of(each.info.name) == family]
        names.sort(key=_order)
        if names:
            shown = [_metric(reader, service, each, scope, form, events) for each in names[: form.shown]]
            groups.append(MetricGroup(family, title, tuple(shown), max(0, len(names) - form.shown)))
    return ServiceMetrics(tuple(groups), len(found), more)


def _order(of: MetricName) -> tuple[int, int, str]:
    name = of.info.name
    return runtime_order(name) if family_of(name) == "runtime" else (0, 0, name)


def _metric(
    reader: Reader,
    service: str,
    of: MetricName,
    scope: Scope,
    form: Form,
    events: EventMarks,
) -> ServiceMetric:
    info = of.info
    query = MetricQuery(
        scope.window,
        info.name,
        attributes={SERVICE: service},
        unit=info.unit,
        kind=info.kind.value,
        columns=_COLUMNS,
        limit=_LINES,
        temporality=info.temporality,
        monotonic=info.monotonic,
        environment=scope.environment,
    )
    by = _varying(reader, query) if of.series > 1 else ()
    choice = default_choice(info, grouped=bool(by))
    aggs = aggregations_of(choice)
    try:
        charts = load_metric(reader, replace(query, by=tuple(by)), aggs, exemplars=0).charts
    except TooSlow:
        charts = [(aggs[0], MetricChart(info, (), 0))]
    view = metric_chart(
        info.name, charts, (), scope.window, scope.zone, events=events, widths=_WIDTHS, height=form.height
    )
    several = len(view.lines) > 1
    return ServiceMetric(
        name=info.name,
        measure=", ".join([aggregation_words(info, choice), *(f"by {plain(name, 40)}" for name in by)]),
        newest=view.lines[0].newest if view.lines and not several else "",
        drawing=view.drawings[0][1],
        lines=view.lines if several else (),
        left_out=view.left_out,
        href=_href(service, info, by),
    )


def _varying(reader: Reader, query: MetricQuery) -> Sequence[str]:
    """The attribute in which the series of the service differ, if one has few values; the least varied."""
    values: dict[str, set[str]] = {}
    latest, _ = reader.metric_latest(query, _MOST_SERIES)
    for each in latest:
        for name, value in each.attributes.items():
            values.setdefault(name, set()).add(value)
    fitting = [
        (len(found), name)
        for name, found in values.items()
        if 1 < len(found) <= _LINES and not name.startswith(_RESOURCES)
    ]
    return [min(fitting)[1]] if fitting else []


def _href(service: str, info: MetricInfo, by: Iterable[str]) -> str:
    return metric_url(info.name, {SERVICE: service}, {"unit": info.unit or " ", "by": next(iter(by), "")})
