"""What has been measured since the overview or Tag Spotlight was drawn: the address, and its endpoint."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, request

from observer.components import traffic_filter, updates
from observer.components.number_format import plural
from observer.components.updates import Update
from observer.request import context
from observer.request.page_request import current_scope
from observer.request.parameters import Query, spell_attribute
from observer.request.scope import WHOSE, Scope
from observer.screens.rum.blueprint import blueprint
from observer.screens.rum.metrics import BY_NAME, METRICS
from store.api import Measure, Reader, RumMetric, Window

_LATE_NS = 60 * 10**9
"""Telemetry that began up to this long before a page was drawn may arrive after it."""
_UPDATES: Mapping[str, str] = {"page_views": "page view", "js_errors": "JavaScript error"}
"""The metrics that are announced by name; the others are summed up as measurements."""


def updates_address(
    scope: Scope,
    reader: Reader,
    attributes: Mapping[str, str],
    where: Mapping[str, str] | None,
    whose: str,
    only: str | None = None,
) -> str:
    """The address that counts what has arrived since a page was drawn; empty where updates are paused.

    It carries the counts that the page knows; `only` names the one metric that the page shows.
    """
    if not scope.live:
        return ""
    after = scope.now_unix_nano - _LATE_NS
    here = reader.rum_measures(Window(after, Window.ALL.to_unix_nano), where)
    counts = ".".join(str(_count(here, metric.name)) for metric in METRICS)
    pairs = [("whose", whose), ("metric", only or ""), ("after", str(after)), ("counted", counts)]
    pairs += [("attr", spell_attribute(name, value)) for name, value in attributes.items()]
    return updates.address(scope, "/rum/updates", pairs)


def _count(measures: Mapping[RumMetric, Measure], name: RumMetric) -> int:
    return measures[name].requests if name in measures else 0


@blueprint.get("/rum/updates")
def metric_updates() -> Response:
    """How much more was measured since `after` than the page had counted when it was drawn."""
    query = Query(request.args, context.now_unix_nano())
    scope = current_scope()
    whose = query.choice("whose", WHOSE) or "all"
    where = traffic_filter.conditions(scope.environment, query.attributes(), whose)
    after = query.whole("after", 0, 0, Window.ALL.to_unix_nano - 1)
    measures = context.reader().rum_measures(Window(after, Window.ALL.to_unix_nano), where)
    counted = [int(text[:18]) for text in (query.text("counted") or "").split(".") if text.isdecimal()]
    counted += [0] * (len(METRICS) - len(counted))
    more: Mapping[RumMetric, int] = {
        metric.name: max(0, _count(measures, metric.name) - was)
        for metric, was in zip(METRICS, counted, strict=False)
    }
    only = query.choice("metric", tuple(BY_NAME))
    if only:
        more = {name: number for name, number in more.items() if name == only}
    return updates.answer(update_of(more))


def update_of(more: Mapping[RumMetric, int]) -> Update:
    """How much has arrived in all, announced as page views and errors by name, else as a sum."""
    named = [plural(more[name], f"new {_UPDATES[name]}") for name in more if name in _UPDATES and more[name]]
    number = sum(more.values())
    if not named and number:
        named = [plural(number, "new measurement")]
    return Update(number, ", ".join(named))
