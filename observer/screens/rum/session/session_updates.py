"""What has arrived of a session since its screen was drawn: the address that asks, the endpoint."""

from __future__ import annotations

from flask import Response, request

from observer.components import number_format as formats, updates
from observer.components.updates import Update
from observer.lookup.sessions import find_session
from observer.request import context
from observer.request.parameters import Query
from observer.request.scope import Scope
from observer.screens.rum.blueprint import blueprint
from store.api import SessionSummary

_OVER_NS = 900 * 10**9
"""A session whose browser was silent for this long has ended: no new events are announced."""


def updates_address(summary: SessionSummary, events: int, failures: int, scope: Scope) -> str:
    """The address that counts what has arrived since; empty where updates are paused or none can arrive."""
    end = summary.start_unix_nano + summary.duration_ns
    if scope.now_unix_nano - end > _OVER_NS:
        return ""
    # Summary and events are read one after the other: the larger count is what the page shows.
    seen = max(summary.events, events)
    failed = max(summary.errors + summary.network_errors, failures)
    pairs = [("id", summary.session_id), ("events", str(seen)), ("errors", str(failed))]
    return updates.address(scope, "/rum/session-updates", pairs)


@blueprint.get("/rum/session-updates")
def session_page_updates() -> Response:
    """How many events of the session `id` arrived after the first `events`, `errors` of which had failed."""
    query = Query(request.args, context.now_unix_nano())
    summary = find_session(context.reader(), query.text("id") or "")
    more = summary.events - query.whole("events", 0, 0, 2**31)
    failed = summary.errors + summary.network_errors - query.whole("errors", 0, 0, 2**31)
    words = formats.plural(more, "more event")
    if failed > 0:
        words += f", {formats.plural(min(failed, more), 'error')}"
    return updates.answer(Update(max(0, more), words))
