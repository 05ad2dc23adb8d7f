"""The trace search: a form, chips, a picture of durations over time, and a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from flask import Response, render_template, request
from markupsafe import Markup

from observer.components import number_format as formats, time_format
from observer.components.safe_text import plain
from observer.drawing import charts
from observer.request import context
from observer.request.links import address, scoped
from observer.request.page_request import current_scope
from observer.request.parameters import Query, spell_attribute
from observer.request.responses import json_response
from observer.request.scope import Scope
from observer.screens.apm.blueprint import blueprint
from store.api import Reader, TraceQuery, TraceSummary, Window

_LIMIT = 50
_NEWS_LIMIT = 100
_OPERATIONS_LISTED = 200
_LISTED_NS = 300 * 10**9
_DAY_NS = 86_400 * 10**9
_CLOSE_UP = 4
"""Traces that fill less than this part of the window are drawn over their own time."""
_ERRORS: dict[str | None, Literal["any", "origin"] | None] = {None: None, "any": "any", "origin": "origin"}
_SORTS: dict[str | None, Literal["newest", "slowest"]] = {
    None: "newest",
    "newest": "newest",
    "slowest": "slowest",
}


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition that is set, and this page's address without it."""

    name: str
    sign: str
    value: str
    without: str


@blueprint.get("/apm/traces")
def traces() -> str:
    """Summaries of traces that fit, newest or slowest first."""
    reader = context.reader()
    scope = current_scope()
    query = Query(request.args, context.now_unix_nano())
    asked = _asked(query, scope.window, scope.environment)
    page = reader.find_traces(asked)
    longest = max((summary.duration_ns for summary in page.items), default=0)
    return render_template(
        "apm/traces.html",
        asked=asked,
        found=page.items,
        next_cursor=page.next_cursor,
        truncated=page.truncated,
        filters=_filters(asked),
        attributes=[spell_attribute(name, value) for name, value in asked.attributes.items()],
        operations=_operations(reader, scope, asked.service),
        operation=query.text("operation") or "",
        dated=scope.window.duration_ns > _DAY_NS,
        services=sorted(reader.services(scope.window, scope.environment)),
        pictures=_pictures(page.items, scope) if page.items else (),
        longest=longest,
        news=_news_address(asked, scope),
        has_traces=bool(page.items) or reader.status().spans > 0,
    )


@blueprint.get("/apm/traces/news")
def traces_news() -> Response:
    """How many traces came since `after` that fit the same conditions."""
    query = Query(request.args, context.now_unix_nano())
    after = query.whole("after", 0, 0, Window.ALL.to_unix_nano - 1)
    window, environment = Window(after + 1, Window.ALL.to_unix_nano), query.text("env")
    asked = _asked(query, window, environment)
    asked = replace(asked, sort="newest", cursor=None, limit=_NEWS_LIMIT)
    page = context.reader().find_traces(asked)
    count = len(page.items)
    more = "+" if page.next_cursor else ""
    words = f"{formats.count(count)}{more} new {'trace' if count == 1 else 'traces'}"
    return json_response({"count": count, "words": words})


def _asked(query: Query, window: Window, environment: str | None) -> TraceQuery:
    """What is asked for. An operation is any part of a name; links that mean one whole name say `exact`."""
    operation, exact = query.text("operation"), query.flag("exact")
    return TraceQuery(
        window=window,
        service=query.text("service"),
        operation=operation if exact else None,
        operation_contains=None if exact else operation,
        also=query.text("also"),
        error=_ERRORS[query.choice("error", ("any", "origin"))],
        attributes=query.attributes(),
        min_ns=query.milliseconds_ns("min_ms"),
        max_ns=query.milliseconds_ns("max_ms"),
        sort=_SORTS[query.choice("sort", ("newest", "slowest"))],
        limit=_LIMIT,
        cursor=query.text("cursor"),
        environment=environment,
    )


