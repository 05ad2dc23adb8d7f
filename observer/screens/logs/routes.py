"""The addresses of Logs: the page, its live rows, the download."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import orjson
from flask import Blueprint, Response, redirect, render_template, request

from observer import serializers
from observer.components.number_format import plural
from observer.request import context
from observer.request.errors import Malformed
from observer.request.links import address as link_to, here
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.request.reachable_addresses import neighbours
from observer.request.time_range import range_args
from observer.screens.logs import filter_syntax, filters as selections, view
from observer.screens.logs.filters import Selection
from observer.screens.logs.log_detail import detail_of
from signals.log_fields import LogField, fields_of
from signals.model import Log
from store.api import HistogramColumn, LogQuery, Page, Reader, Window

blueprint = Blueprint("logs", __name__)

COLUMNS = 80
DOWNLOAD_LIMIT = 100_000
_DOWNLOAD_PAGE = 1_000
_SAMPLE = 200
"""Recent logs that are looked at to say what they lack."""


def _selection() -> tuple[Query, Reader, Selection]:
    query = Query(request.args, context.now_unix_nano())
    reader = context.reader()
    return query, reader, selections.read(query, reader, current_scope())


@blueprint.get("/logs")
def log_page() -> str | Response:
    """Logs that match, when they came, their fields, and one of them in full."""
    query, reader, selection = _selection()
    problem = None
    if query.has("add"):
        try:
            address = link_to("/logs", filter_syntax.applied(query.pairs(), query.text("add") or ""))
        except Malformed as refused:
            problem = refused
        else:
            return _redirect(address)
    scope = current_scope()
    chosen = reader.log(query.text("log") or "") if query.has("log") else None
    tail = selection.tailable and scope.live and chosen is None
    # Before the rows are asked for: what comes in between is then told twice rather than never.
    newest = reader.newest_log_id() if tail else ""
    page = reader.find_logs(selection.query)
    strays = filter_syntax.strays(request.args)
    return render_template(
        "logs/logs.html",
        selection=selection,
        page=page,
        listed=view.listed(page.items),
        detail=detail_of(chosen) if chosen else None,
        chosen_missing=query.has("log") and chosen is None,
        newest=newest,
        tail=tail,
        problem=problem,
        typed_text=query.text("add") or "",
        strays=strays,
        kept=[
            pair
            for pair in query.pairs()
            if pair[0] not in ("q", *filter_syntax.PER_LOG) and pair[0] in filter_syntax.KNOWN
        ],
        otlp_http=neighbours().otlp_http_url,
        **_over_time(reader, selection, page),
        **_beside(reader, selection, page),
    )


def _redirect(address: str) -> Response:
    answer = redirect(address, 303)
    assert isinstance(answer, Response)
    return answer


def _over_time(reader: Reader, selection: Selection, page: Page[Log]) -> dict[str, object]:
    """The histogram, and where to look around from it."""
    scope = current_scope()
    window = selections.spread(selection, page, reader)
    counted = reader.log_histogram(replace(selection.query, window=window, cursor=None), COLUMNS)
    narrowed = _narrowed(counted.columns, window)
    own = scope.since is None
    return {
        "count": counted.total,
        "counted_since": counted.since_unix_nano,
        "window": window,
        "dated": view.dated(page.items, window, scope.now_unix_nano, scope.zone),
        "charts": [
            (place, view.chart(counted.columns, window, scope.zone, narrowed, width=width))
            for place, width in (("only-wide", 1200.0), ("only-narrow", 400.0))
        ],
        "totals": view.totals(counted.columns),
        "now": scope.now_unix_nano,
        "wider": here(since=None, live=None, log=None, **range_args(_wider(window, scope.now_unix_nano)))
        if own
        else "",
        "whole": here(**{"from": None, "to": None, "since": None, "log": None}) if own else "",
    }


def _beside(reader: Reader, selection: Selection, page: Page[Log]) -> dict[str, object]:
    """The fields panel, what the logs lack, and what helps where there are none."""
    fields, cut = _fields(reader, selection.query, page)
    shown = view.fields_of(fields)
    recent = page.items or reader.find_logs(LogQuery(window=Window.ALL, limit=_SAMPLE)).items
    text = "" if page.items else selection.query.text or ""
    return {
        "fields": shown,
        "fields_left_out": max(0, len(fields) - view.FIELDS_LIMIT),
        "fields_cut": cut,
        "looked_at": view.looked_at(fields),
        "choices": view.choices(shown or view.fields_of(fields_of(recent))),
        "lacking": (len(recent), view.lacks(recent)),
        "hints": [
            (name, value, number, link_to("/logs", _instead(selection, name, value)))
            for name, value, number in view.hints(recent, text)
        ],
        "status": None if page.items else reader.status(),
    }


def _instead(selection: Selection, name: str, value: str) -> filter_syntax.Pairs:
    """This page's arguments with a field's value in place of the text."""
    pairs = [pair for pair in request.args.items(multi=True) if pair[0] != "q"]
    return filter_syntax.within(pairs, name, value)


def _fields(reader: Reader, asked: LogQuery, page: Page[Log]) -> tuple[Sequence[LogField], bool]:
    """The fields of what matches, and whether some was left out; without a search where none is due."""
    if asked.cursor is None and len(page.items) < asked.limit:
        return fields_of(page.items), page.truncated
    return reader.log_fields(replace(asked, cursor=None))


def _wider(window: Window, now_unix_nano: int) -> Window:
    """Three times as long around the same middle, no further than now."""
    end = max(window.to_unix_nano, min(window.to_unix_nano + window.duration_ns, now_unix_nano + 1))
    return Window(max(0, window.from_unix_nano - window.duration_ns), end)


def _narrowed(histogram: Sequence[HistogramColumn], window: Window) -> list[str]:
    """For each column the address of its own time."""
    starts = [column.start_unix_nano for column in histogram] + [window.to_unix_nano]
    return [
        here(since=None, live=None, **range_args(Window(start, max(start + 1, end))))
        for start, end in pairwise(starts)
    ]


@blueprint.get("/logs/rows")
def log_rows() -> str:
    """Rows that arrived after `after`, newest first: the live tail."""
    query, reader, selection = _selection()
    scope = current_scope()
    newest = int(reader.newest_log_id())
    after = query.text("after")
    if after:
        page = reader.find_logs(replace(selection.query, after=after, cursor=None))
    else:
        page = replace(reader.find_logs(replace(selection.query, limit=20)), next_cursor=None)
    numbers = [int(log.log_id) for log in page.items]
    ended = page.next_cursor is None
    # Once all was looked at, what did not match need not be looked at again.
    cursor = max([newest, *numbers]) if ended else max(numbers, default=0)
    late = scope.window.from_unix_nano
    fresh = sorted(
        (log for log in page.items if log.time_unix_nano >= late),
        key=lambda log: (log.time_unix_nano, int(log.log_id)),
        reverse=True,
    )
    return render_template(
        "logs/rows.html",
        listed=view.listed(fresh),
        dated=view.dated(fresh, scope.window, scope.now_unix_nano, scope.zone),
        cursor=cursor or after or "",
        more=not ended and bool(numbers),
        lost=not ended and not numbers,
    )


@blueprint.get("/logs/news")
def news() -> Response:
    """How many logs of a page that had none arrived after `after`, up to a page of them."""
    query, reader, selection = _selection()
    asked = replace(selection.query, after=query.text("after") or "0", cursor=None)
    page = reader.find_logs(asked)
    late = selection.query.window.from_unix_nano
    number = sum(log.time_unix_nano >= late for log in page.items)
    more = page.next_cursor is not None
    words = f"more than {number} new logs" if more else plural(number, "new log")
    body = orjson.dumps({"count": max(number, int(more)), "words": words})
    return Response(body, mimetype="application/json")


@blueprint.get("/logs/download")
def download() -> Response:
    """Every log that matches as one JSON object per line, newest first, up to a bound.

    An argument that means nothing here is refused: a file cannot tell that a filter was none.
    """
    query, reader, selection = _selection()
    query.refuse_unknown(filter_syntax.KNOWN)
    answer = Response(_lines(reader, selection.query), mimetype="application/x-ndjson")
    answer.headers["Content-Disposition"] = 'attachment; filename="logs.ndjson"'
    return answer


def _lines(reader: Reader, asked: LogQuery) -> Iterator[bytes]:
    cursor: str | None = None
    written = 0
    while written < DOWNLOAD_LIMIT:
        page = reader.find_logs(replace(asked, limit=_DOWNLOAD_PAGE, cursor=cursor))
        for log in page.items:
            yield orjson.dumps(serializers.log(log), default=str, option=orjson.OPT_APPEND_NEWLINE)
        written += len(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return
    yield (
        orjson.dumps({"cut": f"the first {DOWNLOAD_LIMIT} logs; narrow the time range for the rest"}) + b"\n"
    )
