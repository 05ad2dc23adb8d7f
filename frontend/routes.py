"""The storefront's routes: each reads the request, calls `Shop` and renders.

Paths, fields and redirects are those of the original shop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, Response, abort, current_app, g, jsonify, redirect, request
from opentelemetry import trace

from frontend import forms, problems, relay as relay_module
from frontend.app_dependencies import AppDependencies
from frontend.beacon_filter import BeaconFormat, Refused
from frontend.forms import CheckoutForm
from frontend.relay import Outcome
from frontend.tracing import ORDER_ID
from frontend.visit import (
    CURRENCY_COOKIE,
    OFFERED_CURRENCIES,
    RUM_SESSION_COOKIE,
    SESSION_COOKIE,
    SESSION_SEAT_COOKIE,
    Visit,
    set_cookie,
)
from runtime import seats
from services.common import lab_token
from services.common.telemetry import withholding_trace_context

blueprint = Blueprint("routes", __name__)
_MAX_COOKIES_EXPIRED = 50
_COOKIES_OF_THE_SCREENS = frozenset({"theme", "zone", "workshop_desk"})
"""On the same host they come with every request to the shop, too."""


def _app() -> AppDependencies:
    return cast(AppDependencies, current_app.extensions["shop"])


def _visit() -> Visit:
    return cast(Visit, g.visit)


def _today() -> date:
    return datetime.now(UTC).date()


@blueprint.get("/")
def home() -> str:
    """All products."""
    app = _app()
    page = app.shop.home(_visit())
    app.telemetry.log.info("home", currency=_visit().currency)
    return app.pages.render("home.html", page.currencies, page.cart_count, products=page.products)


@blueprint.get("/product/<product_id>")
def product(product_id: str) -> str:
    """One product."""
    app = _app()
    app.telemetry.log.info("serving product page", id=product_id[:64], currency=_visit().currency)
    page = app.shop.product(_visit(), product_id)
    return app.pages.render(
        "product.html",
        page.currencies,
        page.cart_count,
        product=page.product,
        ad=page.ad,
        recommended=page.recommended,
        quantities=forms.QUANTITIES,
    )


def _cart_page(form: CheckoutForm) -> str:
    app = _app()
    page = app.shop.cart(_visit())
    return app.pages.render(
        "cart.html",
        page.currencies,
        page.cart_count,
        lines=page.lines,
        shipping=page.shipping,
        total=page.total,
        zero=page.zero,
        prices=page.prices,
        price_typo=app.flags.cart_price_typo(_visit().shopper),
        recommended=page.recommended,
        form=form,
        labels=forms.LABELS,
        months=forms.MONTHS,
        years=[(year, year) for year in forms.years(_today())],
    )


@blueprint.get("/cart")
def cart() -> str:
    """The cart and the checkout form."""
    _app().telemetry.log.info("view user cart")
    return _cart_page(forms.fresh_form(_today()))


@blueprint.post("/cart")
def add_to_cart() -> Response:
    """Add a product to the cart."""
    item = forms.added_item(request.form)
    _app().telemetry.log.info("adding to cart", product=item.product_id, quantity=item.quantity)
    _app().shop.add(_visit(), item)
    return _to("/cart")


@blueprint.post("/cart/empty")
def empty_cart() -> Response:
    """Empty the cart."""
    _app().telemetry.log.info("emptying cart")
    _app().shop.empty(_visit())
    return _to("/")


@blueprint.post("/cart/checkout")
def checkout() -> str | tuple[str, int]:
    """Place the order of the cart."""
    app, visit = _app(), _visit()
    app.telemetry.log.info("placing order", currency=visit.currency)
    try:
        asked = forms.order_request(request.form, visit.session_id, visit.currency)
        with withholding_trace_context(app.flags.frontend_lost_context(visit.shopper)):
            order = app.shop.place_order(asked)
    except problems.OrderProblem as problem:
        app.telemetry.log.info("order sent back to the customer", reason=problem.summary)
        return _cart_page(forms.returned_form(request.form, problem)), 422
    trace.get_current_span().set_attribute(ORDER_ID, order.order_id)
    app.telemetry.log.info("order placed", order=order.order_id)
    page = app.shop.order(visit, order)
    return app.pages.render("order.html", page.currencies, 0, order=page.order, recommended=page.recommended)


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
    _app().telemetry.log.info("setting currency", **{"curr.new": code, "curr.old": _visit().currency})
    response = _to(_page_before())
    set_cookie(response, CURRENCY_COOKIE, code)
    return response


@blueprint.get("/logout")
def logout() -> Response:
    """Begin a new visit: expire every cookie of the shop; in a class a seat that holds stays."""
    app = _app()
    app.telemetry.log.info("logging out")
    kept = _COOKIES_OF_THE_SCREENS
    if not app.visits.open and app.visits.seat_of(request):
        kept = kept | {seats.COOKIE}
    g.pop("visit", None)
    response = _to("/")
    ours = {seats.COOKIE, SESSION_COOKIE, SESSION_SEAT_COOKIE, RUM_SESSION_COOKIE}
    for name in {*list(request.cookies)[:_MAX_COOKIES_EXPIRED], *ours} - kept:
        response.delete_cookie(name)
    return response


@blueprint.get("/robots.txt")
def robots() -> Response:
    """Excludes crawlers: a shop that breaks on purpose belongs in no index."""
    return Response("User-agent: *\nDisallow: /\n", mimetype="text/plain")


@blueprint.get("/_healthz")
def health() -> Response:
    """Whether this process serves."""
    return Response("ok", mimetype="text/plain")


@blueprint.get("/_flags")
def flag_states() -> Response:
    """The present state of the storefront's flags; with `?seat=` and `?tenant=`, for that shopper."""
    if not lab_token.admits(_app().settings.lab_token, request.headers.get("Authorization", "")):
        abort(404)
    states = _app().flags.states(request.args.get("seat", ""), request.args.get("tenant", ""))
    return jsonify(
        service=_app().telemetry.identity.service,
        flags=[
            {"key": state.key, "people": state.people, "synthetic": state.synthetic, "error": state.error}
            for state in states
        ],
    )


