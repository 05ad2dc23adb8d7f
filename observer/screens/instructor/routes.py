"""The page for instructors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Blueprint, render_template, request

from classroom import Seat
from observer.components import seat_links
from observer.lookup.lab_status import lab_of
from observer.lookup.running_lab import running_lab, usable_incidents
from observer.lookup.students import is_student
from observer.request import context
from observer.request.desk_session import require_desk
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.request.reachable_addresses import neighbours
from observer.screens.instructor import classroom, view
from signals.attributes import SEAT
from store.api import SessionQuery, SessionSummary

blueprint = Blueprint("instructor", __name__)

_OPERATIONS_LIMIT = 15


@blueprint.get("/instructor")
def instructor() -> str:
    """Every seat of the class: activity, attempts, failures, hints. In class mode for the desk only."""
    settings = context.settings()
    if settings.class_mode:
        require_desk()
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
    places = _roster()
    rows = classroom.seats(_of_students(found.items, places), attempts, scope.now_unix_nano)
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
        links=_links(lab.shop, names, places or ()),
        class_mode=settings.class_mode,
        incident=usable.get(lab.incident or ""),
        malformed=malformed,
    )


def _roster() -> Sequence[Seat] | None:
    """The seats of the class; None where there is no roster."""
    store = context.class_store()
    return store.seats() if store else None


def _of_students(sessions: Sequence[SessionSummary], places: Sequence[Seat] | None) -> list[SessionSummary]:
    slugs = None if places is None else {place.slug for place in places}
    return [each for each in sessions if is_student(each.attributes.get(SEAT, ""), slugs)]


def _links(shop: str, names: Sequence[str], places: Sequence[Seat]) -> list[tuple[str, str]]:
    """Name and link of each student: signed for the roster, in open mode for the names that were typed."""
    if context.settings().class_mode:
        screens = neighbours().observer_url
        return [(place.name, seat_links.student_link(screens, place.slug)) for place in places]
    return [(name, seat_links.open_link(shop, name)) for name in names]
