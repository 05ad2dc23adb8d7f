"""The list of metrics as rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from observer.components import metric_units, metric_words
from observer.components.number_format import count, plural
from observer.components.time_format import ago
from observer.drawing.sparkline import sparkline
from observer.request.links import metric_digest
from observer.screens.metrics.selection import stream_args
from signals.metrics import MetricInfo
from store.api import MetricAggregation, MetricChart, MetricName

_SERVICES_SHOWN: Final = 3
_SERVICES_KNOWN: Final = 50
"""Of a metric, the most that the store names."""
MOST_DRAWN: Final = 500
"""Series of a metric that has a course in the list: reading 2,000 takes a fifth of a second."""
_LEAST_DRAWN: Final = 2
_DRAWABLE: Final = 1e300
_RECENT_NS: Final = 180 * 10**9
"""Three reports of an SDK that sends every minute, as they do by default."""


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One metric of the list."""

    id: str
    """Of its row, which a refreshed page recognizes it by."""
    name: str
    stream: Mapping[str, str]
    """Arguments that choose it among others of its name."""
    description: str
    kind: str
    unit: str
    services: tuple[str, ...]
    """The first few; an empty one for resources that name none."""
    more_services: str
    """`and 4 more`; empty where all are shown."""
    series: int
    newest: str
    """Its newest value; a dash where the window has none."""
    newest_of: str
    """What the value is: `P95`, `average`."""
    newest_age: str
    """How old it is, where that is more than a few reports ago; else empty."""
    course: Markup
    """A small drawing; empty where there is too little."""
    first_unix_nano: int
    last_unix_nano: int
    folded: str
    """That points were refused, in words; empty if none were."""


@dataclass(frozen=True, slots=True)
class MetricList:
    """The page of the list."""

    summary: str
    total: int
    rows: tuple[MetricRow, ...]
    more: str
    """How many follow on further pages, in words; empty where none do."""
    cut: str
    """That there are more than are listed at all; empty where there are not."""


Course = tuple[MetricAggregation, MetricChart]


def metric_list(
    shown: Sequence[MetricName],
    courses: Sequence[Course],
    every: Sequence[MetricName],
    *,
    cut: bool,
    after: int,
    now_unix_nano: int,
) -> MetricList:
    """The list of a page; `courses` has the chart of each metric that is shown, `every` all that match."""
    of_name: dict[str, list[MetricInfo]] = {}
    for each in every:
        of_name.setdefault(each.info.name, []).append(each.info)
    rows = tuple(
        _row(name, [other for other in of_name[name.info.name] if other != name.info], course, now_unix_nano)
        for name, course in zip(shown, courses, strict=True)
    )
    return MetricList(
        summary=f"{plural(len(every), 'metric')}, {count(sum(each.series for each in every))} series",
        total=len(every),
        rows=rows,
        more=f"{count(after)} more" if after > 0 else "",
        cut="There are more than can be listed: type a part of a name." if cut else "",
    )


def _row(of: MetricName, others: Sequence[MetricInfo], course: Course, now_unix_nano: int) -> MetricRow:
    agg, chart = course
    unit = metric_units.unit_of(of.info.unit, agg)
    values = [value for _, value in chart.groups[0].points] if chart.groups else []
    held = [value for value in values if value is not None]
    drawn = [None if value is None or not abs(value) < _DRAWABLE else value for value in values]
    enough = sum(value is not None for value in drawn) >= _LEAST_DRAWN
    stream = stream_args(of.info, others)
    return MetricRow(
        id=f"metric-{metric_digest('/'.join([of.info.name, *stream.values()]))[:12]}",
        name=of.info.name,
        stream=stream,
        description=of.info.description,
        kind=metric_words.kind_words(of.info),
        unit=metric_units.unit_of(of.info.unit).words,
        services=of.services[:_SERVICES_SHOWN],
        more_services=more_services(of, _SERVICES_SHOWN),
        series=of.series,
        newest=unit.text(held[-1] if held else None),
        newest_of=_newest_words(agg) if of.series <= MOST_DRAWN else "many series: open it",
        newest_age=ago(of.last_unix_nano, now_unix_nano)
        if now_unix_nano - of.last_unix_nano > _RECENT_NS
        else "",
        course=sparkline(drawn) if enough else Markup(""),
        first_unix_nano=of.first_unix_nano,
        last_unix_nano=of.last_unix_nano,
        folded=folded_words(of.folded),
    )


def _newest_words(agg: MetricAggregation) -> str:
    return {"rate": "", "avg": "average", "last": "of all series"}.get(agg, agg.upper())


def more_services(of: MetricName, shown: int) -> str:
    """`and 4 more`, `and 47 or more` where not all are known; empty where all are shown."""
    more = len(of.services) - shown
    known = len(of.services) < _SERVICES_KNOWN
    return f"and {more} {'more' if known else 'or more'}" if more > 0 else ""


def folded_words(number: int) -> str:
    """What happened to a metric whose series are too many, and what helps."""
    if not number:
        return ""
    return (
        f"{plural(number, 'point')} of further series refused: it has too many. "
        "Send fewer different values of its attributes, or raise STORE_MAX_SERIES_OF_METRIC."
    )
