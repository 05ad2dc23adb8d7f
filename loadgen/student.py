"""`python -m loadgen.student`: one person's walk to the failing checkout, without a browser.

Prints one JSON line with what the person saw, and the ids that identify the walk in
telemetry. Not synthetic traffic: the shop must treat it as a person. Does not know
which outcome is the expected one.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from loadgen.page import Page
from loadgen.requests_client import RequestsClient
from loadgen.shopper import Order, Reply, Shopper

DEFAULT_PRODUCT = "1YMWWN1N4O"
CHECKOUT_FIELDS: Mapping[str, str] = {
    "email": "someone@example.com",
    "street_address": "270 Brannan St",
    "zip_code": "94107",
    "city": "San Francisco",
    "state": "CA",
    "country": "United States",
    "credit_card_number": "4432-8015-6152-0454",
    "credit_card_expiration_month": "1",
    "credit_card_expiration_year": "2039",
    "credit_card_cvv": "672",
}
"""The values that the original shop's clients send."""


class WalkFailed(Exception):
    """The walk could not be finished; the message is the step and the reason."""


def walk(
    shopper: Shopper, seat: str, *, entry: str, product: str, quantity: int, pause_s: float = 0.0
) -> Order:
    """Home, product, add to cart, cart, place order. Raises WalkFailed."""
    if not entry:
        entry = "/?" + urlencode({"seat": seat}) if seat else "/"
    _expect_page(shopper.visit(entry), "opening the shop")
    time.sleep(pause_s)
    _expect_page(shopper.visit(f"/product/{product}"), "opening the product")
    time.sleep(pause_s)
    _expect_page(shopper.add_to_cart(product, quantity), "adding to the cart")
    if not shopper.page or not shopper.page.total:
        _expect_page(shopper.visit("/cart"), "opening the cart")
    time.sleep(pause_s)
    form = shopper.page.form("checkout") if shopper.page else None
    order = shopper.place_order(form.fields if form else CHECKOUT_FIELDS)
    if not order.status:
        raise WalkFailed(f"placing the order: {order.error}")
    return order


def _expect_page(reply: Reply, step: str) -> None:
    if not reply.status:
        raise WalkFailed(f"{step}: the shop does not answer: {reply.error}")
    if reply.status >= 400:
        heading = Page(reply.url, reply.text).heading
        raise WalkFailed(f"{step}: HTTP {reply.status} {heading}".rstrip())


def _report(
    shopper: Shopper, seat: str, order: Order | None, problem: str, seconds: float
) -> dict[str, object]:
    report: dict[str, object] = {
        "driver": "browserless",
        "ok": not problem,
        "error": problem or None,
        "seat": seat,
        "agent": shopper.rum.announced,
        "session_id": shopper.rum.id if shopper.rum.announced else None,
        "script_errors": [
            {"type": each.type, "message": each.message, "stack": each.stack}
            for each in shopper.script_errors
        ],
        "order_total": (order.total_shown if order else shopper.total_shown) or None,
        "checkout": None,
        "beacons": {
            "sent": shopper.beacons_sent,
            "failed": shopper.beacons_failed,
            "spans": shopper.spans_sent,
        },
        "seconds": round(seconds, 3),
    }
    if order:
        report["checkout"] = {
            "status": order.status,
            "heading": order.heading,
            "order_id": order.order_id or None,
            "total_paid": order.total_paid or None,
            "server_timing": order.server_timing or None,
            "trace_id": order.trace_id or None,
            "span_id": order.span_id or None,
            "rum_trace_id": order.rum_trace_id or None,
            "rum_span_id": order.rum_span_id or None,
            "duration_ms": round(order.duration_ms, 1),
        }
    return report


def main(argv: Sequence[str] | None = None) -> int:
    """Walk once. Returns 0 if the order got a response, whatever its status; 1 if the walk failed."""
    arguments = _parser().parse_args(argv)
    started_s = time.monotonic()
    client = RequestsClient(arguments.timeout)
    shopper = Shopper(arguments.shop, client, random.Random(), synthetic=arguments.synthetic)
    order, problem = None, ""
    try:
        order = walk(
            shopper,
            arguments.seat,
            entry=arguments.entry,
            product=arguments.product,
            quantity=arguments.quantity,
            pause_s=arguments.pause,
        )
        shopper.leave()
    except WalkFailed as error:
        problem = str(error)
    finally:
        client.close()
    report = _report(shopper, arguments.seat, order, problem, time.monotonic() - started_s)
    sys.stdout.write(json.dumps(report) + "\n")
    return 1 if problem else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadgen.student",
        description="Walk to the checkout as one person without a browser; print one JSON line about it.",
    )
    parser.add_argument("--shop", required=True, help="address of the shop, such as http://127.0.0.1:8080")
    parser.add_argument("--seat", default="", help="seat name to take in an open class")
    parser.add_argument("--entry", default="", help="path and query to enter by, such as a signed seat link")
    parser.add_argument("--product", default=DEFAULT_PRODUCT, help="id of the product (default %(default)s)")
    parser.add_argument("--quantity", type=int, default=1, help="how many of it (default %(default)s)")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between steps (default none)")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds to wait for each answer")
    parser.add_argument("--synthetic", action="store_true", help="declare the visit as synthetic traffic")
    return parser


if __name__ == "__main__":
    sys.exit(main())
