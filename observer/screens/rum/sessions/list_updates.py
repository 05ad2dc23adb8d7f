"""Which sessions are new since the list was drawn, or have new errors: the address, and its endpoint."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from flask import Response, request

from observer.components import updates
from observer.components.number_format import plural
from observer.components.session_rows import SessionRow
from observer.components.updates import Update
from observer.request import context
from observer.request.page_request import current_scope
from observer.request.parameters import Query, spell_attribute
from observer.request.scope import WHOSE, Scope
from observer.screens.rum.blueprint import blueprint
from observer.screens.rum.metrics import BY_NAME
from observer.screens.rum.sessions.view import (
    DEFAULT_SORT,
    DEFAULT_WHOSE,
    PAGE_SIZE,
    ListSelection,
    session_query,
)
from store.api import RumMetric, SessionSummary, Window


def updates_address(rows: Sequence[SessionRow], selection: ListSelection, scope: Scope) -> str:
    """The address that counts what is new to a reader who sees these rows; empty where updates are paused."""
    # On a list of the newest, every session that is younger than its last row and not among
    # its rows is new, however late it arrived. In any other order only later sessions are.
    after = scope.now_unix_nano
    if selection.sort == DEFAULT_SORT:
        after = rows[-1].start_unix_nano if len(rows) >= PAGE_SIZE else 0
    pairs = [("whose", selection.whose), ("after", str(after)), ("seen", seen_of(rows))]
    pairs += [("metric", selection.metric or ""), ("error_id", selection.error_id)]
    pairs += [("attr", spell_attribute(name, value)) for name, value in selection.attributes.items()]
    return updates.address(scope, "/rum/sessions/updates", pairs)


def counted_by(query: Query) -> tuple[RumMetric | None, str]:
    """The metric, and the group of errors, whose sessions an address asks for. Raises Malformed."""
    error_id = query.text("error_id") or ""
    name = query.choice("metric", tuple(BY_NAME)) or ("js_errors" if error_id else None)
    metric = BY_NAME[name].name if name else None
    return metric, error_id if metric == "js_errors" else ""


@blueprint.get("/rum/sessions/updates")
def session_list_updates() -> Response:
    """How many sessions of this list are new to the reader, or have new errors."""
    query = Query(request.args, context.now_unix_nano())
    scope = current_scope()
    after = query.whole("after", 0, 0, Window.ALL.to_unix_nano - 1)
    whose = query.choice("whose", WHOSE) or DEFAULT_WHOSE
    metric, error_id = counted_by(query)
    selection = ListSelection(query.attributes(), whose, DEFAULT_SORT, metric=metric, error_id=error_id)
    newest = session_query(scope, selection, None)
    found = context.reader().find_sessions(newest).items
    return updates.answer(update_of(found, query.text("seen") or "", after))


def seen_of(rows: Sequence[SessionRow]) -> str:
    """What a page shows, in short: each session's mark and the number of its errors."""
    return ",".join(f"{_mark(row.session_id)}.{row.errors + row.network_errors}" for row in rows)


def update_of(summaries: Sequence[SessionSummary], seen: str, after_unix_nano: int) -> Update:
    """How many sessions are new since a page was drawn or have more errors, with the announcement.

    `seen` comes from `seen_of`. A session that is not in it is new if it began after
    `after_unix_nano`: on a page that does not show the newest, older ones are not new.
    """
    known = dict(part.split(".", 1) for part in seen.split(",") if "." in part)
    fresh = failing = 0
    for summary in summaries:
        before = known.get(_mark(summary.session_id))
        if before is None:
            fresh += summary.start_unix_nano > after_unix_nano
        elif before.isdecimal() and summary.errors + summary.network_errors > int(before[:9]):
            failing += 1
    more = "+" if fresh >= PAGE_SIZE else ""
    words = [f"{fresh}{more} new session{'' if fresh == 1 else 's'}"] if fresh else []
    if failing:
        words.append(f"new errors in {plural(failing, 'session')}")
    return Update(fresh + failing, ", ".join(words))


def _mark(session_id: str) -> str:
    return hashlib.blake2s(session_id.encode("utf-8", "replace"), digest_size=4).hexdigest()
