"""The addresses of Logs: the page, its live rows, the download."""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import orjson
from flask import Blueprint
from flask import Response
from flask import render_template
from flask import request

from observer import context
from observer.api import plain
from observer.logs import rows
from observer.logs import selection as selections
from observer.logs.selection import Selection
from observer.query import Query
from observer.ui import current_scope
from observer.ui import here
from observer.ui.scope import range_args
from store.api import LogQuery
from store.api import Page
from store.api import Reader
from store.fields import fields_of
from store.model import HistogramColumn
from store.model import Log
from store.model import LogField
from store.model import Window

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
def log_page() -> str:
    """Logs that match, when they came, their fields, and one of them in full."""
    query, reader, selection = _selection()
    scope = current_scope()
    asked = selection.query
    page = reader.find_logs(asked)
    window = selections.spread(selection, page, reader)
    counted = reader.log_histogram(replace(asked, window=window, cursor=None), COLUMNS)
    histogram = counted.columns
    fields, fields_cut = _fields(reader, asked, page)
    narrowed = _narrowed(histogram, window)
    chosen = reader.log(query.text("log") or "") if query.has("log") else None
    return render_template(
        "logs/logs.html",
        selection=selection,
        page=page,
        lacks_of=rows.lacks_of,
        first_line=rows.first_line,
        count=counted.total,
        counted_since=counted.since_unix_nano,
        window=window,
        charts=[
            (place, rows.chart(histogram, window, scope.zone, narrowed, width=width))
            for place, width in (("only-wide", 1200.0), ("only-narrow", 400.0))
        ],
        totals=rows.totals(histogram),
        fields=rows.fields_of(fields),
        fields_left_out=max(0, len(fields) - rows.FIELDS_LIMIT),
        fields_cut=fields_cut,
        chosen=chosen,
        chosen_missing=query.has("log") and chosen is None,
        document=rows.document(chosen) if chosen else (),
        remedy_of=rows.remedy_of,
        lacking=_lacking(reader, page.items),
        newest=page.items[0].log_id if page.items else "",
        status=None if page.items else reader.status(),
        otlp_http=context.settings().otlp_http_url,
        tail=selection.tailable and scope.live and chosen is None,
    )


def _fields(reader: Reader, asked: LogQuery, page: Page[Log]) -> tuple[Sequence[LogField], bool]:
    """The fields of what matches, and whether some was left out; without a search where none is due."""
    if asked.cursor is None and len(page.items) < asked.limit:
        return fields_of(page.items), page.truncated
    return reader.log_fields(replace(asked, cursor=None))


def _narrowed(histogram: Sequence[HistogramColumn], window: Window) -> list[str]:
    """For each column the address of its own time."""
    starts = [column.start_unix_nano for column in histogram] + [window.to_unix_nano]
    return [
        here(since=None, live=None, **range_args(Window(start, max(start + 1, end))))
        for start, end in pairwise(starts)
    ]


def _lacking(reader: Reader, shown: Sequence[Log]) -> tuple[int, tuple[rows.Lack, ...]]:
    """How many logs were looked at, and what they lack: those shown, or where none are, recent ones."""
    if shown:
        return len(shown), rows.lacks(shown)
    recent = reader.find_logs(LogQuery(window=Window(0, 2**62), limit=_SAMPLE)).items
    return len(recent), rows.lacks(recent)


@blueprint.get("/logs/rows")
def log_rows() -> str:
    """Rows that arrived after `after`, newest first: the live tail."""
    query, reader, selection = _selection()
    after = query.text("after")
    found: list[Log] = []
    if after:
        found = list(reader.find_logs(replace(selection.query, after=after, cursor=None)).items)
    else:
        found = list(reader.find_logs(replace(selection.query, limit=20)).items)[::-1]
    return render_template(
        "logs/rows.html",
        logs=found[::-1],
        cursor=found[-1].log_id if found else after or "",
        lacks_of=rows.lacks_of,
        first_line=rows.first_line,
    )


@blueprint.get("/logs/download")
def download() -> Response:
    """Every log that matches as one JSON object per line, newest first, up to a bound."""
    _, reader, selection = _selection()
    answer = Response(_lines(reader, selection.query), mimetype="application/x-ndjson")
    answer.headers["Content-Disposition"] = 'attachment; filename="logs.ndjson"'
    return answer


def _lines(reader: Reader, asked: LogQuery) -> Iterator[bytes]:
    cursor: str | None = None
    written = 0
    while written < DOWNLOAD_LIMIT:
        page = reader.find_logs(replace(asked, limit=_DOWNLOAD_PAGE, cursor=cursor))
        for log in page.items:
            yield orjson.dumps(plain.log(log), default=str, option=orjson.OPT_APPEND_NEWLINE)
        written += len(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return
    yield (
        orjson.dumps({"cut": f"the first {DOWNLOAD_LIMIT} logs; narrow the time range for the rest"}) + b"\n"
    )
