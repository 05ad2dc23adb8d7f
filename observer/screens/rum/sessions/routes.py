"""The list of sessions."""

from __future__ import annotations

from flask import redirect, render_template, request
from werkzeug.wrappers import Response

from observer.components.late_arrivals import late_notice
from observer.components.never_seen import never_seen_words
from observer.lookup.spelling import Sense, meant
from observer.request import context
from observer.request.links import filtered
from observer.request.page_request import current_scope
from observer.request.parameters import Query, spell_attribute
from observer.request.reachable_addresses import neighbours
from observer.request.reader_seat import reader_seat
from observer.request.scope import WHOSE
from observer.screens.rum.blueprint import blueprint
from observer.screens.rum.no_data import no_data
from observer.screens.rum.sessions import view
from observer.screens.rum.sessions.list_updates import counted_by, updates_address
from observer.screens.rum.sessions.typed_filters import FIELDS, TypedFilters
from signals.attributes import SEAT, SYNTHETIC
from signals.folding import fold
from store.api import SessionQuery


@blueprint.get("/rum/sessions")
@context.one_snapshot
def session_list() -> str | Response:
    """The sessions that match, or a redirect to the address that holds what the form sent."""
    query = Query(request.args, context.now_unix_nano())
    scope = current_scope()
    attributes, like = query.attributes(), query.attributes("like")
    typed = _typed(query)
    own = reader_seat().slug if context.settings().class_mode else ""
    if any(name in request.args for name in FIELDS):
        attributes, like = typed.applied_to(attributes, like, _meant)
        if not typed.problem:
            # An emptied form asks for everything, which without an argument would be the own sessions.
            seats = view.EVERYBODY if own and not attributes and not like else None
            kept = {name: query.text(name) for name in (*view.COUNTED_BY, "whose", "sort")}
            return redirect(filtered("/rum/sessions", attributes, like, **kept, seats=seats), 303)
    metric, error_id = counted_by(query)
    everybody = query.choice(view.SEATS, (view.EVERYBODY,)) is not None
    implied = bool(own) and not (attributes or like or metric or everybody)
    attributes = {SEAT: own} if implied else attributes
    selection = view.ListSelection(
        attributes=attributes,
        like=like,
        whose=query.choice("whose", WHOSE) or ("all" if SYNTHETIC in attributes else view.DEFAULT_WHOSE),
        sort=query.choice("sort", tuple(view.SORTS)) or view.DEFAULT_SORT,
        reader_seat=own,
        metric=metric,
        error_id=error_id,
        implied=implied,
    )
    reader = context.reader()
    asked = view.session_query(scope, selection, query.text("cursor"))
    page = reader.find_sessions(asked)
    shown = view.session_list_view(page, reader.count_sessions(asked), selection, scope)
    # Later pages are of the past; an empty list may yet get its first row.
    updated = not query.has("cursor")
    return render_template(
        "rum/sessions.html",
        late=late_notice(reader, scope.window),
        view=shown,
        selection=selection,
        typed=typed,
        counted_args=[(name, query.text(name)) for name in view.COUNTED_BY if query.has(name)],
        other_filters=_other_filters(selection),
        searchable=view.SEARCHABLE,
        nothing=None if shown.rows else no_data(reader.status()),
        never_seen="" if shown.rows else never_seen_words(reader, (*attributes, *like)),
        later_page=query.has("cursor"),
        updates_address=updates_address(shown.rows, selection, scope) if updated else "",
        neighbours=neighbours(),
    )


def _other_filters(selection: view.ListSelection) -> list[tuple[str, str]]:
    """The arguments that the form carries along: those that it has no field for."""
    return [
        (argument, spell_attribute(name, value))
        for argument, filters in (("attr", selection.attributes), ("like", selection.like))
        for name, value in filters.items()
        if name != SEAT
    ]


def _meant(name: str, typed: str) -> tuple[Sense, str]:
    """How a typed value is meant, among the sessions of the time range."""
    reader, window = context.reader(), current_scope().window

    def is_there(sense: Sense, value: str) -> bool:
        exact, part = ({name: value}, {}) if sense == "attr" else ({}, {name: value})
        return bool(reader.find_sessions(SessionQuery(window, attributes=exact, like=part, limit=1)).items)

    return meant(reader, name, typed, is_there)


def _typed(query: Query) -> TypedFilters:
    key, value = ((query.text(name) or "").strip() for name in ("key", "value"))
    return TypedFilters(_seat_named(query.text("seat")), key, value)


def _seat_named(typed: str | None) -> str | None:
    """The seat that somebody means: in a class the name on its page does, too, whatever its case."""
    store = context.class_store()
    if not typed or store is None:
        return typed
    name = fold(" ".join(typed.split()))
    return next((seat.slug for seat in store.seats() if name in (fold(seat.slug), fold(seat.name))), typed)