@blueprint.get("/static/<path:name>")
def static_file(name: str) -> Response:
    """A file of the shop, or the RUM agent."""
    response = _app().assets.respond(name, request)
    return response or Response("no such file\n", 404, mimetype="text/plain")


@blueprint.post("/v1/rum")
def beacon() -> Response:
    """A beacon of the RUM agent, Zipkin spans."""
    return _relayed(BeaconFormat.ZIPKIN, _app().relay.zipkin)


@blueprint.post("/v1/rumotlp")
def beacon_otlp() -> Response:
    """A beacon of the RUM agent, OTLP JSON."""
    return _relayed(BeaconFormat.OTLP, _app().relay.otlp)


def _relayed(beacon_format: BeaconFormat, relay: Callable[[bytes, Mapping[str, str]], Outcome]) -> Response:
    app = _app()
    request.max_content_length = relay_module.MAX_BODY_BYTES
    body, headers = request.get_data(cache=False), dict(request.headers)
    if not app.visits.open:
        try:
            beacon = app.beacon_filter.filtered(beacon_format, body, headers, app.visits.seat_of(request))
        except Refused as refusal:
            return _answered(Outcome(refusal.status, str(refusal)))
        if beacon is None:
            return _answered(Outcome(200))
        body, headers = beacon, {**headers, **relay_module.PLAIN_JSON}
    return _answered(relay(body, headers))


def _answered(outcome: Outcome) -> Response:
    if outcome.body:
        return Response(outcome.body, outcome.status, mimetype=outcome.content_type)
    response = jsonify({"error": {"message": outcome.problem}}) if outcome.problem else Response()
    response.status_code = outcome.status
    return response


def _to(path: str) -> Response:
    return cast(Response, redirect(path, 302))


def _page_before() -> str:
    """The path of the page that sent the form, if it is one of ours that can be shown again."""
    try:
        before = urlsplit(request.headers.get("Referer", ""))
    except ValueError:
        return "/"
    path = before.path.removeprefix(request.script_root)
    if before.netloc != request.host or not path.startswith("/") or path.startswith("//"):
        return "/"
    return "/cart" if path.startswith("/cart/") else path
