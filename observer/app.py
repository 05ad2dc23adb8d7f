"""The observer's Flask application: its blueprints, and errors as pages or JSON.

Knows every screen's blueprint by name and nothing of what a screen shows.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from alerting import AlertError, AlertFile
from classroom import ClassError, ClassStore
from observer import api, browser_files, components, web
from observer.lookup import class_now, running_lab, settling_state, telemetry_state
from observer.request import context, desk_session, fair_share
from observer.request.errors import STORE_REMEDY, Malformed, Problem, TooManyAttempts, Unavailable
from observer.request.reader_seat import reader_seat
from observer.request.responses import json_response
from observer.request.same_origin import refuse_cross_site
from observer.request.signed_links import arrive, close_freed_seat
from observer.screens import alerts, apm, desk, home, join, logs, metrics, rum, sign_in, workshop
from observer.settings import Settings
from runtime import seats
from runtime.compiled_templates import CompiledTemplates
from runtime.host_check import HostCheck
from runtime.installation import COMMAND
from runtime.proxy import BehindProxy
from runtime.url_rules import LateRule
from store.api import BadQuery, Reader, ReaderProcesses, StoreBusy, StoreError

_log = logging.getLogger(__name__)

_BLUEPRINTS = (
    components.blueprint,
    api.blueprint,
    apm.blueprint,
    rum.blueprint,
    logs.blueprint,
    alerts.blueprint,
    metrics.blueprint,
    home.blueprint,
    workshop.blueprint,
    desk.blueprint,
    join.blueprint,
    sign_in.blueprint,
)
_COMPILED_WITH = ("observer", "runtime", "signals", "store")
_MAX_BODY_BYTES = 64 * 1024
"""Far above any form of the screens."""
_SHARED_COOKIES = (seats.COOKIE, "theme", "zone")
"""The shop reads the seat, and scripts write the others: for the whole host."""
_GC_THRESHOLDS = (20_000, 20, 50)
_NO_VISITS = ("/static/", "/api/", "/jaeger/", "/-/", "/healthz", "/favicon.ico")


def create_app(
    reader: Reader,
    settings: Settings | None = None,
    clock: Callable[[], int] = time.time_ns,
    class_store: ClassStore | None = None,
    alert_file: AlertFile | None = None,
    reader_processes: ReaderProcesses | None = None,
) -> Flask:
    """The application over one reader; `clock` returns nanoseconds since the Unix epoch.

    `class_store` is the file of the class that the settings name, `alert_file` that of alerts,
    `reader_processes` read the same store for costly questions; the caller closes all of them.
    """
    settings = settings or Settings()
    app = Flask(__name__, static_folder=None)
    app.url_rule_class = LateRule
    # Two slashes in an id are two, and no other address is meant.
    app.url_map.merge_slashes = False
    app.config["MAX_CONTENT_LENGTH"] = _MAX_BODY_BYTES
    _set_up_templates(app)
    fair_share.install(app, settings.threads, reader_processes)
    context.install(app, context.AppContext(reader, settings, clock, class_store, alert_file))
    desk_session.install(app)
    running_lab.install(app, settings.lab_token)
    telemetry_state.install(app, settings, clock)
    settling_state.install(app, reader)
    app.before_request(_note_visit)
    class_now.install(app, settings.order_route, workshop.follow)
    if settings.class_mode:
        _close(app, settings)
    web.install(app)
    browser_files.install(app, settings.web_dir)
    workshop.install(app)
    app.register_error_handler(Problem, _answer_problem)
    app.register_error_handler(StoreError, _answer_store_error)
    app.register_error_handler(ClassError, _answer_class_error)
    app.register_error_handler(AlertError, _answer_alert_error)
    app.register_error_handler(HTTPException, _answer_http_error)
    app.register_error_handler(Exception, _answer_unexpected)
    app.add_url_rule("/healthz", "healthz", _healthz)
    for blueprint in _BLUEPRINTS:
        app.register_blueprint(blueprint)
    api.jaeger_routes.install(app)
    # Flask's documented way to add a middleware; outside the check of hosts, which reads the visitor's.
    app.wsgi_app = BehindProxy(  # type: ignore[method-assign]
        app.wsgi_app, settings.trusted_proxies, _SHARED_COOKIES
    )
    return app


def _set_up_templates(app: Flask) -> None:
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.bytecode_cache = CompiledTemplates("observer", _COMPILED_WITH)
    app.jinja_env.globals["lab_command"] = COMMAND


def _close(app: Flask, settings: Settings) -> None:
    """What class mode adds: own hosts only, no request of other sites, seats by signed links."""
    # Flask's documented way to add a middleware is to assign this method, which its types forbid.
    app.wsgi_app = HostCheck(  # type: ignore[method-assign]
        app.wsgi_app, settings.observer_public_url, settings.shop_public_url
    )
    app.before_request(_refuse_changes_of_other_sites)
    app.before_request(arrive)
    app.before_request(close_freed_seat)


def _refuse_changes_of_other_sites() -> None:
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        refuse_cross_site()


def _note_visit() -> None:
    """Note for the desk that the reader's seat is here; what a page asks by itself says nothing of that."""
    if request.method != "GET" or request.path.startswith(_NO_VISITS) or "HX-Request" in request.headers:
        return
    try:
        slug = reader_seat().slug
    except ClassError:
        return
    if slug:
        class_now.class_now().visits.note(slug, context.now_unix_nano())


