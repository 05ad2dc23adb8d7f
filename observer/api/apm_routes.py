"""The API's APM routes: traces, the service map, breakdowns, series."""

from __future__ import annotations

from typing import Literal

from flask import Response

from observer import serializers
from observer.api import otlp_download
from observer.api.common_parameters import (
    ATTR,
    COLUMNS,
    CURSOR,
    ENVIRONMENT,
    LIKE,
    SERVICE,
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
    DURATION,
    MEASURE,
    NEXT,
    REACH,
    SPAN_ID,
    TIME,
    TIME_OR_NULL,
    TRACE_ID,
    TRUNCATED,
    boolean,
    list_of,
    number,
    record,
    ref,
    text,
    whole,
)
from observer.lookup.trace_origin import browser_of
from observer.lookup.traces import dead_links, find_trace
from observer.request import context
from observer.request.errors import Malformed
from observer.request.parameters import Query
from observer.trace_notes import trace_notes
from signals.trace_analysis import analyse
from store.api import Measure, TraceQuery, TraceSort

_ERRORS: dict[str | None, Literal["any", "origin"] | None] = {None: None, "any": "any", "origin": "origin"}
_SORTS: dict[str | None, TraceSort] = {
    None: "newest",
    "newest": "newest",
    "oldest": "oldest",
    "slowest": "slowest",
}
_TRACE_ID_HELP = {"trace_id": "32 hexadecimal digits, or the last 16"}

_TRACE = record(
    {
        "trace_id": TRACE_ID,
        "complete": boolean("every parent that a backend span names is here"),
        "service": text("the entry's service"),
        "operation": text("the entry's operation"),
        "workflow": text("the entry's service, a colon and its route"),
        "start_unix_nano": TIME,
        "duration_ns": DURATION,
        "spans": list_of(ref("Span"), "depth first; browser spans take no part"),
        "span_count": whole("backend spans, inferred ones not counted"),
        "errors": whole(),
        "origin_errors": whole(),
        "browser": record({"session_id": text(), "span_id": SPAN_ID}, null=True),
        "services": list_of(ref("ServiceInTrace")),
        "performance": record(
            {name: number("percent") for name in ("application", "database", "external", "network")}
        ),
        "critical_path": list_of(
            record({"span_id": SPAN_ID, "start_unix_nano": TIME, "duration_ns": DURATION})
        ),
        "notes": list_of(text(), "irregularities of the trace"),
        "truncated": boolean("the trace has more spans than were read"),
    }
)


@route(
    "/apm/traces",
    record({"traces": list_of(ref("TraceSummary")), "next": NEXT, "truncated": TRUNCATED}),
    tag="apm",
    parameters=(
        Parameter("service", "a service that owns a span of the trace", text()),
        Parameter("operation", "the exact name of an operation of that service (or of any)", text()),
        Parameter("operation_contains", "text that such a name contains, in any case", text()),
        Parameter("error", "any: an error occurred; origin: an error began", text(words=("any", "origin"))),
        ATTR,
        LIKE,
        Parameter("min_ms", "no shorter than this", number()),
        Parameter("max_ms", "no longer than this", number()),
        Parameter("sort", "newest by default", text(words=("newest", "oldest", "slowest"))),
        ENVIRONMENT,
        *WINDOW,
        limit(50),
        CURSOR,
    ),
)
def traces(query: Query) -> serializers.Plain:
    """Summaries of traces."""
    page = context.reader().find_traces(
        TraceQuery(
            window=list_window(query),
            service=query.text("service"),
            operation=query.text("operation"),
            operation_contains=query.text("operation_contains"),
            error=_ERRORS[query.choice("error", ("any", "origin"))],
            attributes=query.attributes(),
            like=query.attributes("like"),
            min_ns=query.milliseconds_ns("min_ms"),
            max_ns=query.milliseconds_ns("max_ms"),
            sort=_SORTS[query.choice("sort", ("newest", "oldest", "slowest"))],
            limit=limit_of(query, 50),
            cursor=query.text("cursor"),
            environment=query.text("environment"),
        )
    )
    return {
        "traces": [serializers.trace_summary(summary) for summary in page.items],
        "next": page.next_cursor,
        "truncated": page.truncated,
    }


