"""The home page and the search by id."""

from __future__ import annotations

from urllib.parse import parse_qsl

from flask import Blueprint, make_response, redirect, render_template, request
from werkzeug.wrappers import Response

from classroom import ClassError, exam, schedule
from incidents.model import Incident
from observer.components import seat_links
from observer.components.open_alerts import open_alerts
from observer.components.settling_line import settling_line
from observer.lookup.class_now import usable_incident
from observer.lookup.lab_status import Lab, lab_of
from observer.lookup.resolve import Resolved, Several, Unresolved, resolve
from observer.lookup.running_lab import usable_incidents
from observer.lookup.settling_state import settling_state
from observer.lookup.telemetry_state import telemetry_state
from observer.lookup.traces import has_arrived
from observer.request import context
from observer.request.links import address
from observer.request.page_request import current_scope, scope_or_default
from observer.request.scope import Scope
from observer.request.time_range import RANGE_KEYS
from observer.screens.home import view
from observer.screens.home.incident import incident
from observer.screens.home.search_result import match_groups, search_result
from signals.attributes import SYNTHETIC, SYNTHETIC_DECLARED
from signals.model import Log, Severity
from store.api import LogQuery, Reader, SessionQuery, TraceQuery

blueprint = Blueprint("home", __name__)

_SHOWN = 5
_MOST_ARGUMENTS = 60
"""Arguments of a pasted link."""
_LOOKED_AT = 25
"""Failing traces that are read for those that are shown: the newest may still be on their way."""
_LOSS = "telemetry was dropped"
"""What the shop's exporters log, and others may; searched for among warnings and errors only."""
_SEVERE = frozenset({Severity.ERROR, Severity.FATAL})
_WARN_OR_WORSE = frozenset({Severity.WARN, Severity.ERROR, Severity.FATAL})


@blueprint.get("/")
@context.one_snapshot
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
        TraceQuery(scope.window, error="origin", limit=_LOOKED_AT, environment=scope.environment)
    )
    severe = LogQuery(scope.window, severities=_SEVERE, limit=_SHOWN, environment=scope.environment)
    # Where a lesson runs, its end must not stand on the first page.
    in_lesson = context.class_file() is not None or lab.incident is not None
    newest = view.Newest(
        sessions=sessions.items,
        traces=[each for each in traces.items if has_arrived(each, scope.now_unix_nano)][:_SHOWN],
        logs=() if in_lesson else reader.find_logs(severe).items,
        error_logs=reader.count_logs(severe) if in_lesson else None,
    )
    # The counts are asked for again every few seconds: of a page of which they alone are taken.
    refreshing = request.headers.get("HX-Request") == "true"
    impact, slow = (None, None) if refreshing else incident(reader, scope, in_lesson=in_lesson)
    page = make_response(
        render_template(
            "home/home.html",
            impact=impact,
            slow=slow,
            open_alerts=None if refreshing else open_alerts(named=not in_lesson),
            lab=lab,
            incident=None if context.settings().class_mode else _incident(lab),
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


def _incident(lab: Lab) -> Incident | None:
    """The incident that everybody may know of.

    None in a class, where each seat's lesson tells its own, and while an exam or a game day hides it.
    """
    store = context.class_file()
    if context.settings().class_mode:
        return None
    try:
        plan = schedule(store) if store else None
        hidden = bool(store and exam(store)) or bool(plan and plan.secret and not plan.is_over)
        name = (store.facts().incident if store else "") or lab.incident or ""
    except ClassError:
        return None
    return None if hidden else usable_incident(name)


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
    if f"{state.mark}{settling_line(settling_state()).mark}" == request.args.get("mark"):
        return make_response("", 204)
    return make_response(render_template("components/telemetry.html", state=state))


@blueprint.get("/search")
def search() -> Response | str:
    """Redirect to what is meant by a text, list what may be meant, or explain what was tried."""
    text = request.args.get("q", "").strip()
    found = resolve(context.reader(), text) if text else None
    if isinstance(found, Resolved):
        return redirect(_address(found), 303)
    several = [(each, _address(each)) for each in found.found] if isinstance(found, Several) else []
    return render_template(
        "home/search.html",
        sought=text,
        matches=match_groups(several),
        more=isinstance(found, Several) and found.more,
        result=search_result(found) if isinstance(found, Unresolved) else None,
    )


def _address(found: Resolved) -> str:
    """The page of what was found; a link keeps its own time range, anything else the reader's."""
    path, _, query = found.url.partition("?")
    pairs = parse_qsl(query, max_num_fields=_MOST_ARGUMENTS) if query.count("&") < _MOST_ARGUMENTS else []
    kept = {} if found.is_link else scope_or_default().args()
    named = {name for name, _ in pairs}
    if named & set(RANGE_KEYS):
        kept = {name: value for name, value in kept.items() if name not in RANGE_KEYS}
    return address(path, [*(pair for pair in kept.items() if pair[0] not in named), *pairs])
