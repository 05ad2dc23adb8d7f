"""The addresses of sessions: asks the reader, hands view-models to templates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Response, jsonify, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from observer.request import context
from observer.request.links import filtered
from observer.request.page_request import current_scope
from observer.request.parameters import Query, spell_attribute
from observer.request.reachable_addresses import neighbours
from observer.screens.rum.blueprint import blueprint
from observer.screens.rum.sessions import view as many
from observer.screens.rum.traffic_filter import SYNTHETIC
from store.api import Window


def _query() -> Query:
    return Query(request.args, context.now_unix_nano())


@blueprint.get("/rum/sessions")
def session_list() -> str | BaseResponse:
    """Sessions that match, seat first."""
    query = _query()
    scope = current_scope()
    attributes = dict(query.attributes())
    key, value = ((query.text(name) or "").strip() for name in ("key", "value"))
    unfinished = many.unfinished(key, value)
    if any(name in request.args for name in ("seat", "key", "value")):
        if not unfinished:
            return redirect(_with_typed_filters(query, attributes), 303)
        _typed(attributes, many.SEAT, query.text("seat"))
    whose = query.choice("whose", many.WHOSE) or ("all" if SYNTHETIC in attributes else "people")
    sort = query.choice("sort", tuple(many.SORTS)) or "newest"
    page = context.reader().find_sessions(many.query_of(scope, attributes, whose, sort, query.text("cursor")))
    rows = many.rows_of(page.items)
    # Later pages are of the past; a list that is narrowed to nothing may yet get its first row.
    told = scope.live and not query.has("cursor")
    return render_template(
        "rum/sessions.html",
        rows=rows,
        attributes=attributes,
        others=[spell_attribute(k, v) for k, v in attributes.items() if k != many.SEAT],
        whose=whose,
        sort=sort,
        sorted_words=many.SORT_WORDS[sort],
        heads=many.heads(sort),
        page=page,
        searchable=many.SEARCHABLE,
        seat=attributes.get(many.SEAT, ""),
        typed=(key, value),
        unfinished=unfinished,
        nearest=None if rows else context.reader().status(),
        news=_news_address(rows, attributes, whose, sort, scope.now_unix_nano) if told else "",
        neighbours=neighbours(),
    )


def _news_address(
    rows: Sequence[many.Row], attributes: Mapping[str, str], whose: str, sort: str, now_unix_nano: int
) -> str:
    # Whatever a list of the newest lacks and is younger than its last row is new, however late it came.
    after = now_unix_nano
    if sort == "newest":
        after = rows[-1].start_unix_nano if len(rows) >= many.PAGE_SIZE else 0
    return filtered("/rum/sessions/news", attributes, whose=whose, after=str(after), seen=many.seen_of(rows))


def _typed(attributes: dict[str, str], name: str, value: str | None) -> None:
    """Take over what was typed for an attribute; nothing takes its filter away."""
    if name:
        attributes.pop(name, None)
    if name and value and value.strip():
        attributes[name] = value.strip()


def _with_typed_filters(query: Query, attributes: dict[str, str]) -> str:
    """The address that says in `attr` what was typed into the fields; an empty seat takes its filter away."""
    _typed(attributes, many.SEAT, query.text("seat"))
    _typed(attributes, (query.text("key") or "").strip(), query.text("value"))
    return filtered("/rum/sessions", attributes, whose=query.text("whose"), sort=query.text("sort"))


@blueprint.get("/rum/sessions/news")
def session_news() -> Response:
    """How many sessions of this list are new to the reader, or have new errors."""
    query = _query()
    scope = current_scope()
    after = query.whole("after", 0, 0, Window.ALL.to_unix_nano)
    whose = query.choice("whose", many.WHOSE) or "people"
    wanted = many.query_of(scope, query.attributes(), whose, "newest", None)
    found = context.reader().find_sessions(wanted).items
    number, words = many.news_of(found, query.text("seen") or "", after)
    return jsonify(count=number, words=words)