@route("/apm/traces/<trace_id>", _TRACE, tag="apm", path_help=_TRACE_ID_HELP)
def trace(_query: Query, trace_id: str) -> serializers.Plain:
    """One trace: its spans, where errors began, where the time went."""
    reader = context.reader()
    found = find_trace(reader, trace_id)
    analysis = analyse(found.spans)
    browser = browser_of(reader, analysis)
    shares = analysis.performance
    dead = dead_links(reader, found.spans)
    return {
        "trace_id": found.trace_id,
        "complete": analysis.complete and analysis.spans > 0,
        "service": analysis.service,
        "operation": analysis.operation,
        "workflow": analysis.workflow,
        "start_unix_nano": analysis.start_unix_nano,
        "duration_ns": analysis.duration_ns,
        "spans": [serializers.trace_row(row, dead) for row in analysis.rows],
        "span_count": analysis.spans,
        "errors": analysis.errors,
        "origin_errors": analysis.origin_errors,
        "browser": {"session_id": browser.session_id, "span_id": browser.span_id} if browser else None,
        "services": serializers.services(analysis.services),
        "performance": {
            "application": shares.application,
            "database": shares.database,
            "external": shares.external,
            "network": shares.network,
        },
        "critical_path": [
            {
                "span_id": segment.span_id,
                "start_unix_nano": segment.start_unix_nano,
                "duration_ns": segment.duration_ns,
            }
            for segment in analysis.critical_path
        ],
        "notes": list(trace_notes(analysis)),
        "truncated": found.truncated,
    }


@route(
    "/apm/traces/<trace_id>/otlp",
    {"type": "object", "description": "an ExportTraceServiceRequest in OTLP's JSON encoding"},
    tag="apm",
    path_help=_TRACE_ID_HELP,
)
def trace_otlp(_query: Query, trace_id: str) -> Response:
    """One trace as OTLP JSON, as any OpenTelemetry backend accepts it."""
    found = find_trace(context.reader(), trace_id)
    body = otlp_download.otlp_json(found.spans)
    answer = Response(body, mimetype="application/json")
    answer.headers["Content-Disposition"] = f'attachment; filename="trace-{found.trace_id}.otlp.json"'
    return answer


@route(
    "/apm/map",
    record(
        {
            "nodes": list_of(
                record({"service": text(), "inferred": boolean(), "database": boolean(), **MEASURE})
            ),
            "edges": list_of(
                record(
                    {
                        "from": text(),
                        "to": text(),
                        **{key: schema for key, schema in MEASURE.items() if key != "origin_errors"},
                        "requests_before": whole("calls in the equal period before"),
                        "p90_ns_before": whole("their P90; null without a call", null=True),
                        "unanswered": whole(
                            "calls under which the callee, which sends spans, has none: refused, timed out, "
                            "or its span has not come"
                        ),
                    }
                )
            ),
            **COVERED,
        }
    ),
    tag="apm",
    parameters=(*WINDOW, ENVIRONMENT),
)
def service_map(query: Query) -> serializers.Plain:
    """Services, inferred services and the calls between them."""
    reader = context.reader()
    window, environment = summed_window(query, reader), query.text("environment")
    found = reader.service_map(window, environment)
    earlier = reader.service_map(window.before(), environment).edges
    before = {(edge.source, edge.target): edge.measure for edge in earlier}
    edges = []
    for edge in found.edges:
        measured = serializers.measure(edge.measure)
        del measured["origin_errors"]
        was = before.get((edge.source, edge.target), Measure())
        measured |= {"requests_before": was.requests, "p90_ns_before": was.latency.p90_ns}
        edges.append({"from": edge.source, "to": edge.target, **measured, "unanswered": edge.unanswered})
    return {
        "nodes": [
            {
                "service": node.service,
                "inferred": node.inferred,
                "database": node.database,
                **serializers.measure(node.measure),
            }
            for node in found.nodes
        ],
        "edges": edges,
        **covered(reader, window),
    }


@route(
    "/apm/services",
    record({"services": list_of(record({"service": text(), **MEASURE}))}),
    tag="apm",
    parameters=(*WINDOW, ENVIRONMENT),
)
def services(query: Query) -> serializers.Plain:
    """Backend services with the measure of their requests."""
    reader = context.reader()
    found = reader.services(summed_window(query, reader), query.text("environment"))
    return {"services": serializers.by_name(found, "service")}


