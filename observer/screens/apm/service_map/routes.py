"""The page of the service map."""

from __future__ import annotations

from flask import render_template, request

from observer.components.compared import load_compared
from observer.request import context
from observer.request.links import here
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.screens.apm.blueprint import blueprint
from observer.screens.apm.data_time import load_data_time
from observer.screens.apm.impact_line import impact_line
from observer.screens.apm.metric_place import place_of
from observer.screens.apm.neighbours import neighbours
from observer.screens.apm.request_updates import updates_address
from observer.screens.apm.service_map import node_panel, view
from observer.screens.apm.service_map.node_queries import load_node
from observer.screens.apm.service_map.slow_edges import NO_COMPARISON, slow_edges
from observer.screens.apm.service_metrics import COMPACT, names_of


@blueprint.get("/apm")
@context.one_snapshot
def service_map() -> str:
    """The service map, and the panel of the selected node."""
    reader = context.reader()
    scope = current_scope()
    query = Query(request.args, context.now_unix_nano())
    found = reader.service_map(scope.window, scope.environment)
    selected = query.text("service")
    node = next((node for node in found.nodes if node.service == selected), None)
    hops = query.whole("hops", 0, 0, view.MAX_HOPS) if node else 0
    panel = impact = metrics = None
    before = reader.service_map(scope.window.before(), scope.environment) if found.edges else None
    if node:
        _, impact = impact_line(reader, scope, query)
        around = neighbours(found, node.service)
        names, more_names = names_of(reader, node.service, scope)
        metrics = place_of(node.service, names, more=more_names, form=COMPACT)
        panel = node_panel.build(node, around, load_node(reader, scope, node, around, query.text("tag")))
    return render_template(
        "apm/map.html",
        view=view.build(
            found,
            lambda name: here(service=name, tag=None),
            selected if node else None,
            query.choice("size", ("fit", "full")),
            hops,
            slow_edges(found, before, load_compared(reader, scope)) if before else NO_COMPARISON,
        ),
        panel=panel,
        impact=impact,
        metrics=metrics,
        data_time=load_data_time(reader, scope),
        missing=selected if selected and not node else None,
        hops=hops,
        updates_address=updates_address(reader, scope),
    )
