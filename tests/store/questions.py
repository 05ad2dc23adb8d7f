"""A question of every kind to a reader, by name."""

from __future__ import annotations

from collections.abc import Callable

from signals.model import SessionId, SpanId, TraceId
from store.api import LogQuery, MetricQuery, Operation, Reader, SessionQuery, TraceQuery, Window
from tests.store.build import TRACE


def questions(reader: Reader, window: Window) -> dict[str, Callable[[], object]]:
    """What the screens and the API ask of a window."""
    ids = [TraceId(TRACE)]
    logs = LogQuery(window, trace_ids=ids, session_id=SessionId("s"), text="a", attributes={"k": "v"})
    session = SessionId("s1")
    return {
        **_of_traces(reader, window),
        "spans_of_trace": lambda: reader.spans_of_trace(ids[0]),
        "trace_ids_ending": lambda: reader.trace_ids_ending(TRACE[16:]),
        "locate": lambda: reader.locate(ids[0]),
        "trace_of_span": lambda: reader.trace_of_span("1".rjust(16, "0")),
        "absent_spans": lambda: reader.absent_spans([(ids[0], SpanId("1" * 16))]),
        "browser_of_trace": lambda: reader.browser_of_trace(ids[0]),
        "trace_summaries": lambda: reader.trace_summaries(ids),
        "services": lambda: reader.services(window),
        "services of an environment": lambda: reader.services(window, "lab"),
        "service_map": lambda: reader.service_map(window),
        "service_map of an environment": lambda: reader.service_map(window, ""),
        "operations": lambda: reader.operations(None, window),
        "operations of a service": lambda: reader.operations("frontend", window),
        "series": lambda: reader.series("frontend", window),
        "series of all": lambda: reader.series(None, window, 7, where={"http.route": "/cart/checkout"}),
        "breakdowns": lambda: reader.breakdowns(None, ["version", "odd"], window),
        "breakdowns by tags": lambda: reader.breakdowns(
            None, ["version", "http.route", "tenant.level"], window, {"version": ""}, received=True
        ),
        "affected": lambda: reader.affected("frontend", window, operation="x", amounts=True),
        "affected of all": lambda: reader.affected(None, window),
        "coverage": lambda: reader.coverage(window),
        "coverage of browsers": lambda: reader.coverage(window, "browsers"),
        "tags": lambda: reader.tags(window),
        "find_sessions": lambda: reader.find_sessions(SessionQuery(window)),
        "count_sessions": lambda: reader.count_sessions(SessionQuery(window, attributes={"odd": "x"})),
        "session": lambda: reader.session(session),
        "sessions_ending": lambda: reader.sessions_ending("1"),
        "spans_of_session": lambda: reader.spans_of_session(session),
        "find_logs": lambda: reader.find_logs(logs),
        "count_logs": lambda: reader.count_logs(logs),
        "log_histogram": lambda: reader.log_histogram(logs),
        "log": lambda: reader.log("1"),
        "log_fields": lambda: reader.log_fields(logs),
        "newest_log_id": reader.newest_log_id,
        "deployments": lambda: reader.deployments(window),
        **_of_browsers(reader, window),
        **_of_changes(reader, window),
        **_of_names(reader),
        "status": reader.status,
    }


def _of_browsers(reader: Reader, window: Window) -> dict[str, Callable[[], object]]:
    return {
        "rum_apps": lambda: reader.rum_apps(window),
        "rum_measures": lambda: reader.rum_measures(window),
        "rum_series": lambda: reader.rum_series("page_views", window),
        "rum_errors": lambda: reader.rum_errors(window),
        "rum_breakdowns": lambda: reader.rum_breakdowns("page_views", ["page"], window),
    }


def _of_changes(reader: Reader, window: Window) -> dict[str, Callable[[], object]]:
    return {
        "metric_latest": lambda: reader.metric_latest(MetricQuery(window, "m")),
        "environments": lambda: reader.environments(window),
        "failing_operations": lambda: reader.failing_operations(window),
        "operation_measures": lambda: reader.operation_measures(window),
        "versions": lambda: reader.versions("frontend", window, Operation("frontend", "x")),
        "seen": lambda: reader.seen("version", ["v1"]),
        "errors_seen": lambda: reader.errors_seen(["x"]),
        "changes": lambda: reader.changes(window),
    }


def _of_names(reader: Reader) -> dict[str, Callable[[], object]]:
    return {
        "values_holding": lambda: reader.values_holding("version", "v"),
        "services_holding": lambda: reader.services_holding("f"),
        "sessions_holding": lambda: reader.sessions_holding("s"),
        "trace_ids_with": lambda: reader.trace_ids_with("0a"),
        "span_ids_beginning": lambda: reader.span_ids_beginning("0"),
    }


def _of_traces(reader: Reader, window: Window) -> dict[str, Callable[[], object]]:
    found: dict[str, Callable[[], object]] = {}
    for name, query in (
        ("all", TraceQuery(window)),
        ("by an attribute", TraceQuery(window, attributes={"http.route": "/cart/checkout", "odd": "x"})),
        ("by a part", TraceQuery(window, like={"odd": "ß"})),
        ("slow", TraceQuery(window, service="frontend", also="checkoutservice", sort="slowest")),
        ("oldest errors", TraceQuery(window, error="origin", sort="oldest")),
    ):
        found[f"find_traces {name}"] = lambda query=query: reader.find_traces(query)  # type: ignore[misc]
        found[f"count_traces {name}"] = lambda query=query: reader.count_traces(query)  # type: ignore[misc]
        found[f"affected_by_traces {name}"] = lambda query=query: reader.affected_by_traces(query)  # type: ignore[misc]
    return found
