"""The registry of every attribute that the shop emits: on spans, their events, logs, metrics, resources.

A test runs the whole mesh and fails on any attribute that is not declared here,
and on any that is declared but of another type. Adding an attribute is adding a
line. Names follow the OpenTelemetry conventions; the exceptions are the
workshop's own, kept because its lesson shows them. Each attribute of a metric has
few values: no id, no path, nothing that a caller can make up. Which metric has
which is in `metrics.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Signal = Literal["resource", "span", "event", "log", "metric"]
Kind = Literal["string", "int", "double", "boolean", "strings"]

_EVERYBODY = "every service"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute: where it may stand, its type, what it says, who emits it."""

    key: str
    signals: tuple[Signal, ...]
    kind: Kind
    brief: str
    emitter: str


def _of(key: str, kind: Kind, brief: str, emitter: str, *signals: Signal) -> tuple[str, Attribute]:
    return key, Attribute(key, signals, kind, brief, emitter)


_RESOURCE = (
    _of("service.name", "string", "The service.", _EVERYBODY, "resource"),
    _of("service.version", "string", "The version of the lab.", _EVERYBODY, "resource"),
    _of("service.instance.id", "string", "This start of the process.", _EVERYBODY, "resource"),
    _of("deployment.environment", "string", "The environment, by its older name.", _EVERYBODY, "resource"),
    _of("deployment.environment.name", "string", "The environment.", _EVERYBODY, "resource"),
    _of("host.name", "string", "The machine.", _EVERYBODY, "resource"),
    _of("process.pid", "int", "The process.", _EVERYBODY, "resource"),
    _of("telemetry.sdk.language", "string", "python.", _EVERYBODY, "resource"),
    _of("telemetry.sdk.name", "string", "opentelemetry.", _EVERYBODY, "resource"),
    _of("telemetry.sdk.version", "string", "The SDK's version.", _EVERYBODY, "resource"),
)

_SHOPPER = (
    _of("enduser.id", "string", "The seat of the student whose request it is.", _EVERYBODY, "span", "log"),
    _of("tenant.level", "string", "gold, silver or bronze; drawn once a session.", _EVERYBODY, "span", "log"),
    _of("user_agent.synthetic.type", "string", "test, for a synthetic shopper.", _EVERYBODY, "span", "log"),
)

_CALLS = (
    _of("rpc.system", "string", "grpc.", _EVERYBODY, "span"),
    _of("rpc.service", "string", "The called RPC service.", _EVERYBODY, "span"),
    _of("rpc.method", "string", "The called method.", _EVERYBODY, "span"),
    _of("rpc.grpc.status_code", "int", "The gRPC status; 0 is OK.", _EVERYBODY, "span"),
    _of("server.address", "string", "Where a call goes, or came in.", _EVERYBODY, "span", "metric"),
    _of("server.port", "int", "The port of it.", _EVERYBODY, "span", "metric"),
    _of("peer.service", "string", "The service that a client span calls.", _EVERYBODY, "span"),
    _of("error.type", "string", "The class of a failure, or the HTTP status.", _EVERYBODY, "span", "metric"),
    _of(
        "payment.endpoint.version",
        "string",
        "The retired release a charge was sent to.",
        "checkoutservice",
        "span",
    ),
)

_HTTP = (
    _of("http.request.method", "string", "The method.", "frontend, paymentservice", "span", "metric"),
    _of("http.response.status_code", "int", "The status.", "frontend, paymentservice", "span", "metric"),
    _of("http.status_code", "int", "The status, as the original names it.", "paymentservice", "span"),
    _of("url.full", "string", "The provider's address.", "paymentservice", "span"),
    _of("url.path", "string", "The path asked for.", "frontend", "span"),
    _of("url.query", "string", "The query, secrets left out.", "frontend", "span"),
    _of("url.scheme", "string", "http or https.", "frontend", "span", "metric"),
    _of(
        "http.route",
        "string",
        "The route's template.",
        "frontend",
        "span",
        "metric",
    ),
    _of("client.address", "string", "The caller's address.", "frontend", "span"),
    _of("client.port", "int", "The caller's port.", "frontend", "span"),
    _of("network.peer.address", "string", "The other end's address.", "frontend, cartservice", "span"),
    _of("network.peer.port", "int", "The other end's port.", "frontend, cartservice", "span"),
    _of("network.transport", "string", "tcp or unix.", "cartservice", "span"),
    _of("network.protocol.version", "string", "1.1 and so on.", "frontend", "span"),
    _of("user_agent.original", "string", "What the caller says it is.", "frontend", "span"),
    _of("app.order.amount", "double", "What the order comes to.", "checkoutservice", "span"),
    _of("app.order.currency", "string", "Its currency.", "checkoutservice", "span"),
    _of("orderId", "string", "The order that was placed.", "frontend, checkoutservice", "span"),
)

