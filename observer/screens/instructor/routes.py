"""The page for instructors."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Blueprint, render_template, request

from observer.components import seat_links
from observer.lookup.lab_status import lab_of
from observer.lookup.running_lab import running_lab, usable_incidents
from observer.request import context
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.screens.instructor import classroom, view
from signals.attributes import SEAT
from store.api import SessionQuery

blueprint = Blueprint("instructor", __name__)

_OPERATIONS_LIMIT = 15


@blueprint.get("/instructor")
def instructor() -> str:
    """Every seat of the class: activity, attempts, failures, hints."""
    scope = current_scope()
    reader = context.reader()
    query = Query(request.args, context.now_unix_nano())
    found = reader.find_sessions(
        SessionQuery(scope.window, excluded={"user_agent.synthetic.type": "test"}, limit=view.SESSIONS_LIMIT)
    )
    failing = reader.rum_breakdowns("network_errors", ("operation",), scope.window, limit=_OPERATIONS_LIMIT)[
        "operation"
    ]
    operations = [value.value for value in failing.values if value.value]
    operation = query.text("operation") or (operations[0] if operations else "")
    attempts = None
    if operation:
        where: Mapping[str, str] = {"operation": operation}
        attempts = reader.rum_breakdowns(
            "network_requests", (SEAT,), scope.window, where, view.SESSIONS_LIMIT
        )[SEAT]
    rows = classroom.seats(found.items, attempts, scope.now_unix_nano)
    settings = context.settings()
    lab, flags = running_lab(lab_of(settings, request.headers.get("Host", "")))
    usable, malformed = usable_incidents()
    names, refused = seat_links.names_in(query.text("names") or "")
    return render_template(
        "instructor/instructor.html",
        rows=rows,
        stats=view.stats(rows),
        notes=view.notes(
            sessions_cut=found.next_cursor is not None or found.truncated,
            attempts_cut=attempts.truncated if attempts else False,
        ),
        operation=operation,
        operations=operations,
        lab=lab,
        flags=view.flag_rows(flags),
        unanswered=", ".join(flags.unanswered),
        name_lines="\n".join((*names, *refused)),
        refused=refused,
        seat_rule=seat_links.RULE,
        has_lesson={row.seat for row in rows if seat_links.is_name(row.seat)},
        links=[(name, seat_links.link(lab.shop, name, settings.seat_secret)) for name in names],
        class_mode=bool(settings.seat_secret),
        incident=usable.get(lab.incident or ""),
        malformed=malformed,
    )
