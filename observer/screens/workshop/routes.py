"""The addresses of the workshop and of the instructor."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request

import incidents
from incidents.checks import Ask, NoAnswer
from incidents.model import Source
from observer.components import seat_links
from observer.components.lab_status import Lab, lab_of
from observer.request import context
from observer.request.errors import Unknown
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.screens.workshop import classroom
from observer.screens.workshop.flag_states import Asker, Flags
from observer.screens.workshop.incident_start import began_unix_nano
from observer.screens.workshop.lesson_markup import inline, paragraphs
from observer.screens.workshop.progress import progress
from store.api import SessionQuery

blueprint = Blueprint("workshop", __name__)

_SESSIONS = 1_000
_OPERATIONS = 15


@blueprint.get("/workshop")
def lesson() -> Response:
    """The lesson of an incident, with what has arrived of it for one seat."""
    lab = _running(lab_of(context.settings(), request.headers.get("Host", "")))[0]
    typed = request.args.get("seat")
    seat = seat_links.chosen(typed, request.cookies.get(seat_links.COOKIE, ""))
    name = _incident_name(lab)
    began = began_unix_nano(context.settings(), context.now_unix_nano())
    given: dict[str, str | int] = {"shop": lab.shop, "began": began}
    if seat:
        given["seat"] = seat
    page = make_response(
        render_template(
            "workshop/workshop.html",
            lab=lab,
            seat=seat,
            name=name,
            known_running=lab.incident is not None,
            others=[(each, _load(each)) for each in incidents.names()],
            progress=progress(_load(name), given, _asker() if seat else None),
            shop_link=seat_links.link(lab.shop, seat, context.settings().seat_secret),
            inline=inline,
            paragraphs=paragraphs,
        )
    )
    if typed is not None:
        seat_links.remember(page, seat)
    return page


def _running(lab: Lab) -> tuple[Lab, Flags]:
    """The lab with the incident that its processes really run, and their flags."""
    asker: Asker = current_app.extensions.setdefault("flags", Asker())
    real = asker.flags(lab.processes)
    # Where every process answered, what they say wins over what was wished for.
    said = real.incident or (lab.incident if real.silent or not real.states else None)
    return replace(lab, incident=said), real


def _incident_name(lab: Lab) -> str:
    wanted = request.args.get("incident") or ""
    if wanted and wanted not in incidents.names():
        raise Unknown(f"There is no incident named {wanted[:60]}.", f"Those: {', '.join(incidents.names())}.")
    if wanted:
        return wanted
    running = lab.incident or ""
    return running if running in incidents.names() else incidents.DEFAULT


@lru_cache(maxsize=32)
def _load(name: str) -> incidents.Incident:
    return incidents.load(name)


def _asker() -> Ask:
    """Asks this application's own JSON API, each address once."""
    client = current_app.test_client()
    answers: dict[str, Any] = {}

    def ask(source: Source, path: str) -> Any:
        if source is not Source.API:
            raise NoAnswer("only the visitor saw it")
        if path not in answers:
            answer = client.get(path)
            answers[path] = json.loads(answer.data) if answer.status_code == 200 else answer.status_code
        found = answers[path]
        if isinstance(found, int):
            raise NoAnswer("nothing of it has arrived yet" if found == 404 else f"the API answered {found}")
        return found

    return ask


@blueprint.get("/instructor")
def instructor() -> str:
    """Every seat of the class: who is active, who failed, who may be stuck."""
    scope = current_scope()
    reader = context.reader()
    query = Query(request.args, context.now_unix_nano())
    found = reader.find_sessions(
        SessionQuery(scope.window, excluded={"user_agent.synthetic.type": "test"}, limit=_SESSIONS)
    )
    failing = reader.rum_breakdowns("network_errors", ("operation",), scope.window, limit=_OPERATIONS)
    operations = [value.value for value in failing["operation"].values if value.value]
    operation = query.text("operation") or (operations[0] if operations else "")
    attempts = None
    if operation:
        where: Mapping[str, str] = {"operation": operation}
        by_tag = reader.rum_breakdowns("network_requests", (classroom.SEAT,), scope.window, where, _SESSIONS)
        attempts = by_tag[classroom.SEAT]
    rows = classroom.seats(found.items, attempts, scope.now_unix_nano)
    settings = context.settings()
    lab, real = _running(lab_of(settings, request.headers.get("Host", "")))
    names, refused = seat_links.names_in(query.text("names") or "")
    return render_template(
        "instructor/instructor.html",
        rows=rows,
        totals=classroom.totals(rows),
        operation=operation,
        operations=operations,
        cut=found.next_cursor is not None or found.truncated,
        counted=attempts.truncated if attempts else False,
        lab=lab,
        names=names,
        refused=refused,
        seat_rule=seat_links.RULE,
        has_lesson={row.seat for row in rows if seat_links.is_name(row.seat)},
        links=[(name, seat_links.link(lab.shop, name, settings.seat_secret)) for name in names],
        class_mode=bool(settings.seat_secret),
        real=real,
        incident=_load(lab.incident) if lab.incident in incidents.names() and lab.incident else None,
    )
