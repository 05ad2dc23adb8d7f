"""The page of a lesson."""

from __future__ import annotations

import json
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request

import incidents
from incidents.checks import Ask, NoAnswer
from incidents.model import Source
from observer.components import seat_links
from observer.lookup.lab_status import Lab, lab_of
from observer.lookup.running_lab import load_incident, running_lab
from observer.request import context
from observer.request.errors import Unknown
from observer.screens.workshop import view
from observer.screens.workshop.incident_start import began_unix_nano
from observer.screens.workshop.progress import progress

blueprint = Blueprint("workshop", __name__)


@blueprint.get("/workshop")
def lesson() -> Response:
    """The lesson of an incident, with the telemetry of one seat that has arrived."""
    lab = running_lab(lab_of(context.settings(), request.headers.get("Host", "")))[0]
    seat = seat_links.page_seat()
    name = _incident_name(lab)
    began = began_unix_nano(context.settings(), context.now_unix_nano())
    given: dict[str, str | int] = {"shop": lab.shop, "began": began}
    if seat.slug:
        given["seat"] = seat.slug
    shop_link = seat_links.shop_link(lab.shop, seat)
    lessons = [(each, load_incident(each)) for each in incidents.names()]
    found = progress(load_incident(name), given, _api_client() if seat.slug else None)
    page = make_response(
        render_template(
            "workshop/workshop.html",
            lab=lab,
            seat=seat,
            known_running=lab.incident is not None,
            shop_link=shop_link,
            view=view.build(found, name, seat.slug, shop_link, lessons),
        )
    )
    seat_links.keep(page, seat)
    return page


def _incident_name(lab: Lab) -> str:
    named = request.args.get("incident") or ""
    if named and named not in incidents.names():
        known = ", ".join(incidents.names())
        raise Unknown(f"There is no incident named {named[:60]}.", f"Choose one of: {known}.")
    if named:
        return named
    running = lab.incident or ""
    return running if running in incidents.names() else incidents.DEFAULT


def _api_client() -> Ask:
    """A function that requests an address of this application's own JSON API, each address once."""
    client = current_app.test_client()
    answers: dict[str, Any] = {}

    def ask(source: Source, path: str) -> Any:
        if source is not Source.API:
            raise NoAnswer("only the visitor can see it")
        if path not in answers:
            answer = client.get(path)
            answers[path] = json.loads(answer.data) if answer.status_code == 200 else answer.status_code
        found = answers[path]
        if isinstance(found, int):
            raise NoAnswer("nothing of it has arrived yet" if found == 404 else f"the API answered {found}")
        return found

    return ask
