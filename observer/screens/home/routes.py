"""The home page and the search by id."""

from __future__ import annotations

from urllib.parse import parse_qsl

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from observer.components import seat_links
from observer.lookup.lab_status import lab_of
from observer.lookup.resolve import Resolved, resolve
from observer.lookup.running_lab import usable_incidents
from observer.lookup.telemetry_state import telemetry_state
from observer.request import context
from observer.request.links import scoped
from observer.request.page_request import current_scope, scope_or_default
from observer.request.scope import Scope
from observer.screens.home import view
from observer.screens.home.search_result import search_result
from signals.attributes import SYNTHETIC, SYNTHETIC_DECLARED
from signals.model import Log, Severity
from store.api import LogQuery, Reader, SessionQuery, TraceQuery

blueprint = Blueprint("home", __name__)

_SHOWN = 5
_LOSS = "telemetry was dropped"
"""What the shop's exporters log, and others may; searched for among warnings and errors only."""
_SEVERE = frozenset({Severity.ERROR, Severity.FATAL})
_WARN_OR_WORSE = frozenset({Severity.WARN, Severity.ERROR, Severity.FATAL})


@blueprint.get("/")
def home() -> Response:
    """The newest telemetry, and what to do first."""
    scope = current_scope()
    reader = context.reader()
    settings = context.settings()
    seat = seat_links.page_seat()
    lab = lab_of(settings, request.headers.get("Host", ""))
    sessions = reader.find_sessions(
        SessionQuery(
            scope.window,
            attributes={"environment": scope.environment} if scope.environment else {},
            excluded={SYNTHETIC: SYNTHETIC_DECLARED},
            limit=_SHOWN,
        )
    )
    traces = reader.find_traces(
        TraceQuery(scope.window, error="origin", limit=_SHOWN, environment=scope.environment)
    )
    severe = LogQuery(scope.window, severities=_SEVERE, limit=_SHOWN, environment=scope.environment)
    # Where a lesson runs, its end must not stand on the first page.
    in_lesson = context.class_file() is not None or lab.incident is not None
    newest = view.Newest(
        sessions=sessions.items,
        traces=traces.items,
        logs=() if in_lesson else reader.find_logs(severe).items,
        error_logs=reader.count_logs(severe) if in_lesson else None,
    )
    page = make_response(
        render_template(
            "home/home.html",
            lab=lab,
            seat=seat,
            shop_link=seat_links.shop_link(lab.shop, seat),
            view=view.build(reader.status(), newest, _loss(reader, scope), lab),
            loss_text=_LOSS,
            all_telemetry=telemetry_state(),
            malformed=usable_incidents()[1],
        )
    )
    seat_links.keep(page, seat)
    return page


def _loss(reader: Reader, scope: Scope) -> Log | None:
    """The newest log in which a sender reports that telemetry was lost."""
    found = reader.find_logs(
        LogQuery(scope.window, severities=_WARN_OR_WORSE, text=_LOSS, limit=1, environment=scope.environment)
    )
    return found.items[0] if found.items else None


@blueprint.get("/-/telemetry")
def telemetry() -> Response:
    """Whether telemetry is kept, if the asking page does not know it yet; else 204."""
    state = telemetry_state().within(scope_or_default().window)
    if state.mark == request.args.get("mark"):
        return make_response("", 204)
    return make_response(render_template("components/telemetry.html", state=state))


@blueprint.get("/search")
def search() -> Response | str:
    """Redirect to the trace, span, session, log or order that has this id, or explain why there is none."""
    text = request.args.get("q", "").strip()
    found = resolve(context.reader(), text) if text else None
    if isinstance(found, Resolved):
        path, _, query = found.url.partition("?")
        more: dict[str, str | None] = dict(parse_qsl(query))
        return redirect(scoped(path, **more), 303)
    result = search_result(found) if found else None
    return render_template("home/search.html", sought=text, result=result)