@route(
    "/apm/operations",
    record({"operations": list_of(record({"operation": text(), **MEASURE}))}),
    tag="apm",
    parameters=(Parameter("service", "a service's name", text(), required=True), *WINDOW, ENVIRONMENT),
)
def operations(query: Query) -> serializers.Plain:
    """Requests of one service by operation."""
    reader = context.reader()
    service = query.text("service")
    if not service:
        raise Malformed("service is missing.", "Name one, such as service=frontend.")
    found = reader.operations(service, summed_window(query, reader), query.text("environment"))
    return {"operations": serializers.by_name(found, "operation")}


@route(
    "/apm/series",
    record({"points": list_of(ref("Point"))}),
    tag="apm",
    parameters=(
        SERVICE,
        Parameter("operation", "one operation of the service", text()),
        *WINDOW,
        ENVIRONMENT,
        COLUMNS,
    ),
)
def series(query: Query) -> serializers.Plain:
    """Requests, errors and latency over time, of one service or of all."""
    reader = context.reader()
    found = reader.series(
        query.text("service"),
        summed_window(query, reader),
        columns_of(query),
        query.text("operation"),
        query.text("environment"),
    )
    return {"points": serializers.points(found)}


@route(
    "/apm/tags",
    record(
        {
            "tag": text(),
            "values": list_of(ref("TagValue"), "most requests first"),
            "requests": whole("how many were counted, each once: one with several values is in several"),
            "values_total": whole("how many values there are, those beyond the limit among them"),
            "scanned": whole("0 if nothing had to be scanned, else the rows that were read"),
            "truncated": TRUNCATED,
        }
    ),
    tag="apm",
    parameters=(
        SERVICE,
        Parameter("tag", "the attribute to break down by", text(), required=True),
        Parameter("attr", "only requests with this attribute, `name:value`", text(), repeated=True),
        *WINDOW,
        ENVIRONMENT,
        limit(50),
    ),
)
def tags(query: Query) -> serializers.Plain:
    """Requests by the values of an attribute."""
    reader = context.reader()
    window = summed_window(query, reader)
    tag = query.text("tag")
    if not tag:
        known = ", ".join(reader.tags(window)[:12]) or "any attribute of your spans"
        raise Malformed("tag is missing.", f"Name the attribute to break down by: {known}.")
    found = reader.breakdowns(
        query.text("service"),
        (tag,),
        window,
        query.attributes() or None,
        limit_of(query, 50),
        query.text("environment"),
    )[tag]
    return {
        "tag": found.tag,
        "values": serializers.tag_values(found.values),
        "requests": found.requests,
        "values_total": found.values_total,
        "scanned": found.scanned,
        "truncated": found.truncated,
    }


@route(
    "/apm/affected",
    record(
        {
            **REACH,
            "synthetic": record(REACH),
            "since_unix_nano": TIME_OR_NULL,
            "truncated": boolean("every number may be higher: only requests since then were counted"),
        }
    ),
    tag="apm",
    parameters=(
        SERVICE,
        Parameter("operation", "one operation of the service", text()),
        Parameter(
            "error",
            "what counts as failed: any, the default: in error; origin: an error began in the request",
            text(words=("any", "origin")),
        ),
        Parameter("attr", "only requests with this indexed attribute, `name:value`", text(), repeated=True),
        *WINDOW,
        ENVIRONMENT,
    ),
)
def affected(query: Query) -> serializers.Plain:
    """Who is affected by failed requests: distinct sessions and people, of the newest 15,000 requests."""
    reader = context.reader()
    found = reader.affected(
        query.text("service"),
        summed_window(query, reader),
        query.attributes() or None,
        query.text("operation"),
        _ERRORS[query.choice("error", ("any", "origin"))] or "any",
        query.text("environment"),
        amounts=True,
    )
    return serializers.affected(found)


@route(
    "/apm/tag-names",
    record({"tags": list_of(text())}),
    tag="apm",
    parameters=WINDOW,
)
def tag_names(query: Query) -> serializers.Plain:
    """Indexed attributes that requests of the window carry."""
    reader = context.reader()
    return {"tags": list(reader.tags(summed_window(query, reader)))}
