"""A small world for the screens' tests: a failing checkout, a healthy one, a foreign mesh, hostile telemetry.

Written through the collector's intake, so what the screens read is what senders send.
Every id is fixed, so tests can name what they look for; times are relative to now.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from collector.intake import Encoding
from collector.intake import Intake
from collector.intake import Signal
from store.api import Writer

Json = dict[str, Any]
MS = 1_000_000
S = 1_000_000_000

SEAT = "anna"
SESSION = "5e551011a00000000000000000000001"
TRACE = "a11ce0000000000000000000c0ffee01"
CHARGE_SPAN = "c4a26e0000000001"
ORDER_TRACE = "a11ce0000000000000000000c0ffee02"
ORDER_ID = "7d3f2c1a-0000-4000-8000-00000000beef"
CHECKOUT_EVENT = "feedbeef00000004"
TOKEN = "test-20e26e90-356b-432e-a2c6-956fc03f5609"
MESSAGE = f"Failed payment processing through ButtercupPayments: Invalid API Token ({TOKEN})"
HOSTILE_SESSION = "<script>alert('session')</script>"
HOSTILE_TRACE = "bad00000000000000000000000000bad"
EVIL = "<img src=x onerror=alert(1)>\u202egnp.exe\x07<script>document.title='owned'</script>"


@dataclass
class World:
    """Collects what was sent, then hands it to a writer."""

    now_unix_nano: int
    first: int = 0
    """Ids of browser spans count up from here: what comes later needs others."""

    def __post_init__(self) -> None:
        self.beacons: list[Json] = []
        self.resource_spans: list[Json] = []
        self.resource_logs: list[Json] = []

    def send(self, writer: Writer) -> None:
        """Write everything; returns when it is committed."""
        intake = Intake(writer, max_in_flight_bytes=1 << 28)
        if self.beacons:
            intake.take(Signal.TRACES, Encoding.ZIPKIN, json.dumps(self.beacons).encode())
        spans = json.dumps({"resourceSpans": self.resource_spans}).encode()
        intake.take(Signal.TRACES, Encoding.JSON, spans)
        intake.take(Signal.LOGS, Encoding.JSON, json.dumps({"resourceLogs": self.resource_logs}).encode())

    def browser(self, session: str, page: int, name: str, at_ns: int, **tags: Any) -> Json:
        """One beacon span; `_id`, `_trace`, `_parent`, `_ms` and `_kind` set what is no tag."""
        number = self.first + len(self.beacons) + 1
        given = {k: v for k, v in tags.items() if not k.startswith("_")}
        span: Json = {
            "traceId": tags.get("_trace", f"{number:032x}"),
            "id": tags.get("_id", f"{number:016x}"),
            "name": name,
            "timestamp": at_ns // 1000,
            "duration": int(tags.get("_ms", 0) * 1000),
            "tags": {
                "app": "hipster-shop",
                "environment": "hipster-lab",
                "deployment.environment": "hipster-lab",
                "app.version": "1.0",
                "splunk.rumSessionId": session,
                "splunk.scriptInstance": f"{abs(hash(session)) % 10**8:08x}{page:08x}",
                "splunk.rumVersion": "2.5.1",
                "telemetry.sdk.language": "webjs",
                "telemetry.sdk.name": "@splunk/otel-web",
                "process.runtime.name": "browser",
                "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) Chrome/156.0.0.0 Safari/537.36",
                "user_agent.os.name": "Linux",
                **{k: str(v) for k, v in given.items()},
            },
        }
        if "_parent" in tags:
            span["parentId"] = tags["_parent"]
        if "_kind" in tags:
            span["kind"] = tags["_kind"]
        if "_notes" in tags:
            span["annotations"] = [{"value": k, "timestamp": v // 1000} for k, v in tags["_notes"].items()]
        self.beacons.append(span)
        return span

    def backend(self, service: str, spans: Sequence[Json], **resource: str) -> None:
        attributes = {
            "service.name": service,
            "deployment.environment.name": "hipster-lab",
            "telemetry.sdk.language": "python",
            "host.name": "lab",
            **resource,
        }
        self.resource_spans.append(
            {
                "resource": {"attributes": pairs(attributes)},
                "scopeSpans": [{"scope": {"name": "lab"}, "spans": list(spans)}],
            }
        )

    def log(self, service: str, at_ns: int, severity: int, body: str, **fields: Any) -> None:
        record: Json = {
            "timeUnixNano": str(at_ns),
            "severityNumber": severity,
            "body": {"stringValue": body},
            "attributes": pairs({k: v for k, v in fields.items() if not k.startswith("_")}),
        }
        if fields.get("_trace"):
            record["traceId"], record["spanId"] = fields["_trace"], fields.get("_span", "")
        resource = {"deployment.environment.name": "hipster-lab"}
        if service:
            resource["service.name"] = service
        self.resource_logs.append(
            {
                "resource": {"attributes": pairs(resource)},
                "scopeLogs": [{"scope": {"name": "structlog"}, "logRecords": [record]}],
            }
        )


def pairs(values: Mapping[str, Any]) -> list[Json]:
    """A mapping as OTLP JSON attributes."""
    return [{"key": k, "value": _value(v)} for k, v in values.items()]


def _value(value: Any) -> Json:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": pairs(value)}}
    return {"stringValue": str(value)}


def span(trace: str, own: str, parent: str, name: str, kind: int, at_ns: int, ms: float, **more: Any) -> Json:
    """One backend span in OTLP JSON; `_error` is its status message, all else are attributes."""
    made: Json = {
        "traceId": trace,
        "spanId": own,
        "name": name,
        "kind": kind,
        "startTimeUnixNano": str(at_ns),
        "endTimeUnixNano": str(at_ns + round(ms * MS)),
        "attributes": pairs({k: v for k, v in more.items() if not k.startswith("_")}),
    }
    if parent:
        made["parentSpanId"] = parent
    if "_error" in more:
        made["status"] = {"code": 2, "message": more["_error"]}
    return made


SHOP = "http://127.0.0.1:8080"
STACK = (
    "TypeError: Cannot read properties of undefined (reading 'Prcie')\n"
    f"    at getProductPrice ({SHOP}/cart:77:20)\n"
    f"    at renderFinalPrice ({SHOP}/cart:81:5)\n"
    f"    at {SHOP}/cart:84:3"
)


def visit(world: World, session: str, seat: str, at_ns: int, *, synthetic: bool = False) -> int:
    """Home, a product, the cart with its error; returns when the cart was ready to be paid."""
    who: Json = {"enduser.id": seat} if seat else {}
    if synthetic:
        who["user_agent.synthetic.type"] = "test"
    world.browser(session, 1, "session.start", at_ns, **who)
    for page, (path, gap_s, ms) in enumerate(
        (("/", 0, 210), ("/product/1YMWWN1N4O", 4, 180), ("/cart", 9, 240)), 1
    ):
        start = at_ns + gap_s * S
        here = {**who, "location.href": SHOP + path}
        load = world.browser(
            session,
            page,
            "documentLoad",
            start,
            _ms=ms,
            component="document-load",
            **{"http.url": SHOP + path, "screen.xy": "1440x900"},
            **here,
        )
        world.browser(
            session,
            page,
            "documentFetch",
            start + 2 * MS,
            _ms=ms / 3,
            _trace=load["traceId"],
            _parent=load["id"],
            component="document-load",
            _notes={"fetchStart": start + 2 * MS, "responseStart": start + 40 * MS},
            **{
                "http.url": SHOP + path,
                "http.method": "GET",
                "http.status_code": 200,
                "link.traceId": f"{int(session[-4:], 16) * 16 + page:032x}",
                "link.spanId": f"{page:016x}",
            },
            **here,
        )
        world.browser(
            session,
            page,
            "resourceFetch",
            start + 60 * MS,
            _ms=18,
            _trace=load["traceId"],
            _parent=load["id"],
            component="document-load",
            **{"http.url": SHOP + "/static/shop.css", "http.method": "GET"},
            **here,
        )
        for name, value in (("lcp", 340 + 210 * page), ("cls", 0.02 * page), ("inp", 60 * page)):
            world.browser(session, page, "webvitals", start + ms * MS, **{name: value}, **here)
    here = {**who, "location.href": SHOP + "/cart"}
    broken = at_ns + 9 * S + 120 * MS
    world.browser(
        session,
        3,
        "console.error",
        broken,
        component="error",
        error="true",
        **{
            "error.object": "String",
            "error.message": "Uncaught TypeError: Cannot read property 'Prcie' of undefined",
        },
        **here,
    )
    world.browser(
        session,
        3,
        "onerror",
        broken + 3 * MS,
        component="error",
        error="true",
        **{
            "error.object": "TypeError",
            "error.stack": STACK,
            "error.message": "Cannot read properties of undefined (reading 'Prcie')",
        },
        **here,
    )
    world.browser(
        session,
        3,
        "longtask",
        broken + 40 * MS,
        _ms=74,
        component="splunk-longtask",
        **{"longtask.name": "self", "longtask.duration": 74},
        **here,
    )
    return at_ns + 14 * S


def checkout(
    world: World, session: str, seat: str, trace: str, at_ns: int, *, fails: bool, **more: str
) -> None:
    """The click, its fetch, the backend's trace and its logs."""
    ids = {
        name: more.get(name, f"{int(trace[-6:], 16) * 64 + n:016x}")
        for n, name in enumerate(
            ("fetch", "front", "call", "order", "try1", "try2", "charge", "api", "cart"), 1
        )
    }
    tags = {"enduser.id": seat, "tenant.level": "gold"} if seat else {"tenant.level": "silver"}
    here = (
        {"enduser.id": seat, "location.href": SHOP + "/cart"} if seat else {"location.href": SHOP + "/cart"}
    )
    click = world.browser(
        session,
        3,
        "click",
        at_ns,
        _ms=6,
        component="user-interaction",
        event_type="click",
        target_xpath='//*[@id="place-order"]',
        **here,
    )
    world.browser(
        session,
        3,
        "HTTP POST",
        at_ns + 2 * MS,
        _id=ids["fetch"],
        _trace=trace,
        _parent=click["id"],
        _kind="CLIENT",
        _ms=436,
        component="fetch",
        **{
            "http.method": "POST",
            "http.url": SHOP + "/cart/checkout",
            "http.status_code": 500 if fails else 200,
            "http.status_text": "INTERNAL SERVER ERROR" if fails else "OK",
            "link.traceId": trace,
            "link.spanId": ids["front"],
        },
        **here,
    )
    t = at_ns + 8 * MS
    order: Json = {} if fails else {"orderId": ORDER_ID}
    status = {"http.response.status_code": 500 if fails else 200}
    failed: Json = {"_error": "failed to complete the order"} if fails else {}
    world.backend(
        "frontend",
        [
            span(
                trace,
                ids["front"],
                ids["fetch"],
                "POST /cart/checkout",
                2,
                t,
                420,
                **failed,
                **status,
                **tags,
                **order,
                **{
                    "http.request.method": "POST",
                    "http.route": "/cart/checkout",
                    "url.path": "/cart/checkout",
                },
            ),
            span(
                trace,
                ids["call"],
                ids["front"],
                "grpc.hipstershop.CheckoutService/PlaceOrder",
                3,
                t + 4 * MS,
                400,
                **failed,
                **tags,
                **{"rpc.system": "grpc", "peer.service": "checkoutservice"},
            ),
        ],
    )
    declined: Json = {"_error": "could not charge the card: Invalid request"} if fails else {}
    first: Json = {"_error": "connection refused: no process listens at 127.0.0.1:39999"} if fails else {}
    world.backend(
        "checkoutservice",
        [
            span(
                trace,
                ids["order"],
                ids["call"],
                "grpc.hipstershop.CheckoutService/PlaceOrder",
                2,
                t + 6 * MS,
                394,
                **declined,
                **tags,
            ),
            span(
                trace,
                ids["cart"],
                ids["order"],
                "grpc.hipstershop.CartService/GetCart",
                3,
                t + 10 * MS,
                12,
                **{"peer.service": "cartservice"},
                **tags,
            ),
            span(
                trace,
                ids["try1"],
                ids["order"],
                "grpc.hipstershop.PaymentService/Charge",
                3,
                t + 30 * MS,
                4,
                **first,
                **{"peer.service": "paymentservice", "server.address": "127.0.0.1", "server.port": 39999},
                **tags,
            ),
            span(
                trace,
                ids["try2"],
                ids["order"],
                "grpc.hipstershop.PaymentService/Charge",
                3,
                t + 60 * MS,
                320,
                **({"_error": "Invalid request"} if fails else {}),
                **{"peer.service": "paymentservice", "server.address": "127.0.0.1", "server.port": 50051},
                **tags,
            ),
        ],
    )
    version = "v350.10" if fails else "v350.9"
    refused: Json = (
        {
            "_error": "Invalid request",
            "error": True,
            "grpc.status_code": "401",
            "grpc.error_message": "Invalid request",
        }
        if fails
        else {}
    )
    world.backend(
        "paymentservice",
        [
            span(
                trace,
                ids["charge"],
                ids["try2"],
                "grpc.hipstershop.PaymentService/Charge",
                2,
                t + 62 * MS,
                314,
                **refused,
                **tags,
                version=version,
                kubernetes_pod_uid="payment-service-9aaf3",
            ),
            span(
                trace,
                ids["api"],
                ids["charge"],
                "buttercup.payments.api",
                3,
                t + 64 * MS,
                308,
                **{"peer.service": "ButtercupPayments", "http.status_code": 401 if fails else 200},
            ),
        ],
    )
    world.backend(
        "cartservice",
        [
            span(
                trace,
                f"{int(ids['cart'], 16) ^ 0xABC:016x}",
                ids["cart"],
                "grpc.hipstershop.CartService/GetCart",
                2,
                t + 11 * MS,
                9,
                **tags,
            ),
        ],
    )
    who = {"enduser.id": seat} if seat else {}
    world.log("frontend", t + 1 * MS, 9, "placing order", _trace=trace, _span=ids["front"], **who)
    world.log(
        "checkoutservice",
        t + 7 * MS,
        9,
        "PlaceOrder received",
        _trace=trace,
        _span=ids["order"],
        currency="USD",
        **who,
    )
    if fails:
        world.log(
            "checkoutservice",
            t + 35 * MS,
            13,
            "Retrying chargeCard",
            _trace=trace,
            _span=ids["order"],
            retries_remaining=3,
            **who,
        )
    world.log(
        "paymentservice",
        t + 63 * MS,
        9,
        "Charging through ButtercupPayments",
        _trace=trace,
        _span=ids["charge"],
        version=version,
        **who,
    )
    if fails:
        world.log(
            "paymentservice",
            t + 372 * MS,
            17,
            MESSAGE,
            _trace=trace,
            _span=ids["charge"],
            version=version,
            token=TOKEN,
            context={"attempt": 2, "provider": {"name": "buttercup", "status": 401}},
            **who,
        )
        world.log(
            "frontend",
            t + 418 * MS,
            17,
            "failed to complete the order",
            _trace=trace,
            _span=ids["front"],
            **who,
        )
    else:
        world.log(
            "paymentservice",
            t + 372 * MS,
            9,
            "Transaction processed",
            _trace=trace,
            _span=ids["charge"],
            **who,
        )


