"""The story that the screens' tests walk through: a failing checkout, healthy ones, hostile telemetry.

Every id is fixed, so tests can name what they look for; times are relative to now.
"""

from __future__ import annotations

import time

from tests.browser.world import MS, Json, S, World, span

SHOP = "http://127.0.0.1:8080"
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
STACK = (
    "TypeError: Cannot read properties of undefined (reading 'Prcie')\n"
    f"    at getProductPrice ({SHOP}/cart:77:20)\n"
    f"    at renderFinalPrice ({SHOP}/cart:81:5)\n"
    f"    at {SHOP}/cart:84:3"
)
_PAGES = (("/", 0, 210), ("/product/1YMWWN1N4O", 4, 180), ("/cart", 9, 240))
_CONSOLE = "Uncaught TypeError: Cannot read property 'Prcie' of undefined"
_THROWN = "Cannot read properties of undefined (reading 'Prcie')"
_CHARGE = "grpc.hipstershop.PaymentService/Charge"
_ORDER = "grpc.hipstershop.CheckoutService/PlaceOrder"
_GET_CART = "grpc.hipstershop.CartService/GetCart"


def visit(world: World, session: str, seat: str, at_ns: int, *, synthetic: bool = False) -> int:
    """Home, a product, the cart with its error; returns when the cart was ready to be paid."""
    who: Json = {"enduser.id": seat} if seat else {}
    if synthetic:
        who["user_agent.synthetic.type"] = "test"
    world.browser(session, 1, "session.start", at_ns, **who)
    for page, (path, gap_s, ms) in enumerate(_PAGES, 1):
        _page(world, session, page, at_ns + gap_s * S, ms, {**who, "location.href": SHOP + path})
    _script_errors(world, session, at_ns + 9 * S + 120 * MS, {**who, "location.href": SHOP + "/cart"})
    return at_ns + 14 * S


def _page(world: World, session: str, page: int, start: int, ms: int, here: Json) -> None:
    url = {"http.url": here["location.href"], **here}
    part: Json = {"component": "document-load", **url}
    moments = {"firstPaint": start + 90 * MS, "loadEventEnd": start + ms * MS}
    whole = {**part, "screen.xy": "1440x900"}
    load = world.browser(session, page, "documentLoad", start, _ms=ms, _notes=moments, **whole)
    inside: Json = {"_trace": load["traceId"], "_parent": load["id"]}
    link = {"link.traceId": f"{int(session[-4:], 16) * 16 + page:032x}", "link.spanId": f"{page:016x}"}
    answered = {"http.method": "GET", "http.status_code": 200}
    notes = {"fetchStart": start + 2 * MS, "responseStart": start + 40 * MS}
    fetch = {**part, **answered, **link, **inside}
    world.browser(session, page, "documentFetch", start + 2 * MS, _ms=ms / 3, _notes=notes, **fetch)
    for number, name in enumerate(("shop.css", "shop.js", "logo.svg")):
        loaded = {**part, **inside, "http.method": "GET", "http.url": f"{SHOP}/static/{name}"}
        world.browser(session, page, "resourceFetch", start + (60 + number) * MS, _ms=18 + number, **loaded)
    for name, value in (("lcp", 340 + 210 * page), ("cls", 0.02 * page), ("inp", 60 * page)):
        world.browser(session, page, "webvitals", start + ms * MS, **{name: value}, **here)


def _script_errors(world: World, session: str, at_ns: int, here: Json) -> None:
    failed: Json = {"component": "error", "error": "true", **here}
    said = {"error.object": "String", "error.message": _CONSOLE}
    world.browser(session, 3, "console.error", at_ns, **failed, **said)
    thrown = {"error.object": "TypeError", "error.stack": STACK, "error.message": _THROWN}
    world.browser(session, 3, "onerror", at_ns + 3 * MS, **failed, **thrown)
    task = {"component": "splunk-longtask", "longtask.name": "self", "longtask.duration": 74}
    world.browser(session, 3, "longtask", at_ns + 40 * MS, _ms=74, **task, **here)


def checkout(
    world: World, session: str, seat: str, trace: str, at_ns: int, *, fails: bool, **fixed: str
) -> None:
    """The click, its fetch, the backend's trace and its logs; `fixed` sets span ids by their role."""
    roles = ("fetch", "front", "call", "order", "try1", "try2", "charge", "api", "cart", "got")
    ids = {role: fixed.get(role, f"{int(trace[-6:], 16) * 64 + n:016x}") for n, role in enumerate(roles, 1)}
    who: Json = {"enduser.id": seat} if seat else {}
    _click(world, session, trace, ids, at_ns, 500 if fails else 200, {**who, "location.href": SHOP + "/cart"})
    began = at_ns + 8 * MS
    tags = {**who, "tenant.level": "gold" if seat else "silver"}
    _storefront(world, trace, ids, began, fails, tags)
    _order(world, trace, ids, began, fails, tags)
    _payment(world, trace, ids, began, fails, tags)
    got = span(trace, ids["got"], ids["cart"], _GET_CART, 2, began + 11 * MS, 9, **tags)
    world.backend("cartservice", [got])
    _logs(world, trace, ids, began, fails, who)


def _click(
    world: World, session: str, trace: str, ids: dict[str, str], at_ns: int, status: int, here: Json
) -> None:
    where = {"component": "user-interaction", "event_type": "click", "target_xpath": '//*[@id="place-order"]'}
    click = world.browser(session, 3, "click", at_ns, _ms=6, **where, **here)
    asked = {"component": "fetch", "http.method": "POST", "http.url": SHOP + "/cart/checkout"}
    answer = {"http.status_code": status, "link.traceId": trace, "link.spanId": ids["front"]}
    place = {"_id": ids["fetch"], "_trace": trace, "_parent": click["id"], "_kind": "CLIENT"}
    world.browser(session, 3, "HTTP POST", at_ns + 2 * MS, _ms=436, **place, **asked, **answer, **here)


