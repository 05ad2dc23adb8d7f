"""The page of logs, its live rows, its download."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import orjson
from flask import Blueprint, Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from observer import serializers
from observer.components import updates
from observer.components.alert_bands import alerts_in
from observer.components.late_arrivals import late_notice
from observer.components.never_seen import never_seen_words
from observer.components.number_format import plural
from observer.components.related_metrics import RelatedMetrics, related_metrics
from observer.components.updates import Update
from observer.lookup.deployments import find_deployments
from observer.lookup.spelling import Sense, meant, service_meant
from observer.request import context, links
from observer.request.desk_session import hidden_from_class, seat_of_events
from observer.request.errors import Malformed
from observer.request.page_request import current_scope
from observer.request.parameters import Query, read_attribute, spell_attribute
from observer.request.reachable_addresses import neighbours
from observer.request.scope import Scope
from observer.screens.logs import filter_links, filter_syntax, row_markup, view
from observer.screens.logs.filters import Selection, read_selection
from observer.screens.logs.log_detail import detail_of
from observer.screens.logs.log_histogram import COLUMNS
from observer.screens.logs.log_rows import log_rows
from observer.screens.logs.log_window import histogram_window
from signals.log_fields import LogField, fields_of
from signals.model import Log
from store.api import LogQuery, Page, Reader, Window

blueprint = Blueprint("logs", __name__)
for _name, _filter in row_markup.FILTERS.items():
    blueprint.add_app_template_filter(_filter, _name)

DOWNLOAD_LIMIT = 100_000
_DOWNLOAD_PAGE = 1_000
_RECENT = 200
"""Recent logs that are read where none match, for their missing fields and for the searched text."""
_FIRST_ROWS = 20
"""Rows that the live tail gets where it names no log to begin after."""


def _selection() -> tuple[Query, Reader, Selection]:
    query = Query(request.args, context.now_unix_nano())
    reader = context.reader()
    return query, reader, read_selection(query, reader, current_scope())


@blueprint.get("/logs")
@context.one_snapshot
def log_page() -> str | BaseResponse:
    """Matching logs, their number over time, their fields, and one of them in full.

    A typed filter (`add`) answers with a redirect to the address that holds it.
    """
    query, reader, selection = _selection()
    scope = current_scope()
    typed, problem = query.text("add") or "", None
    if query.has("add"):
        try:
            pairs = _as_meant(filter_syntax.add_condition(query.pairs(), typed), query.pairs(), reader, scope)
        except Malformed as refused:
            problem = refused
        else:
            return redirect(links.address("/logs", pairs), 303)
    chosen = reader.log(query.text("log") or "") if query.has("log") else None
    tail = selection.tailable and scope.live and chosen is None
    # Read before the rows: a log that arrives in between is then announced twice rather than never.
    newest = reader.newest_log_id() if tail else ""
    loaded = _load(reader, selection)
    hrefs = filter_links.column_links(loaded.counted.columns, loaded.window)
    shown = view.logs_view(loaded, selection, hrefs, scope.now_unix_nano, scope.zone)
    kept = _kept(query)
    text = selection.query.text
    return render_template(
        "logs/logs.html",
        late=late_notice(reader, scope.window),
        view=shown,
        selection=selection,
        fields=[filter_links.linked_field(field) for field in shown.panel.fields],
        matching=[(field, filter_links.matching_field_link(field)) for field in shown.empty.matching]
        if shown.empty
        else [],
        detail=detail_of(chosen) if chosen else None,
        metrics=_metrics(reader, chosen) if chosen else None,
        chosen_missing=query.has("log") and chosen is None,
        newest=newest,
        tail=tail,
        updates_address=_updates_address(scope, newest) if tail and not loaded.page.items else "",
        next_cursor=loaded.page.next_cursor,
        problem=problem,
        typed=typed,
        unknown=filter_syntax.unknown_arguments(request.args),
        kept=kept,
        download=links.address("/logs/download", [*kept, *([("q", text)] if text else [])]),
        now=scope.now_unix_nano,
        zoom_out="" if scope.since else filter_links.zoom_out_link(loaded.window, scope.now_unix_nano),
        whole=filter_links.without_range_link(),
        otlp_http=neighbours().otlp_http_url,
    )


def _metrics(reader: Reader, log: Log) -> RelatedMetrics | None:
    """Those of the log's service around it."""
    return related_metrics(reader, [log.service], Window(log.time_unix_nano, log.time_unix_nano + 1))


def _as_meant(
    pairs: filter_syntax.Pairs, before: filter_syntax.Pairs, reader: Reader, scope: Scope
) -> filter_syntax.Pairs:
    """The arguments with what was typed just now spelled as it is in the telemetry."""
    return [pair if pair in before else _spelled(pair, reader, scope) for pair in pairs]


def _spelled(pair: tuple[str, str], reader: Reader, scope: Scope) -> tuple[str, str]:
    argument, text = pair
    if argument == "service":
        return argument, service_meant(reader, text)
    attribute = read_attribute(text) if argument == "attr" else None
    if attribute is None or not attribute[1]:
        return pair
    name, typed = attribute

    def is_there(sense: Sense, value: str) -> bool:
        exact, part = ({name: value}, {}) if sense == "attr" else ({}, {name: value})
        found = LogQuery(scope.window, attributes=exact, like=part, limit=1, environment=scope.environment)
        return bool(reader.find_logs(found).items)

    sense, value = meant(reader, name, typed, is_there)
    return sense, spell_attribute(name, value)