def story(now_unix_nano: int | None = None) -> World:
    """Everything that the browser journeys walk through."""
    now = now_unix_nano or time.time_ns()
    world = World(now)
    ready = visit(world, SESSION, SEAT, now - 90 * S)
    checkout(world, SESSION, SEAT, TRACE, ready, fails=True, charge=CHARGE_SPAN, fetch=CHECKOUT_EVENT)
    for n, seat in enumerate(("ben", "chloé", "dmitri"), 2):
        session = f"5e551011a0000000000000000000000{n}"
        ready = visit(world, session, seat, now - (90 + 60 * n) * S)
        checkout(world, session, seat, f"{ORDER_TRACE[:-2]}{n + 8:02x}", ready, fails=n == 2)
    for n in range(12):
        session = f"5e551011b000000000000000000000{n:02x}"
        ready = visit(world, session, "", now - (100 + 40 * n) * S, synthetic=True)
        trace = ORDER_TRACE if n == 0 else f"b0b0000000000000000000000000{n:04x}"
        checkout(world, session, "", trace, ready, fails=n % 5 < 2 and n != 0)
    world.log("", now - 30 * S, 9, "a line that names no service and no trace")
    return world


def hostile(world: World) -> World:
    """Telemetry that tries to be more than text."""
    now = world.now_unix_nano
    world.browser(
        HOSTILE_SESSION,
        1,
        "documentLoad",
        now - 40 * S,
        _ms=120,
        component="document-load",
        **{
            "http.url": f"http://x/{EVIL}",
            "location.href": f"javascript:alert(1)//{EVIL}",
            "enduser.id": EVIL,
            EVIL: EVIL,
            "app": EVIL,
            "environment": EVIL,
        },
    )
    world.browser(
        HOSTILE_SESSION,
        1,
        "onerror",
        now - 39 * S,
        component="error",
        error="true",
        _id="bad0000000000e22",
        **{"error.message": EVIL + "x" * 2000, "error.object": EVIL, "error.stack": EVIL, "enduser.id": EVIL},
    )
    many = {f"attribute.{n}": n for n in range(10_000)}
    world.backend(
        EVIL,
        [
            span(
                HOSTILE_TRACE,
                "bad0000000000001",
                "",
                EVIL,
                2,
                now - 38 * S,
                50,
                _error=EVIL,
                **{"http.route": EVIL, "huge": "A" * 1_000_000, EVIL: EVIL},
                **many,
            ),
        ],
    )
    world.log(
        EVIL,
        now - 37 * S,
        17,
        EVIL + "B" * 1_000_000,
        _trace=HOSTILE_TRACE,
        _span="bad0000000000001",
        **{EVIL: EVIL, "nested": {EVIL: {"deep": EVIL}}},
        **many,
    )
    return world
