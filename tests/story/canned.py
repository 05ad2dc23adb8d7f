"""The JSON answers of a lab in which the whole story holds, to be broken one link at a time."""

from __future__ import annotations

import copy
import itertools
import time
from typing import Any
from urllib.parse import urlsplit

from incidents.checks import NoAnswer
from incidents.model import Check, Incident, Source

SEAT = "verify-0123"
SHOP = "http://shop.test"
SESSION = "5e55" * 8
TRACE = "ab" * 16
BEGAN = time.time_ns()
GIVEN = {"seat": SEAT, "shop": SHOP, "began": BEGAN}
TAGS = {"enduser.id": SEAT, "tenant.level": "gold"}
CHARGE = "grpc.hipstershop.PaymentService/Charge"
LINE = (
    "Failed payment processing through ButtercupPayments: "
    "Invalid API Token (test-20e26e90-356b-432e-a2c6-956fc03f5609)"
)

Json = dict[str, Any]


def before_repairs(incident: Incident) -> tuple[Check, ...]:
    """The checks of a lesson up to its first repair, and what is proven beyond it: what one visit answers."""
    steps = itertools.takewhile(lambda step: not step.repair, incident.steps)
    return (*(check for step in steps for check in step.checks), *incident.proofs)


class Story:
    """A visit and the answers about it. Every part is plain data that a test may change."""

    def __init__(self) -> None:
        self.visit: Json = {
            "driver": "browser",
            "cart": {"total": "USD 0.00"},
            "checkout": {"status": 500, "heading": "Uh, oh!", "order_id": None, "server_timing": "00-..."},
        }
        self.sessions: list[Json] = [
            {"session_id": SESSION, "page_views": 4, "errors": 2, "attributes": TAGS}
        ]
        self.events: list[Json] = [
            event("e1", "document", "/"),
            event("e2", "error", "TypeError", error=True, attributes=script_error()),
            event(
                "e3",
                "fetch",
                "POST /cart/checkout",
                http_status=500,
                error=True,
                apm={"trace_id": TRACE, "span_id": "f" * 16},
                attributes={"http.method": "POST", "http.url": f"{SHOP}/cart/checkout"},
            ),
        ]
        self.spans: list[Json] = spans()
        self.logs: list[Json] = [log("paymentservice", "error", LINE, version="v350.10", span_id="a2")]
        self.logs.append(log("checkoutservice", "warn", "Trying again", span_id="c1"))
        self.browser: Json | None = {"session_id": SESSION, "span_id": "e3"}
        self.complete = True
        self.versions: list[Json] = [{"value": "v350.10", "requests": 3, "errors": 3, "origin_errors": 3}]
        self.exemplars: dict[str, list[Json]] = {
            "hipstershop.charges": [{"trace_id": TRACE, "span_id": "a2", "value": 1}],
            "hipstershop.orders": [{"trace_id": TRACE, "span_id": "c0", "value": 1}],
        }
        self.asked: list[str] = []

    def ask(self, source: Source, path: str) -> Any:
        """Answers as the lab's API would."""
        if source is Source.VISIT:
            return self.visit
        self.asked.append(path)
        url = urlsplit(path)
        query = dict(part.split("=", 1) for part in url.query.split("&") if part)
        match url.path.removeprefix("/api/v1").split("/")[1:]:
            case ["rum", "sessions"]:
                return {"sessions": self.sessions}
            case ["rum", "sessions", session] if self.sessions and session == SESSION:
                return {"session": self.sessions[0], "events": self.events}
            case ["apm", "traces", trace] if self.spans and trace == TRACE:
                return self.trace()
            case ["logs"]:
                return {"logs": [one for one in self.logs if fits(one, query)]}
            case ["metrics", name] if name in self.exemplars:
                series = [{"attributes": {}, "points": [[BEGAN, 1]]}]
                return {"series": series, "exemplars": self.exemplars[name]}
            case ["apm", "tags"]:
                return {"values": self.versions}
            case ["apm", "map"]:
                return {"nodes": [{"service": "ButtercupPayments", "inferred": True, "requests": 3}]}
        raise NoAnswer(f"404 nothing at {url.path}")

    def trace(self) -> Json:
        """The trace as the API returns it, its services computed from the spans."""
        services: dict[str, Json] = {}
        rank = ["none", "received", "origin"]
        for span in self.spans:
            one = services.setdefault(span["service"], {"name": span["service"], "spans": 0, "error": "none"})
            one["spans"] += 1
            one["error"] = max(one["error"], span["error"], key=rank.index)
        return {
            "trace_id": TRACE,
            "complete": self.complete,
            "spans": copy.deepcopy(self.spans),
            "browser": self.browser,
            "services": list(services.values()),
            "performance": {"application": 12.0, "database": 1.5, "external": 80.5, "network": 6.0},
        }


def event(span_id: str, kind: str, name: str, **more: Any) -> Json:
    return {
        "span_id": span_id,
        "kind": kind,
        "name": name,
        "start_unix_nano": BEGAN + 1_000_000_000,
        "http_status": None,
        "error": False,
        "apm": None,
        "attributes": {},
        **more,
    }


def script_error() -> Json:
    message = "Cannot read properties of undefined (reading 'Prcie')"
    stack = f"TypeError: {message}\n    at getProductPrice ({SHOP}/cart:77:20)"
    return {"error.object": "TypeError", "error.message": message, "error.stack": stack}


def span(span_id: str, parent: str | None, service: str, operation: str, kind: str, **more: Any) -> Json:
    attributes = {**TAGS, **more.pop("tags", {})}
    return {
        "span_id": span_id,
        "parent_span_id": parent,
        "service": service,
        "operation": operation,
        "kind": kind,
        "status_message": "",
        "error": "none",
        "inferred": False,
        "attributes": attributes,
        **more,
    }


def spans() -> list[Json]:
    """A storefront span, PlaceOrder, an attempt that reaches no process and one that is refused."""
    call = {"peer.service": "paymentservice", "server.address": "127.0.0.1", "server.port": 50051}
    refused = {"error": True, "grpc.status_code": "401", "version": "v350.10"}
    provider = {"peer.service": "ButtercupPayments", "http.status_code": 401}
    stale = {**call, "server.port": 50050}
    return [
        span("f" * 16, None, "frontend", "/cart/checkout", "server", error="received"),
        span("c0", "f" * 16, "checkoutservice", "PlaceOrder", "server", error="received"),
        span(
            "c1",
            "c0",
            "checkoutservice",
            CHARGE,
            "client",
            error="origin",
            tags=stale,
            status_message="refused",
        ),
        span("c2", "c0", "checkoutservice", CHARGE, "client", error="received", tags=call),
        span(
            "a2",
            "c2",
            "paymentservice",
            CHARGE,
            "server",
            error="origin",
            tags=refused,
            status_message="Invalid request",
        ),
        span("b2", "a2", "paymentservice", "buttercup.payments.api", "client", tags=provider),
        {**span("i2", "b2", "ButtercupPayments", "POST", "client"), "inferred": True, "attributes": {}},
    ]


def log(service: str, severity: str, body: str, *, span_id: str, version: str = "") -> Json:
    return {
        "log_id": f"l-{span_id}",
        "severity": severity,
        "body": body,
        "service": service,
        "trace_id": TRACE,
        "span_id": span_id,
        "attributes": {**TAGS, "version": version},
    }


def fits(one: Json, query: dict[str, str]) -> bool:
    """Whether a log meets the filters that the checks use."""
    return all(
        one[key] == query[key] for key in ("trace_id", "span_id", "service", "severity") if key in query
    )
