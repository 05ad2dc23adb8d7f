"""The storefront's spans: names, the cause of an error, durations as a metric, `Server-Timing` for browsers.

Uses the Flask instrumentation. Static files, health checks and beacons have no span.
A span is in error only for a 5xx, with the cause as its status message.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from time import perf_counter

from flask import Flask, Response, g, request
from opentelemetry import trace
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.metrics import Histogram, NoOpMeterProvider
from opentelemetry.trace import Span, Status, StatusCode

from services.common.telemetry import Telemetry, histogram

ORDER_ID = "orderId"
_UNTRACED = r"^[^:]+://[^/]+/(static/|(_healthz|_flags|v1/rum|v1/rumotlp)(\?|$))"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_VARIABLE = re.compile(r"<(?:[^:<>]+:)?([^<>]+)>")


def instrument(app: Flask, telemetry: Telemetry) -> None:
    """Give every request of `app` a span; call it before any other `before_request` is registered."""
    if telemetry.enabled:
        durations = histogram(telemetry.meter, "http.server.request.duration")
        FlaskInstrumentor.instrument_app(
            app,
            tracer_provider=telemetry.tracer_provider,
            # Its own metric has Flask's rules for routes, which the spans do not have.
            meter_provider=NoOpMeterProvider(),
            excluded_urls=_UNTRACED,
            enable_commenter=False,
            response_hook=partial(_respond, durations),
        )
    app.before_request(_name_span)


def route_of(rule: str) -> str:
    """A Flask rule as a route template: `/product/<product_id>` is `/product/{product_id}`."""
    return _VARIABLE.sub(r"{\1}", rule)


def _name_span() -> None:
    g.started = perf_counter()
    span = trace.get_current_span()
    if request.url_rule is None:
        # A name per mistyped address would make a workflow for each.
        span.update_name(request.method if request.method in _METHODS else "HTTP")
        return
    route = g.route = route_of(request.url_rule.rule)
    span.update_name(route)
    span.set_attribute("http.route", route)


def _respond(durations: Histogram, span: Span, status: str, _headers: Sequence[tuple[str, str]]) -> None:
    """Record the request's duration and name the cause of a failure, while its span is still open."""
    _add_cause(span, status)
    durations.record(perf_counter() - g.get("started", perf_counter()), _measured(int(status[:3])))


def _measured(status: int) -> dict[str, str | int]:
    attributes: dict[str, str | int] = {
        "http.request.method": request.method if request.method in _METHODS else "_OTHER",
        "url.scheme": "https" if request.scheme == "https" else "http",
        "http.response.status_code": status,
    }
    if "route" in g:
        attributes["http.route"] = g.route
    if status >= 500:
        attributes["error.type"] = str(status)
    return attributes


def _add_cause(span: Span, status: str) -> None:
    """Set the status message of a 5xx to its cause, in one line; the instrumentation leaves it empty."""
    cause = g.get("cause", "")
    if cause and status.startswith("5") and span.is_recording():
        span.set_status(Status(StatusCode.ERROR, cause))


def add_server_timing(response: Response, *, sampled: bool = True) -> None:
    """Add the current trace to `Server-Timing`, where RUM agents read it; they ignore one not `sampled`."""
    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{'01' if sampled else '00'}"
    response.headers.add("Server-Timing", f'traceparent;desc="{parent}"')
    response.headers["Access-Control-Expose-Headers"] = "Server-Timing"
