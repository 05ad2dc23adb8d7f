"""The storefront's routes: HTTP in, HTTP out.

Each reads the request, asks `Shop` and renders; meaning is elsewhere. Paths,
fields and redirects are the original shop's.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, Response, current_app, g, jsonify, redirect, request
from opentelemetry import trace

from frontend import forms, problems, relay as relay_module
from frontend.app_dependencies import Parts
from frontend.forms import CheckoutForm
from frontend.relay import Outcome
from frontend.tracing import ORDER_ID
from frontend.visit import CURRENCY_COOKIE, OFFERED_CURRENCIES, SEAT_COOKIE, Visit, set_cookie

blueprint = Blueprint("routes", __name__)
_MAX_COOKIES_FORGOTTEN = 50


def _parts() -> Parts:
    return cast(Parts, current_app.extensions["shop"])


def _visit() -> Visit:
    return cast(Visit, g.visit)


def _today() -> date:
    return datetime.now(UTC).date()


@blueprint.get("/")
def home() -> str:
    """All products."""
    parts = _parts()
    page = parts.shop.home(_visit())
    parts.telemetry.log.info("home", currency=_visit().currency)
    return parts.pages.render("home.html", page.currencies, page.cart_count, products=page.products)


@blueprint.get("/product/<product_id>")
def product(product_id: str) -> str:
    """One product."""
    parts = _parts()
    parts.telemetry.log.info("serving product page", id=product_id[:64], currency=_visit().currency)
    page = parts.shop.product(_visit(), product_id)
    return parts.pages.render(
        "product.html",
        page.currencies,
        page.cart_count,
        product=page.product,
        ad=page.ad,
        recommended=page.recommended,
        quantities=forms.QUANTITIES,
    )


def _cart_page(form: CheckoutForm) -> str:
    parts = _parts()
    page = parts.shop.cart(_visit())
    return parts.pages.render(
        "cart.html",
        page.currencies,
        page.cart_count,
        lines=page.lines,
        shipping=page.shipping,
        total=page.total,
        zero=page.zero,
        prices=page.prices,
        price_typo=parts.flags.cart_price_typo(_visit().shopper.traffic),
        recommended=page.recommended,
        form=form,
        labels=forms.LABELS,
        months=forms.MONTHS,
        years=forms.years(_today()),
    )


@blueprint.get("/cart")
def cart() -> str:
    """The cart and the checkout form."""
    _parts().telemetry.log.info("view user cart")
    return _cart_page(forms.fresh_form(_today()))


@blueprint.post("/cart")
def add_to_cart() -> Response:
    """Put a product into the cart."""
    item = forms.added_item(request.form)
    _parts().telemetry.log.info("adding to cart", product=item.product_id, quantity=item.quantity)
    _parts().shop.add(_visit(), item)
    return _to("/cart")


@blueprint.post("/cart/empty")
def empty_cart() -> Response:
    """Empty the cart."""
    _parts().telemetry.log.info("emptying cart")
    _parts().shop.empty(_visit())
    return _to("/")


@blueprint.post("/cart/checkout")
def checkout() -> str | tuple[str, int]:
    """Place the order of the cart."""
    parts, visit = _parts(), _visit()
    parts.telemetry.log.info("placing order", currency=visit.currency)
    try:
        order = parts.shop.place_order(forms.order_request(request.form, visit.session_id, visit.currency))
    except problems.OrderProblem as problem:
        parts.telemetry.log.info("order sent back to the customer", reason=problem.summary)
        return _cart_page(forms.returned_form(request.form, problem)), 422
    trace.get_current_span().set_attribute(ORDER_ID, order.order_id)
    parts.telemetry.log.info("order placed", order=order.order_id)
    page = parts.shop.order(visit, order)
    return parts.pages.render(
        "order.html", page.currencies, 0, order=page.order, recommended=page.recommended
    )


@blueprint.post("/setCurrency")
def set_currency() -> Response:
    """Show prices in another currency from now on."""
    code = request.form.get("currency_code", "").strip()
    if not code:
        raise problems.bad_request("Which currency?", "The form names no currency.")
    if code not in OFFERED_CURRENCIES:
        raise problems.unprocessable(
            "We do not know that currency", f"The shop takes {', '.join(OFFERED_CURRENCIES)}."
        )
    _parts().telemetry.log.info("setting currency", **{"curr.new": code, "curr.old": _visit().currency})
    response = _to(_page_before())
    set_cookie(response, CURRENCY_COOKIE, code)
    return response


@blueprint.get("/logout")
def logout() -> Response:
    """Forget the visitor: every cookie that came is expired."""
    _parts().telemetry.log.info("logging out")
    g.pop("visit", None)
    response = _to("/")
    for name in {*list(request.cookies)[:_MAX_COOKIES_FORGOTTEN], SEAT_COOKIE}:
        response.delete_cookie(name)
    return response


@blueprint.get("/robots.txt")
def robots() -> Response:
    """A shop that breaks on purpose belongs in no index."""
    return Response("User-agent: *\nDisallow: /\n", mimetype="text/plain")


@blueprint.get("/_healthz")
def health() -> Response:
    """Whether this process serves."""
    return Response("ok", mimetype="text/plain")


@blueprint.get("/_flags")
def flag_states() -> Response:
    """The real state of the storefront's fault switches, as `hipsterlab.FlagService` tells a backend's."""
    states = _parts().flags.states()
    return jsonify(
        service=_parts().telemetry.identity.service,
        flags=[
            {"key": state.key, "people": state.people, "synthetic": state.synthetic, "error": state.error}
            for state in states
        ],
    )


@blueprint.get("/static/<path:name>")
def static_file(name: str) -> Response:
    """A file of the shop, or the RUM agent."""
    response = _parts().assets.respond(name, request, addressed="v" in request.args)
    return response or Response("no such file\n", 404, mimetype="text/plain")


@blueprint.post("/v1/rum")
def beacon() -> Response:
    """A beacon of the RUM agent, Zipkin spans."""
    return _relayed(_parts().relay.zipkin(_beacon_body(), dict(request.headers)))


@blueprint.post("/v1/rumotlp")
def beacon_otlp() -> Response:
    """A beacon of the RUM agent, OTLP JSON."""
    return _relayed(_parts().relay.otlp(_beacon_body(), dict(request.headers)))


def _beacon_body() -> bytes:
    request.max_content_length = relay_module.MAX_BODY_BYTES
    return request.get_data(cache=False)


def _relayed(outcome: Outcome) -> Response:
    response = jsonify({"error": {"message": outcome.problem}}) if outcome.problem else Response()
    response.status_code = outcome.status
    return response


def _to(path: str) -> Response:
    return cast(Response, redirect(path, 302))


def _page_before() -> str:
    """The path of the page that sent the form, if it is one of ours that can be shown again."""
    before = urlsplit(request.headers.get("Referer", ""))
    if before.netloc != request.host or not before.path.startswith("/") or before.path.startswith("//"):
        return "/"
    return "/cart" if before.path.startswith("/cart/") else before.path
