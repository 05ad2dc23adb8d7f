"""The API's log routes: records, their histogram, their fields."""

from __future__ import annotations

from dataclasses import replace

from flask import Response

from observer import serializers
from observer.api import otlp_download
from observer.api.common_parameters import (
    ATTR,
    COLUMNS,
    CURSOR,
    LIKE,
    SERVICE,
    WINDOW,
    columns_of,
    limit,
    limit_of,
    list_window,
    summed_window,
)
from observer.api.routing import Parameter, route
from observer.api.schemas import (
    DURATION,
    NEXT,
    SEVERITY_WORDS,
    TRUNCATED,
    boolean,
    list_of,
    record,
    ref,
    text,
    whole,
)
from observer.lookup.traces import full_trace_id
from observer.request import context
from observer.request.errors import Unknown
from observer.request.parameters import Query
from signals.model import Log, SessionId
from store.api import LogQuery, Reader, Window

_VALUE_CHARACTERS = 256
_FILTERS = (
    Parameter("trace_id", "32 hexadecimal digits, or the last 16", text()),
    Parameter("span_id", "16 hexadecimal digits", text()),
    Parameter("session_id", "a browser session", text()),
    SERVICE,
    Parameter(
        "severity", "one or more, separated by commas or repeated", text(words=SEVERITY_WORDS), repeated=True
    ),
    Parameter(
        "q",
        'words that the body contains, all of them, in any order and case; "quotes" make a phrase',
        text(),
    ),
    ATTR,
    LIKE,
    Parameter(
        "exclude",
        "leave out logs with this attribute, written as for `attr`; repeat it, and any of them leaves out",
        text(),
        repeated=True,
    ),
    *WINDOW,
)


@route(
    "/logs",
    record(
        {
            "logs": list_of(ref("Log"), "newest first, unless `order` says otherwise"),
            "count": whole("how many match in all"),
            "counted_since_unix_nano": whole(
                "the time down to which was counted, newest first; null if all was counted", null=True
            ),
            "histogram": list_of(ref("LogColumn")),
            "column_ns": DURATION,
            "next": NEXT,
            "truncated": TRUNCATED,
        }
    ),
    tag="logs",
    parameters=(
        *_FILTERS,
        Parameter("after", "only logs that arrived after this log id, oldest first: the live tail", text()),
        Parameter("order", "newest by default", text(words=("newest", "oldest"))),
        COLUMNS,
        limit(100),
        CURSOR,
    ),
)
def logs(query: Query) -> serializers.Plain:
    """Log records that match, how many there are, and when."""
    reader = context.reader()
    log_query = replace(
        _log_query(query, reader),
        after=query.text("after"),
        oldest_first=query.choice("order", ("newest", "oldest")) == "oldest",
        limit=limit_of(query, 100),
        cursor=query.text("cursor"),
    )
    page = reader.find_logs(log_query)
    columns = columns_of(query)
    window = _histogram_window(query, reader, log_query)
    histogram_query = replace(log_query, window=window, after=None, cursor=None)
    counted = reader.log_histogram(histogram_query, columns)
    return {
        "logs": [serializers.log(log) for log in page.items],
        "count": reader.count_logs(log_query) if log_query.after else counted.total,
        "counted_since_unix_nano": counted.since_unix_nano,
        "histogram": serializers.log_columns(counted.columns),
        "column_ns": -(-histogram_query.window.duration_ns // columns),
        "next": page.next_cursor,
        "truncated": page.truncated,
    }


@route(
    "/logs/fields",
    record(
        {
            "fields": list_of(
                record(
                    {
                        "name": text(),
                        "record": boolean("the record's own severity or service, not an attribute"),
                        "count": whole(),
                        "values": list_of(
                            record({"value": text("its first 256 characters"), "count": whole()})
                        ),
                    }
                )
            ),
            "truncated": boolean("only the newest matching logs were counted"),
        }
    ),
    tag="logs",
    parameters=(*_FILTERS, Parameter("top", "how many values of each, 1 to 50; 5 by default", whole())),
)
def fields(query: Query) -> serializers.Plain:
    """Fields of the logs that match, with their most frequent values."""
    reader = context.reader()
    found, truncated = reader.log_fields(_log_query(query, reader), query.whole("top", 5, 1, 50))
    return {
        "fields": [
            {
                "name": field.name,
                "record": field.record,
                "count": field.count,
                "values": [
                    {"value": value[:_VALUE_CHARACTERS], "count": count} for value, count in field.values
                ],
            }
            for field in found
        ],
        "truncated": truncated,
    }


@route("/logs/<log_id>", ref("Log"), tag="logs", path_help={"log_id": "the store's id of the log"})
def log(_query: Query, log_id: str) -> serializers.Plain:
    """One log record."""
    return serializers.log(_found(log_id))


@route(
    "/logs/<log_id>/otlp",
    {"type": "object", "description": "an ExportLogsServiceRequest in OTLP's JSON encoding"},
    tag="logs",
    path_help={"log_id": "the store's id of the log"},
)
def log_otlp(_query: Query, log_id: str) -> Response:
    """One log record as OTLP JSON, as any OpenTelemetry backend accepts it."""
    found = _found(log_id)
    answer = Response(otlp_download.otlp_logs_json([found]), mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="log-{found.log_id}.otlp.json"'
    return answer


def _found(log_id: str) -> Log:
    found = context.reader().log(log_id)
    if found is None:
        raise Unknown(f"There is no log {log_id[:40]!r}.", "It may have been pruned.")
    return found


def _log_query(query: Query, reader: Reader) -> LogQuery:
    trace_id = query.trace_id()
    if trace_id and len(trace_id) == 16:
        trace_id = full_trace_id(reader, trace_id)
    session_id = query.text("session_id")
    return LogQuery(
        window=list_window(query),
        trace_id=trace_id,
        span_id=query.span_id(),
        session_id=SessionId(session_id) if session_id else None,
        service=query.text("service"),
        severities=query.severities(),
        text=query.text("q"),
        attributes=query.attributes(),
        like=query.attributes("like"),
        excluded=query.attribute_pairs("exclude"),
    )


def _histogram_window(query: Query, reader: Reader, log_query: LogQuery) -> Window:
    """The request's window, else from the first to the last of the few logs that an id narrows to."""
    if query.window() is None and (log_query.trace_id or log_query.span_id or log_query.session_id):
        ends = [
            reader.find_logs(replace(log_query, after=None, cursor=None, limit=1, oldest_first=oldest)).items
            for oldest in (True, False)
        ]
        if all(ends):
            return Window(ends[0][0].time_unix_nano, ends[1][0].time_unix_nano + 1)
    return summed_window(query, reader)
