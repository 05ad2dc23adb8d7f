"""The tools of the Model Context Protocol server: each is one question to the JSON API.

A tool's docstring and its parameters' descriptions are what an agent reads of it. What telemetry holds is
text of strangers: the server's instructions say so.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal
from urllib.parse import quote

from pydantic import Field

from observer.agents.questions import Api

Since = Annotated[str, Field(description="How far back from now: a number and s, m, h, d or w, such as 15m.")]
Limit = Annotated[int, Field(description="How many at most.", ge=1, le=200)]
Service = Annotated[str, Field(description="The name of a service; empty means any.")]
Attributes = Annotated[
    list[str],
    Field(description="Conditions on attributes, all of which must hold, each as name:value.", max_length=20),
]
TraceId = Annotated[str, Field(description="The id of a trace: 32 hexadecimal digits, or the last 16.")]
SessionId = Annotated[str, Field(description="The id of a browser session.")]

Tool = Callable[..., str]


def reading_tools(api: Api) -> tuple[Tool, ...]:
    """The tools that only read."""
    return (*_of_requests(api), *_of_browsers_and_logs(api), *_of_metrics_and_exam(api))


def _of_requests(api: Api) -> tuple[Tool, ...]:
    def services(since: Since = "15m") -> str:
        """Backend services with the requests, errors and latency percentiles of each."""
        return api.get("/apm/services", {"since": since})

    def service_map(since: Since = "15m") -> str:
        """Which service calls which, inferred services and databases too, with errors and latency."""
        return api.get("/apm/map", {"since": since})

    def find_traces(
        service: Service = "",
        operation: Annotated[str, Field(description="Exact operation of a request.")] = "",
        error: Annotated[
            Literal["", "any", "origin"],
            Field(description="any: an error occurred; origin: an error began in this service."),
        ] = "",
        attributes: Attributes = [],  # noqa: B006 - read only; the schema shows it as the default
        min_ms: Annotated[float, Field(description="No shorter than this.", ge=0)] = 0,
        sort: Literal["newest", "oldest", "slowest"] = "newest",
        since: Since = "15m",
        limit: Limit = 20,
    ) -> str:
        """Summaries of traces: entry, duration, errors, services, session."""
        asked = {"service": service, "operation": operation, "error": error, "attr": attributes}
        return api.get(
            "/apm/traces", {**asked, "min_ms": min_ms, "sort": sort, "since": since, "limit": limit}
        )

    def trace(trace_id: TraceId) -> str:
        """One trace: its spans, where errors began, where the time went, its browser session."""
        return api.get(f"/apm/traces/{quote(trace_id, safe='')}")

    def breakdown(
        tag: Annotated[str, Field(description="The attribute to break down by, such as version.")],
        service: Service = "",
        attributes: Attributes = [],  # noqa: B006 - as above
        since: Since = "15m",
        limit: Limit = 50,
    ) -> str:
        """Requests, errors and latency by the values of one attribute: which version or user is worse?"""
        asked = {"tag": tag, "service": service, "attr": attributes, "since": since, "limit": limit}
        return api.get("/apm/tags", asked)

    def changes(since: Since = "1h") -> str:
        """What changed: new versions, values and errors, deployments."""
        return api.get("/apm/changes", {"since": since})

    return services, service_map, find_traces, trace, breakdown, changes


def _of_browsers_and_logs(api: Api) -> tuple[Tool, ...]:
    def find_sessions(
        attributes: Attributes = [],  # noqa: B006 - as above
        sort: Literal[
            "newest", "oldest", "longest", "shortest", "errors", "network_errors", "pages"
        ] = "newest",
        since: Since = "15m",
        limit: Limit = 20,
    ) -> str:
        """Summaries of browser sessions: who, when, pages, errors. A user is enduser.id:name."""
        return api.get("/rum/sessions", {"attr": attributes, "sort": sort, "since": since, "limit": limit})

    def session(session_id: SessionId) -> str:
        """One browser session: its events in order, and the trace that answered each request."""
        return api.get(f"/rum/sessions/{quote(session_id, safe='')}")

    def find_logs(
        text: Annotated[str, Field(description="Words that the body must hold; a phrase in quotes.")] = "",
        service: Service = "",
        severity: Annotated[
            list[Literal["trace", "debug", "info", "warn", "error", "fatal"]],
            Field(description="Severities to include; none means all."),
        ] = [],  # noqa: B006 - as above
        trace_id: Annotated[str, Field(description="Only logs of this trace.")] = "",
        session_id: Annotated[str, Field(description="Only logs of this browser session.")] = "",
        attributes: Attributes = [],  # noqa: B006 - as above
        since: Annotated[str, Field(description="As of the other tools; empty means all time.")] = "",
        limit: Limit = 50,
    ) -> str:
        """Log records, newest first, with their attributes and a histogram by severity."""
        asked = {"q": text, "service": service, "severity": severity, "trace_id": trace_id}
        asked |= {"session_id": session_id, "attr": attributes, "since": since}
        return api.get("/logs", {**asked, "limit": limit})

    return find_sessions, session, find_logs


def _of_metrics_and_exam(api: Api) -> tuple[Tool, ...]:
    def find_metrics(
        service: Service = "",
        text: Annotated[str, Field(description="A part of the metric's name.")] = "",
        since: Since = "15m",
        limit: Limit = 100,
    ) -> str:
        """Which metrics there are, with unit, kind and attributes."""
        return api.get("/metrics", {"service": service, "q": text, "since": since, "limit": limit})

    def metric(
        name: Annotated[str, Field(description="The exact name of a metric.")],
        agg: Annotated[
            str, Field(description="rate, sum, avg, min, max, last, count, p50, p75, p90, p95 or p99.")
        ] = "",
        by: Annotated[list[str], Field(description="Attributes to group by.", max_length=5)] = [],  # noqa: B006
        attributes: Attributes = [],  # noqa: B006 - as above
        since: Since = "15m",
        columns: Annotated[int, Field(description="How many equal columns of time.", ge=1, le=120)] = 30,
    ) -> str:
        """One metric over time, in groups, with exemplars that lead to traces."""
        asked = {"agg": agg, "by": by, "attr": attributes, "since": since, "columns": columns}
        return api.get(f"/metrics/{quote(name, safe='')}", asked)

    def exam() -> str:
        """The exam that runs or ran last: what is asked, the kinds of fault, what was answered."""
        return api.get("/exam")

    return find_metrics, metric, exam


def answering_tool(api: Api) -> Tool:
    """The one tool that changes something: it hands in an answer."""

    def answer_exam(
        service: Annotated[str, Field(description="The service at fault.")],
        kind: Annotated[str, Field(description="The kind of fault, by a name that `exam` lists.")],
        evidence: Annotated[str, Field(description="The id of a trace or a log line that proves it.")],
        tag: Annotated[str, Field(description="The tag that tells, as key=value; empty for none.")] = "",
        seat: Annotated[str, Field(description="Who answers, in an open lab.")] = "",
    ) -> str:
        """Answer the exam; each try counts. Says how many parts are right."""
        given = {"service": service, "kind": kind, "evidence": evidence, "tag": tag, "seat": seat}
        return api.post("/exam/answer", {name: value for name, value in given.items() if value})

    return answer_exam
