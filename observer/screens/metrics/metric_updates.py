"""Which metrics have newer points than a page knows: the addresses that ask, and their endpoint."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from flask import Response, request

from observer.components import updates
from observer.components.number_format import plural
from observer.components.updates import Update
from observer.request import context
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.request.scope import Scope
from observer.screens.metrics import metric_name
from observer.screens.metrics.blueprint import blueprint
from observer.screens.metrics.selection import read_selection
from store.api import MetricName, Window

_PATH: Final = "/metrics/-/updates"
_MOST: Final = 1_000


def list_address(scope: Scope, known: Sequence[MetricName]) -> str:
    """The address that counts the metrics of the list with points newer than these."""
    return _address(scope, known, [])


def metric_address(scope: Scope, name: str, known: Sequence[MetricName]) -> str:
    """The same of one metric: the series that fit the page's filters."""
    return _address(scope, known, [("of", "one"), *metric_name.name_args(name).items()])


def _address(scope: Scope, known: Sequence[MetricName], pairs: list[tuple[str, str]]) -> str:
    newest = max((each.last_unix_nano for each in known), default=scope.now_unix_nano)
    # A point of the future would hide all that comes until then.
    after = min(newest, scope.now_unix_nano)
    own = [pair for pair in request.args.items(multi=True) if pair[0] not in ("name", "digest")]
    return updates.address(scope, _PATH, [*own, *pairs, ("after", str(after))])


@blueprint.get(_PATH)
def metric_updates() -> Response:
    """Of how many metrics, or series of one metric, there are points after `after`."""
    query = Query(request.args, context.now_unix_nano())
    after = query.whole("after", 0, 0, Window.ALL.to_unix_nano - 2)
    fresh = Window(after + 1, Window.ALL.to_unix_nano)
    reader, scope = context.reader(), current_scope()
    if query.has("of"):
        name = metric_name.name_of(reader, query, metric_name.BY_ARGUMENT)
        selection = read_selection(query, name, scope).query
        found, more = reader.metric_latest(replace(selection, window=fresh), _MOST)
        words = f"new points of {plural(len(found), 'series', 'series')}"
        return updates.answer(Update(len(found), f"{words} or more" if more else words))
    names, _ = reader.metric_names(fresh, query.text("service"), query.text("q"), _MOST, scope.environment)
    return updates.answer(Update(len(names), f"new points of {plural(len(names), 'metric')}"))