def warm_up(app: Flask) -> None:
    """Do what first views would wait for: compile templates, read incidents and what a class did so far."""
    compile_templates(app)
    running_lab.usable_incidents()
    with app.app_context():
        reader, now = context.app_context().reader, context.now_unix_nano()
        try:
            class_now.class_now().telemetry.of_seats(reader, now)
        except StoreError as error:
            _log.info("the class cannot be read yet: %s", error)
    # What is there now stays: to look for garbage among it took 60 ms of every fiftieth page.
    gc.collect()
    gc.freeze()
    # A page makes tens of thousands of rows that live as long as it: they are no garbage, and what is kept of
    # answers grows. With Python's own thresholds one page in seventy waited 10 to 20 ms for a look at it all.
    gc.set_threshold(*_GC_THRESHOLDS)


def compile_templates(app: Flask) -> None:
    """Compile every template, which would add up to 60 ms to the first view of a page."""
    for name in app.jinja_env.list_templates():
        app.jinja_env.get_template(name)


def _healthz() -> Response:
    return Response("ok\n", mimetype="text/plain")


def _answer_problem(problem: Problem) -> Response:
    answer = _error_answer(
        problem.status, problem.code, problem.message, problem.remedy, problem.logs_of, problem.action
    )
    if isinstance(problem, TooManyAttempts | fair_share.Busy):
        answer.headers["Retry-After"] = str(problem.wait_s)
    return answer


def _answer_class_error(error: ClassError) -> Response:
    _log.warning("the class does not answer: %s", error)
    return _answer_problem(Unavailable("The class's file cannot be used now.", error.remedy))


def _answer_alert_error(error: AlertError) -> Response:
    _log.warning("alerts cannot be read: %s", error)
    return _answer_problem(Unavailable(str(error), error.remedy))


def _answer_store_error(error: StoreError) -> Response:
    if isinstance(error, BadQuery):
        return _answer_problem(Malformed(str(error), "Change that part of the address and load it again."))
    _log.warning("the store does not answer: %s", error)
    if isinstance(error, StoreBusy):
        return _answer_problem(fair_share.Busy())
    return _answer_problem(Unavailable(str(error), STORE_REMEDY))


def _answer_http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if 300 <= status < 400:
        return error.get_response()  # type: ignore[return-value]  # werkzeug's redirect is a full response
    if status == 404:
        return _error_answer(
            404, "unknown", f"There is no page at {request.path}.", "Start from the home page."
        )
    if status == 405:
        return _error_answer(405, "method", f"{request.method} is not allowed here.", "Use GET.")
    return _error_answer(status, "http", error.description or error.name, "Go back and try again.")


def _answer_unexpected(error: Exception) -> Response:
    _log.exception("could not answer %s", request.path)
    return _error_answer(
        500,
        "internal",
        f"The observer failed while answering ({type(error).__name__}).",
        "This is a fault of ours: its log has the details. Other pages should still work.",
    )


def _error_answer(
    status: int,
    code: str,
    message: str,
    remedy: str,
    logs_of: str | None = None,
    action: tuple[str, str] | None = None,
) -> Response:
    """One error, as JSON under /api, in Jaeger's form where its clients ask, and as a page elsewhere."""
    if api.jaeger_routes.is_jaeger():
        return api.jaeger_routes.error_answer(status, f"{message} {remedy}")
    if request.path.startswith("/api/"):
        return json_response({"error": {"code": code, "message": message, "remedy": remedy}}, status)
    page = render_template(
        "errors/error.html",
        status=status,
        badge="bad" if status >= 500 else "warn",
        code=code,
        message=message,
        remedy=remedy,
        logs_of=logs_of,
        action=action,
    )
    return Response(page, status, mimetype="text/html")