_PAYMENT = (
    _of("version", "string", "The release that served a charge.", "paymentservice", "span", "log", "metric"),
    _of("kubernetes_pod_uid", "string", "The pod that served it.", "paymentservice", "span"),
    _of("error", "boolean", "True on a refused charge, as in the original.", "paymentservice", "span"),
    _of("grpc.status_code", "string", "401, as in the original.", "paymentservice", "span"),
    _of("grpc.error_name", "string", "Error, as in the original.", "paymentservice", "span"),
    _of("grpc.error_message", "string", "Invalid request, as in the original.", "paymentservice", "span"),
    _of("token", "string", "The API token used; the lesson's own, opens nothing.", "paymentservice", "log"),
    _of("cardType", "string", "visa or mastercard.", "paymentservice", "log"),
    _of("cardNumberEnding", "string", "The last four digits.", "paymentservice", "log"),
    _of("amount.currency_code", "string", "The currency charged.", "paymentservice", "log", "metric"),
    _of("amount.units", "int", "Whole units charged.", "paymentservice", "log"),
    _of("amount.nanos", "int", "Billionths of a unit charged.", "paymentservice", "log"),
)

_DATABASE = (
    _of("db.system.name", "string", "sqlite or redis.", "cartservice", "span", "metric"),
    _of("db.namespace", "string", "The database.", "cartservice", "span", "metric"),
    _of("db.query.text", "string", "The statement, without its values.", "cartservice", "span"),
    _of("db.redis.args_length", "int", "How many words the command has.", "cartservice", "span"),
)

_METRICS = (
    _of("rpc.system.name", "string", "grpc.", _EVERYBODY, "metric"),
    _of(
        "rpc.method",
        "string",
        "As hipstershop.CartService/GetCart.",
        _EVERYBODY,
        "metric",
    ),
    _of("rpc.response.status_code", "string", "The gRPC status, as UNAVAILABLE.", _EVERYBODY, "metric"),
    _of("db.operation.name", "string", "The statement's first word.", "cartservice", "metric"),
    _of("db.client.connection.pool.name", "string", "carts or carts-v2.", "cartservice", "metric"),
    _of("db.client.connection.state", "string", "used or idle.", "cartservice", "metric"),
    _of("cpu.mode", "string", "user or system.", _EVERYBODY, "metric"),
    _of("cpython.gc.generation", "int", "0, 1 or 2.", _EVERYBODY, "metric"),
    _of("otel.component.type", "string", "The kind of a part of the SDK.", _EVERYBODY, "metric"),
    _of("otel.component.name", "string", "The same, numbered.", _EVERYBODY, "metric"),
    _of("hipstershop.pool.name", "string", "grpc or waitress.", _EVERYBODY, "metric"),
    _of("hipstershop.pool.state", "string", "used or idle.", _EVERYBODY, "metric"),
    _of(
        "hipstershop.outcome",
        "string",
        "What became of an order (placed, refused, failed) or a charge (accepted, refused, invalid, failed).",
        "checkoutservice, paymentservice",
        "metric",
    ),
)

_EXCEPTIONS = (
    _of("exception.type", "string", "The class of an exception.", _EVERYBODY, "event", "log"),
    _of("exception.message", "string", "Its text.", _EVERYBODY, "event", "log"),
    _of("exception.stacktrace", "string", "Where it came from.", _EVERYBODY, "event", "log"),
    _of("exception.escaped", "string", "Whether it left the span.", _EVERYBODY, "event"),
)