def _operations(reader: Reader, scope: Scope, service: str | None) -> list[str]:
    """Names to choose from, of the last minutes: all of the range would cost more than the search."""
    window = scope.window
    newest = Window(max(window.from_unix_nano, window.to_unix_nano - _LISTED_NS), window.to_unix_nano)
    return sorted(reader.operations(service, newest, scope.environment))[:_OPERATIONS_LISTED]


def _filters(asked: TraceQuery) -> list[Filter]:
    found = []
    if asked.service:
        found.append(Filter("service", "=", asked.service, _less("service")))
    if asked.also:
        found.append(Filter("service", "with", asked.also, _less("also")))
    if asked.operation:
        found.append(Filter("operation", "=", asked.operation, _less("operation")))
    if asked.operation_contains:
        found.append(Filter("operation", "contains", asked.operation_contains, _less("operation")))
    if asked.error:
        words = "originated here" if asked.error == "origin" else "any"
        found.append(Filter("error", "=", words, _less("error")))
    if asked.environment:
        found.append(Filter("environment", "=", asked.environment, _less("env")))
    for name, value in asked.attributes.items():
        found.append(Filter(name, "=", value, _less("attr", spell_attribute(name, value))))
    if asked.min_ns is not None:
        found.append(Filter("duration", "≥", formats.duration(asked.min_ns), _less("min_ms")))
    if asked.max_ns is not None:
        found.append(Filter("duration", "≤", formats.duration(asked.max_ns), _less("max_ms")))
    return found


def _less(name: str, value: str | None = None) -> str:
    """This page's address without an argument, or without one of its values."""
    pairs = [
        (key, text)
        for key, text in request.args.items(multi=True)
        if key != "cursor" and not (key == name and (value is None or text == value))
    ]
    return address(request.path, pairs)


def _pictures(found: Sequence[TraceSummary], scope: Scope) -> list[tuple[str, Markup]]:
    """The picture for a desk and the one for a phone, each with the class of its place."""
    dots = []
    for summary in found:
        css = "origin" if summary.origin_errors else "received" if summary.errors else "ok"
        what = f"{summary.service}: {summary.operation}" if summary.service else "browser only"
        bad = f", {formats.plural(summary.errors, 'error')}" if summary.errors else ""
        title = f"{plain(what, 120)}\n{time_format.stamp(summary.start_unix_nano, scope.zone)}"
        title += f", {formats.duration(summary.duration_ns)}{bad}"
        href = scoped(f"/apm/traces/{summary.trace_id}")
        dots.append(charts.Dot(summary.start_unix_nano, float(max(1, summary.duration_ns)), css, title, href))
    label = "Duration of these traces over time"
    window = shown_window(found, scope.window)
    return [
        (
            place,
            charts.scatter(
                charts.Frame(label, window, scope.zone, formats.duration, width=width, height=150.0),
                dots,
            ),
        )
        for place, width in (("only-wide", 1320.0), ("only-narrow", 400.0))
    ]


def shown_window(found: Sequence[TraceSummary], window: Window) -> Window:
    """The time that a picture of some traces spans: the window, or theirs where that is a small part of it.

    The fifty newest of a busy quarter of an hour began in its last seconds: over the
    whole window they are one line.
    """
    first = min(summary.start_unix_nano for summary in found)
    last = max(summary.start_unix_nano for summary in found)
    edge = max((last - first) // 40, 50_000_000)
    if (last - first + 2 * edge) * _CLOSE_UP >= window.duration_ns:
        return window
    return Window(first - edge, last + edge)


def _news_address(asked: TraceQuery, scope: Scope) -> str | None:
    """Where to ask for new traces; None where the page does not show the newest."""
    if not scope.live or asked.cursor or asked.sort != "newest":
        return None
    skipped = {"since", "from", "to", "live", "cursor", "sort"}
    pairs = [(k, v) for k, v in request.args.items(multi=True) if k not in skipped]
    return address("/apm/traces/news", [*pairs, ("after", str(scope.now_unix_nano))])
