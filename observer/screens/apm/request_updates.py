"""Which requests have begun since a page of APM was drawn: the address that asks, and its endpoint."""

from __future__ import annotations

from collections.abc import Mapping

from flask import Response, request

from observer.components import updates
from observer.components.number_format import plural
from observer.components.updates import Update
from observer.request import context
from observer.request.page_request import current_scope
from observer.request.parameters import Query, spell_attribute
from observer.request.scope import Scope
from observer.screens.apm.blueprint import blueprint
from store.api import Reader, Window

_LATE_NS = 60 * 10**9
"""Requests that began up to this long before a page was drawn may arrive after it."""
_WHOLE_NS = 10 * 10**9
"""The requests are counted from a multiple of this on: a store that keeps sums has one of this length."""


def updates_address(
    reader: Reader, scope: Scope, service: str | None = None, where: Mapping[str, str] | None = None
) -> str:
    """The address that counts the requests since a page was drawn; empty where updates are paused.

    Those of one service, or of all; `where` holds indexed attributes.
    """
    if not scope.live:
        return ""
    after = (scope.now_unix_nano - _LATE_NS) // _WHOLE_NS * _WHOLE_NS
    counted = _requests(reader, after, scope.environment, service, where or {})
    pairs = [("service", service or ""), ("after", str(after)), ("counted", str(counted))]
    pairs += [("attr", spell_attribute(name, value)) for name, value in (where or {}).items()]
    return updates.address(scope, "/apm/updates", pairs)


@blueprint.get("/apm/updates")
def request_updates() -> Response:
    """How many more requests there are since `after` than the page had counted when it was drawn."""
    query = Query(request.args, context.now_unix_nano())
    after = query.whole("after", 0, 0, Window.ALL.to_unix_nano - 1)
    found = _requests(
        context.reader(), after, current_scope().environment, query.text("service"), query.attributes()
    )
    more = max(0, found - query.whole("counted", 0, 0, 2**53))
    return updates.answer(Update(more, plural(more, "new request")))


def _requests(
    reader: Reader, after: int, environment: str | None, service: str | None, where: Mapping[str, str]
) -> int:
    window = Window(after, Window.ALL.to_unix_nano)
    if where:
        points = reader.series(service, window, 1, environment=environment, where=where)
        return sum(point.measure.requests for point in points)
    found = reader.services(window, environment, exact=False)
    return sum(measure.requests for name, measure in found.items() if service in (None, name))
