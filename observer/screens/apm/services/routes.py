"""The page of the list of services."""

from __future__ import annotations

from flask import render_template, request

from observer.components import table_sort
from observer.request import context
from observer.request.links import here
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.screens.apm.blueprint import blueprint
from observer.screens.apm.request_updates import updates_address
from observer.screens.apm.services import view


@blueprint.get("/apm/services")
def services() -> str:
    """Every service with its rate, errors and duration."""
    reader, scope = context.reader(), current_scope()
    sort = table_sort.sort_of(Query(request.args, context.now_unix_nano()))
    found = reader.service_map(scope.window, scope.environment)
    return render_template(
        "apm/services.html",
        view=view.build(found, sort, scope.window),
        columns=sort.columns("Service", here),
        updates_address=updates_address(reader, scope),
    )