def _storefront(world: World, trace: str, ids: dict[str, str], t: int, fails: bool, tags: Json) -> None:
    result: Json = {"_error": "failed to complete the order"} if fails else {"orderId": ORDER_ID}
    request = {
        "http.request.method": "POST",
        "http.route": "/cart/checkout",
        "http.response.status_code": 500 if fails else 200,
    }
    calls = {"rpc.system": "grpc", "peer.service": "checkoutservice"}
    failed = {k: v for k, v in result.items() if k == "_error"}
    name = "POST /cart/checkout"
    entry = span(trace, ids["front"], ids["fetch"], name, 2, t, 420, **result, **request, **tags)
    call = span(trace, ids["call"], ids["front"], _ORDER, 3, t + 4 * MS, 400, **failed, **calls, **tags)
    world.backend("frontend", [entry, call])


def _order(world: World, trace: str, ids: dict[str, str], t: int, fails: bool, tags: Json) -> None:
    def error(message: str) -> Json:
        return {"_error": message} if fails else {}

    pay = {"peer.service": "paymentservice", "server.address": "127.0.0.1", **tags}
    retired = {**pay, "server.port": 39999, **error("connection refused: nothing listens at 127.0.0.1:39999")}
    serving = {**pay, "server.port": 50051, **error("Invalid request")}
    cart = {"peer.service": "cartservice", **tags}
    refused = error("could not charge the card: Invalid request")
    own = [
        span(trace, ids["order"], ids["call"], _ORDER, 2, t + 6 * MS, 394, **refused, **tags),
        span(trace, ids["cart"], ids["order"], _GET_CART, 3, t + 10 * MS, 12, **cart),
        span(trace, ids["try1"], ids["order"], _CHARGE, 3, t + 30 * MS, 4, **retired),
        span(trace, ids["try2"], ids["order"], _CHARGE, 3, t + 60 * MS, 320, **serving),
    ]
    world.backend("checkoutservice", own)


def _payment(world: World, trace: str, ids: dict[str, str], t: int, fails: bool, tags: Json) -> None:
    served: Json = {"version": "v350.9", **tags}
    if fails:
        said = {"grpc.status_code": "401", "grpc.error_message": "Invalid request"}
        served = {**tags, "version": "v350.10", "error": True, "_error": "Invalid request", **said}
    pod = {"kubernetes_pod_uid": "payment-service-9aaf3"}
    outside = {"peer.service": "ButtercupPayments", "http.status_code": 401 if fails else 200}
    charge = span(trace, ids["charge"], ids["try2"], _CHARGE, 2, t + 62 * MS, 314, **served, **pod)
    api = span(trace, ids["api"], ids["charge"], "buttercup.payments.api", 3, t + 64 * MS, 308, **outside)
    world.backend("paymentservice", [charge, api])


def _logs(world: World, trace: str, ids: dict[str, str], t: int, fails: bool, who: Json) -> None:
    def log(service: str, at_ms: int, severity: int, body: str, role: str, **fields: object) -> None:
        world.log(service, t + at_ms * MS, severity, body, _trace=trace, _span=ids[role], **{**who, **fields})

    version = "v350.10" if fails else "v350.9"
    log("frontend", 1, 9, "placing order", "front")
    log("checkoutservice", 7, 9, "PlaceOrder received", "order", currency="USD")
    log("paymentservice", 63, 9, "Charging through ButtercupPayments", "charge", version=version)
    if not fails:
        log("paymentservice", 372, 9, "Transaction processed", "charge")
        return
    log("checkoutservice", 35, 13, "Retrying chargeCard", "order", retries_remaining=3)
    provider = {"attempt": 2, "provider": {"name": "buttercup", "status": 401}}
    log("paymentservice", 372, 17, MESSAGE, "charge", version=version, token=TOKEN, context=provider)
    log("frontend", 418, 17, "failed to complete the order", "front")


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
    who = {"enduser.id": EVIL, EVIL: EVIL, "app": EVIL, "environment": EVIL}
    page = {"http.url": f"http://x/{EVIL}", "location.href": f"javascript:alert(1)//{EVIL}", **who}
    world.browser(
        HOSTILE_SESSION, 1, "documentLoad", now - 40 * S, _ms=120, component="document-load", **page
    )
    failed = {"component": "error", "error": "true", "error.object": EVIL, "error.stack": EVIL}
    message = {"error.message": EVIL + "x" * 2000, "_id": "bad0000000000e22"}
    world.browser(HOSTILE_SESSION, 1, "onerror", now - 39 * S, **failed, **message, **who)
    many: Json = {f"attribute.{n}": n for n in range(10_000)}
    huge = {"http.route": EVIL, "huge": "A" * 1_000_000, EVIL: EVIL, "_error": EVIL}
    entry = "bad0000000000001"
    world.backend(EVIL, [span(HOSTILE_TRACE, entry, "", EVIL, 2, now - 38 * S, 50, **huge, **many)])
    fields = {EVIL: EVIL, "nested": {EVIL: {"deep": EVIL}}, "_trace": HOSTILE_TRACE, "_span": entry}
    world.log(EVIL, now - 37 * S, 17, EVIL + "B" * 1_000_000, **fields, **many)
    return world