def _updates_address(scope: Scope, newest: str) -> str:
    """Where a page without rows asks for its first; the live tail begins with them."""
    pairs = [pair for pair in request.args.items(multi=True) if pair[0] != "log"]
    return updates.address(scope, "/logs/updates", [*pairs, ("after", newest)])


def _kept(query: Query) -> filter_syntax.Pairs:
    """The arguments that the search form carries along: those that are understood and not typed anew."""
    replaced = ("q", *filter_syntax.PER_LOG)
    return [pair for pair in query.pairs() if pair[0] in filter_syntax.KNOWN and pair[0] not in replaced]


def _load(reader: Reader, selection: Selection) -> view.Loaded:
    page = reader.find_logs(selection.query)
    window = histogram_window(selection, page, reader)
    counted = reader.log_histogram(replace(selection.query, window=window, cursor=None), COLUMNS)
    fields, cut = _fields(reader, selection.query, page)
    recent = page.items or reader.find_logs(LogQuery(window=Window.ALL, limit=_RECENT)).items
    status = None if page.items else reader.status()
    deployments = find_deployments(
        reader, window, selection.query.environment, hidden=hidden_from_class(), for_seat=seat_of_events()
    )
    changes = reader.changes(window, selection.query.environment)
    alerts = alerts_in(window, current_scope().zone)
    sought = selection.query
    unknown = "" if page.items else never_seen_words(reader, (*sought.attributes, *sought.like))
    return view.Loaded(
        page, window, counted, fields, cut, recent, status, deployments, changes, alerts, unknown
    )


def _fields(reader: Reader, query: LogQuery, page: Page[Log]) -> tuple[Sequence[LogField], bool]:
    """The fields of all matching logs, and whether only the newest were read.

    Where the first page holds all of them, nothing more is read.
    """
    if query.cursor is None and len(page.items) < query.limit:
        return fields_of(page.items), page.truncated
    return reader.log_fields(replace(query, cursor=None))


@blueprint.get("/logs/rows")
def log_rows_after() -> str:
    """Rows that arrived after `after`, newest first: the live tail."""
    query, reader, selection = _selection()
    scope = current_scope()
    newest = int(reader.newest_log_id())
    after = query.text("after")
    if after:
        page = reader.find_logs(replace(selection.query, after=after, cursor=None))
    else:
        page = replace(reader.find_logs(replace(selection.query, limit=_FIRST_ROWS)), next_cursor=None)
    numbers = [int(log.log_id) for log in page.items]
    ended = page.next_cursor is None
    # All logs up to the newest were searched: those that did not match need not be searched again.
    cursor = max([newest, *numbers]) if ended else max(numbers, default=0)
    begin = scope.window.from_unix_nano
    fresh = sorted(
        (log for log in page.items if log.time_unix_nano >= begin),
        key=lambda log: (log.time_unix_nano, int(log.log_id)),
        reverse=True,
    )
    return render_template(
        "logs/rows.html",
        table=log_rows(fresh, scope.window, scope.now_unix_nano, scope.zone),
        cursor=cursor or after or "",
        more=not ended and bool(numbers),
        lost=not ended and not numbers,
    )


@blueprint.get("/logs/updates")
def log_updates() -> Response:
    """How many logs of a page that had none arrived after `after`, up to a page of them."""
    query, reader, selection = _selection()
    page = reader.find_logs(replace(selection.query, after=query.text("after") or "0", cursor=None))
    begin = selection.query.window.from_unix_nano
    number = sum(log.time_unix_nano >= begin for log in page.items)
    more = page.next_cursor is not None
    words = f"more than {number} new logs" if more else plural(number, "new log")
    return updates.answer(Update(max(number, int(more)), words))


@blueprint.get("/logs/download")
def download() -> Response:
    """Every matching log as one JSON object per line, newest first, up to DOWNLOAD_LIMIT.

    Raises Malformed for an argument that is not understood: a file cannot show that a filter was ignored.
    """
    query, reader, selection = _selection()
    query.refuse_unknown(filter_syntax.KNOWN)
    answer = Response(_json_lines(reader, selection.query), mimetype="application/x-ndjson")
    answer.headers["Content-Disposition"] = 'attachment; filename="logs.ndjson"'
    return answer


def _json_lines(reader: Reader, query: LogQuery) -> Iterator[bytes]:
    cursor: str | None = None
    written = 0
    while written < DOWNLOAD_LIMIT:
        page = reader.find_logs(replace(query, limit=_DOWNLOAD_PAGE, cursor=cursor))
        for log in page.items:
            yield orjson.dumps(serializers.log(log), default=str, option=orjson.OPT_APPEND_NEWLINE)
        written += len(page.items)
        cursor = page.next_cursor
        if cursor is None:
            return
    note = f"the first {DOWNLOAD_LIMIT} logs; narrow the time range for the rest"
    yield orjson.dumps({"cut": note}) + b"\n"
