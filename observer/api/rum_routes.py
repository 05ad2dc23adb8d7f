"""The API's RUM routes: sessions and their events, metrics, JavaScript errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from observer import serializers
from observer.api.common_parameters import (
    ATTR,
    COLUMNS,
    CURSOR,
    LIKE,
    WINDOW,
    columns_of,
    limit,
    limit_of,
    list_window,
    summed_window,
)
from observer.api.compared_fields import COVERED, covered
from observer.api.routing import Parameter, route
from observer.api.schemas import (
    MEASURE,
    NEXT,
    SPAN_ID,
    TIME,
    TIME_OR_NULL,
    TRUNCATED,
    boolean,
    list_of,
    map_of,
    record,
    ref,
    text,
    whole,
)
from observer.lookup.sessions import EVENTS_LIMIT, find_session
from observer.request import context
from observer.request.errors import Malformed, refuse
from observer.request.parameters import Query
from observer.trace_notes import session_clock_notes
from signals.session_events import events_of, linked_traces
from store.api import RumMetric, Seen, SessionQuery, SessionSort

METRICS: tuple[RumMetric, ...] = get_args(RumMetric)
_METRIC = Parameter("metric", "what to measure", text(words=METRICS), required=True)
_WHERE = Parameter("attr", "only events with this attribute, `name:value`", text(), repeated=True)
_SORTS: Mapping[str, SessionSort] = {name: name for name in get_args(SessionSort)}


@route(
    "/rum/sessions",
    record({"sessions": list_of(ref("Session")), "next": NEXT, "truncated": TRUNCATED}),
    tag="rum",
    parameters=(
        ATTR,
        LIKE,
        Parameter("exclude", "leave out sessions with this attribute, `name:value`", text(), repeated=True),
        Parameter("sort", "newest by default", text(words=tuple(_SORTS))),
        *WINDOW,
        limit(50),
        CURSOR,
    ),
)
def sessions(query: Query) -> serializers.Plain:
    """Browser sessions in which some span has the attributes."""
    page = context.reader().find_sessions(
        SessionQuery(
            window=list_window(query),
            attributes=query.attributes(),
            like=query.attributes("like"),
            excluded=query.attributes("exclude"),
            sort=_SORTS[query.choice("sort", tuple(_SORTS)) or "newest"],
            limit=limit_of(query, 50),
            cursor=query.text("cursor"),
        )
    )
    return {
        "sessions": [serializers.session(summary) for summary in page.items],
        "next": page.next_cursor,
        "truncated": page.truncated,
    }


@route(
    "/rum/sessions/<path:session_id>",
    record(
        {
            "session": ref("Session"),
            "events": list_of(ref("SessionEvent"), "by start"),
            "truncated": boolean("the session has more events than were read"),
        }
    ),
    tag="rum",
    path_help={"session_id": "the session's id, as the agent gave it"},
)
def session(_query: Query, session_id: str) -> serializers.Plain:
    """One session and its events, each with its link to the backend."""
    reader = context.reader()
    summary = find_session(reader, session_id)
    spans = reader.spans_of_session(summary.session_id, EVENTS_LIMIT)
    events = events_of(spans, reader.trace_summaries(linked_traces(spans)))
    return {
        "session": {**serializers.session(summary), "notes": list(session_clock_notes(spans))},
        "events": [serializers.session_event(event) for event in events],
        "truncated": len(spans) >= EVENTS_LIMIT,
    }


@route(
    "/rum/apps",
    record({"apps": list_of(record({"app": text(), "environment": text()}))}),
    tag="rum",
    parameters=WINDOW,
)
def apps(query: Query) -> serializers.Plain:
    """Applications and environments that browsers reported from."""
    reader = context.reader()
    found = reader.rum_apps(summed_window(query, reader))
    return {"apps": [{"app": app, "environment": environment} for app, environment in found]}


@route(
    "/rum/measures",
    record(
        {
            "measures": map_of(record(MEASURE), "by metric; those without a sample left out"),
            "before": map_of(record(MEASURE), "the same of the window before"),
            **COVERED,
        }
    ),
    tag="rum",
    parameters=(_WHERE, *WINDOW),
)
def measures(query: Query) -> serializers.Plain:
    """Every RUM metric of the window, and of the window before it."""
    reader = context.reader()
    window = summed_window(query, reader)
    where = query.attributes() or None
    now = reader.rum_measures(window, where)
    before = reader.rum_measures(window.before(), where)
    return {
        "measures": {metric: serializers.measure(value) for metric, value in now.items()},
        "before": {metric: serializers.measure(value) for metric, value in before.items()},
        **covered(reader, window, "browsers"),
    }


@route(
    "/rum/series",
    record({"metric": text(words=METRICS), "points": list_of(ref("Point"))}),
    tag="rum",
    parameters=(_METRIC, _WHERE, *WINDOW, COLUMNS),
)
def rum_series(query: Query) -> serializers.Plain:
    """One RUM metric over time."""
    reader = context.reader()
    metric = _metric(query)
    columns = columns_of(query)
    found = reader.rum_series(metric, summed_window(query, reader), columns, query.attributes() or None)
    return {"metric": metric, "points": serializers.points(found)}


@route(
    "/rum/tags",
    record(
        {
            "metric": text(words=METRICS),
            "tag": text(),
            "values": list_of(ref("TagValue")),
            "scanned": whole("0 if nothing had to be scanned, else the rows that were read"),
            "truncated": TRUNCATED,
        }
    ),
    tag="rum",
    parameters=(
        _METRIC,
        Parameter("tag", "the attribute to break down by", text(), required=True),
        _WHERE,
        *WINDOW,
        limit(50),
    ),
)
def rum_tags(query: Query) -> serializers.Plain:
    """One RUM metric by the values of an attribute."""
    reader = context.reader()
    metric = _metric(query)
    tag = query.text("tag")
    if not tag:
        raise Malformed("tag is missing.", "Name the attribute to break down by, such as tag=page.")
    most = limit_of(query, 50)
    window = summed_window(query, reader)
    found = reader.rum_breakdowns(metric, (tag,), window, query.attributes() or None, most)[tag]
    return {
        "metric": metric,
        "tag": found.tag,
        "values": serializers.tag_values(found.values),
        "scanned": found.scanned,
        "truncated": found.truncated,
    }


@route(
    "/rum/errors",
    record(
        {
            "errors": list_of(
                record(
                    {
                        "error_id": text(),
                        "type": text(),
                        "message": text(),
                        "count": whole(),
                        "sessions": whole(),
                        "people": whole("distinct `enduser.id`, and sessions that have none"),
                        "synthetic": whole("how many of the errors are of synthetic traffic"),
                        "first_seen_unix_nano": TIME_OR_NULL,
                        "first_seen_exact": boolean("false where it may have been seen before, too"),
                        "last_seen_unix_nano": TIME,
                        "example_session_id": text(),
                        "example_span_id": SPAN_ID,
                    }
                ),
                "most frequent first",
            ),
            "truncated": boolean("only the newest errors were read"),
        }
    ),
    tag="rum",
    parameters=(_WHERE, *WINDOW, limit(20)),
)
def rum_errors(query: Query) -> serializers.Plain:
    """JavaScript errors in groups of the same type and message."""
    reader = context.reader()
    most = limit_of(query, 20)
    found, truncated = reader.rum_errors(summed_window(query, reader), query.attributes() or None, most)
    sightings = reader.errors_seen([group.error_id for group in found])
    return {
        "errors": [
            {
                "error_id": group.error_id,
                "type": group.type,
                "message": group.message,
                "count": group.count,
                "sessions": group.sessions,
                "people": group.people,
                "synthetic": group.synthetic,
                **_first_seen(sightings.get(group.error_id)),
                "last_seen_unix_nano": group.last_seen_unix_nano,
                "example_session_id": group.example_session_id,
                "example_span_id": group.example_span_id,
            }
            for group in found
        ],
        "truncated": truncated,
    }


def _first_seen(of: Seen | None) -> serializers.Plain:
    return {
        "first_seen_unix_nano": of.first_unix_nano if of else None,
        "first_seen_exact": bool(of and of.exact),
    }


def _metric(query: Query) -> RumMetric:
    name = query.text("metric")
    for metric in METRICS:
        if metric == name:
            return metric
    raise refuse("metric", name or "", "one of: " + ", ".join(METRICS))
