"""The page of a lesson."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, current_app, make_response, render_template, request

import incidents
from incidents.checks import Ask, NoAnswer
from incidents.model import Source
from observer.components import seat_links
from observer.lookup.lab_status import Lab, lab_of
from observer.lookup.running_lab import running_lab, usable_incidents
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
    typed = request.args.get("seat")
    seat = seat_links.chosen(typed, request.cookies.get(seat_links.COOKIE, ""))
    usable, malformed = usable_incidents()
    name = _incident_name(lab, usable, malformed)
    began = began_unix_nano(context.settings(), context.now_unix_nano())
    given: dict[str, str | int] = {"shop": lab.shop, "began": began}
    if seat:
        given["seat"] = seat
    shop_link = seat_links.link(lab.shop, seat, context.settings().seat_secret)
    found = progress(usable[name], given, _api_client() if seat else None)
    page = make_response(
        render_template(
            "workshop/workshop.html",
            lab=lab,
            seat=seat,
            known_running=lab.incident is not None,
            shop_link=shop_link,
            view=view.build(found, name, seat, shop_link, list(usable.items())),
            malformed=malformed,
        )
    )
    if typed is not None:
        seat_links.remember_seat(page, seat)
    return page


def _incident_name(lab: Lab, usable: Mapping[str, incidents.Incident], malformed: Sequence[str]) -> str:
    """The incident of the page: the named, the running or the default one, or the first that can be used."""
    named = request.args.get("incident") or ""
    if named in usable:
        return named
    if named or not usable:
        why = next((problem for problem in malformed if problem.startswith(f"{named}.toml:")), "")
        known = ", ".join(usable)
        raise Unknown(why or f"There is no incident named {named[:60]}.", f"Choose one of: {known}.")
    if lab.incident in usable and lab.incident:
        return lab.incident
    return incidents.DEFAULT if incidents.DEFAULT in usable else next(iter(usable))


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