_LOG_FIELDS = (
    _of("settings", "string", "The settings that are not the default.", _EVERYBODY, "log"),
    _of("address", "string", "Where the process listens.", _EVERYBODY, "log"),
    _of("pid", "int", "The process.", _EVERYBODY, "log"),
    _of("logger", "string", "The library that logged.", _EVERYBODY, "log"),
    _of("file", "string", "A file that cannot be used.", _EVERYBODY, "log"),
    _of("error", "string", "Why something failed.", _EVERYBODY, "log"),
    _of("dropped.spans", "int", "Spans dropped since the start.", _EVERYBODY, "log"),
    _of("dropped.logs", "int", "Log records dropped since the start.", _EVERYBODY, "log"),
    _of("dropped.metrics", "int", "Metric points dropped since the start.", _EVERYBODY, "log"),
    _of("user_id", "string", "The shopper's session.", "cartservice, checkoutservice", "log"),
    _of("user_currency", "string", "The order's currency.", "checkoutservice", "log"),
    _of("order_id", "string", "The order.", "checkoutservice, emailservice", "log"),
    _of("transaction_id", "string", "The provider's receipt.", "checkoutservice", "log"),
    _of("total", "string", "What was charged.", "checkoutservice", "log"),
    _of("RetriesRemaining", "int", "Attempts left.", "checkoutservice", "log"),
    _of("Sleep", "string", "The wait before the next attempt.", "checkoutservice", "log"),
    _of("endpoint", "string", "The retired address.", "checkoutservice", "log"),
    _of("endpoint_version", "string", "The release that it belonged to.", "checkoutservice", "log"),
    _of("product_id", "string", "A product.", "cartservice", "log"),
    _of("quantity", "int", "How many of it.", "cartservice, frontend", "log"),
    _of("product_ids", "string", "What was recommended.", "recommendationservice", "log"),
    _of("items", "int", "How many things are shipped.", "shippingservice", "log"),
    _of("cost", "string", "What shipping them costs.", "shippingservice", "log"),
    _of("tracking_id", "string", "The parcel.", "shippingservice", "log"),
    _of("email", "string", "Who is written to.", "emailservice", "log"),
    _of("context_words", "string", "The page's categories.", "adservice", "log"),
    _of("ads", "int", "How many ads fit.", "adservice", "log"),
    _of("currency", "string", "The shopper's currency.", "frontend", "log"),
    _of("curr.new", "string", "The currency chosen.", "frontend", "log"),
    _of("curr.old", "string", "The currency before.", "frontend", "log"),
    _of("id", "string", "The product shown.", "frontend", "log"),
    _of("product", "string", "The product added.", "frontend", "log"),
    _of("order", "string", "The order placed.", "frontend", "log"),
    _of("reason", "string", "What is wrong with an order.", "frontend", "log"),
    _of("why", "string", "Why beacons are not relayed.", "frontend", "log"),
)


def _united(*groups: tuple[tuple[str, Attribute], ...]) -> Mapping[tuple[Signal, str], Attribute]:
    return {
        (signal, key): attribute
        for group in groups
        for key, attribute in group
        for signal in attribute.signals
    }


REGISTRY: Mapping[tuple[Signal, str], Attribute] = _united(
    _RESOURCE, _SHOPPER, _CALLS, _HTTP, _PAYMENT, _DATABASE, _METRICS, _EXCEPTIONS, _LOG_FIELDS
)

_TYPES: Mapping[Kind, tuple[type, ...]] = {
    "string": (str,),
    "int": (int,),
    "double": (float, int),
    "boolean": (bool,),
    "strings": (tuple, list),
}


def undeclared(signal: Signal, attributes: Mapping[str, object] | None) -> list[str]:
    """One line for each attribute that the registry does not know, or knows with another type."""
    problems = []
    for key, value in (attributes or {}).items():
        known = REGISTRY.get((signal, key))
        if known is None:
            problems.append(f"{signal} attribute {key} is not declared")
        elif not isinstance(value, _TYPES[known.kind]) or (
            isinstance(value, bool) != (known.kind == "boolean")
        ):
            problems.append(f"{signal} attribute {key} is declared {known.kind}, not {type(value).__name__}")
    return problems
