"""The storefront as a Flask application: what all requests and responses have in common.

`create_app` gets all dependencies as arguments, so that tests need no port. Routes
are in `frontend.routes`, the content of pages in `frontend.shop`.
"""

from __future__ import annotations

from typing import Any, cast

from flask import Flask, Response, g, redirect, request
from werkzeug.exceptions import HTTPException

from frontend import problems, routes, rum_snippet, tracing
from frontend.app_dependencies import AppDependencies
from frontend.assets import Assets
from frontend.backends import Backends
from frontend.beacon_filter import BeaconFilter
from frontend.pages import Pages
from frontend.relay import Relay
from frontend.request_intake import Edge
from frontend.screens_address import join_address
from frontend.settings import Settings
from frontend.shop import Shop
from frontend.visit import RUM_SESSION_COOKIE, Visits
from runtime import seats
from runtime.compiled_templates import CompiledTemplates
from runtime.host_check import HostCheck
from runtime.proxy import BehindProxy
from runtime.seat_generations import SeatGenerations
from runtime.url_rules import LateRule
from services.common import randomness, seat
from services.common.flags import Flags
from services.common.seat import Shopper
from services.common.telemetry import Telemetry

# Far above any form of the shop; the relay has a limit of its own.
_MAX_FORM_BYTES = 64 * 1024
_WITHOUT_VISIT = (
    "routes.static_file",
    "routes.health",
    "routes.flag_states",
    "routes.beacon",
    "routes.beacon_otlp",
)

_COMPILED_WITH = ("frontend", "runtime", "services/common")
_STARTING_OVER = "routes.logout"
"""Begins a new visit: open to a visitor whose seat was freed, too."""
_ORDERING = "routes.checkout"


def create_app(
    settings: Settings, telemetry: Telemetry, backends: Backends, flags: Flags, relay: Relay
) -> Flask:
    """The application over its dependencies; it closes none of them and starts nothing."""
    app = Flask("frontend", static_folder=None)
    app.url_rule_class = LateRule
    app.config["MAX_CONTENT_LENGTH"] = _MAX_FORM_BYTES
    app.config["MAX_FORM_PARTS"] = 100
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.bytecode_cache = CompiledTemplates("frontend", _COMPILED_WITH)
    assets = Assets(settings.web_dir)
    generations = SeatGenerations(settings.seat_generations_file)
    visits = Visits(settings.seat_secret, settings.seed, generations.of)
    chance = randomness.stream(settings.seed, "frontend", "adverts")
    dependencies = AppDependencies(
        settings=settings,
        telemetry=telemetry,
        flags=flags,
        assets=assets,
        shop=Shop(backends, assets.picture, chance, telemetry),
        visits=visits,
        relay=relay,
        beacon_filter=BeaconFilter(telemetry.log),
        pages=Pages(settings, telemetry.identity.version, assets, visits, flags),
    )
    app.extensions["shop"] = dependencies
    if settings.rum_enabled and not assets.has_agent:
        telemetry.log.warning(
            "The RUM agent is not installed: pages go out without it",
            file=str(settings.web_dir / rum_snippet.AGENT_FILE),
        )
    app.jinja_env.globals["asset"] = assets.url
    tracing.instrument(app, telemetry)
    _register_visits(app, dependencies)
    _register_error_pages(app, dependencies)
    app.register_blueprint(routes.blueprint)
    edge = Edge(app.wsgi_app)
    checked = HostCheck(edge, settings.public_url) if settings.seat_secret else edge
    # Flask's documented way to add a middleware is to assign this method, which its types forbid.
    app.wsgi_app = BehindProxy(  # type: ignore[method-assign]
        checked, settings.trusted_proxies, (seats.COOKIE, RUM_SESSION_COOKIE)
    )
    return app


def _register_visits(app: Flask, dependencies: AppDependencies) -> None:
    @app.before_request
    def arrive() -> Response | None:
        if request.endpoint in _WITHOUT_VISIT:
            return None
        visit = g.visit = dependencies.visits.read(request)
        g.entered = seat.enter(visit.shopper)
        if visit.seat_problem:
            raise visit.seat_problem.with_action("Join the class", join_address(dependencies.settings))
        if visit.freed_seat and request.endpoint != _STARTING_OVER:
            freed = problems.seat_freed(visit.freed_seat)
            raise freed.with_action("Join the class", join_address(dependencies.settings))
        if request.endpoint == _ORDERING and dependencies.visits.needs_seat(visit):
            raise problems.join_first().with_action("Join the class", join_address(dependencies.settings))
        if visit.seat_changed and not dependencies.visits.open:
            # A signed link is a key: it must not stay in the address bar, where RUM would report it.
            return cast(Response, redirect(request.path, 302))
        return None

    @app.teardown_request
    def leave(_error: BaseException | None) -> None:
        entered = g.pop("entered", None)
        if entered is not None:
            seat.leave(entered)


def _register_error_pages(app: Flask, dependencies: AppDependencies) -> None:
    policy = rum_snippet.content_security_policy(dependencies.settings)

    @app.errorhandler(problems.PageError)
    def page_error(error: problems.PageError) -> tuple[str, int]:
        if error.status >= 500:
            g.cause = error.cause
            dependencies.telemetry.log.error("request error", error=error.cause)
        return dependencies.pages.error(error), error.status

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Any:
        if error.code is None or error.code < 400:
            return error
        page = dependencies.pages.error(problems.of_http(error.code))
        headers = [(name, value) for name, value in error.get_headers() if name == "Allow"]
        return page, error.code, headers

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> tuple[str, int]:
        dependencies.telemetry.log.exception("A page failed unexpectedly")
        g.cause = f"unexpected {type(error).__name__}"
        return dependencies.pages.error(problems.of_http(500)), 500

    @app.after_request
    def finish(response: Response) -> Response:
        shopper = g.visit.shopper if "visit" in g else Shopper()
        tracing.add_server_timing(response, sampled=not dependencies.flags.frontend_unsampled_link(shopper))
        if response.mimetype == "text/html":
            response.headers["Content-Security-Policy"] = policy
            response.headers["Referrer-Policy"] = "same-origin"
            response.headers["X-Content-Type-Options"] = "nosniff"
            response.headers["Cache-Control"] = "no-store"
        if "visit" in g:
            dependencies.visits.write(g.visit, response)
        return response
