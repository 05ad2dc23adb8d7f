"""Tag Spotlight for APM: a service's requests, errors and latency by the values of each attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from flask import render_template, request

from observer.components import measure_charts
from observer.request import context
from observer.request.links import address
from observer.request.page_request import current_scope
from observer.request.parameters import Query, read_attribute, spell_attribute
from observer.request.time_range import range_args
from observer.screens.apm.blueprint import blueprint
from observer.screens.apm.spotlight.tag_ranking import rank, says_something, usual_first
from store.api import Measure

EVERY_SERVICE = "*"
"""What stands in an address for all services at once; without a service, it is the worst."""
_COLUMNS = 60
_CARD_VALUES = 8
_CARDS = 12
_CARDS_WHEN_SCANNING = 6
"""Cards shown while filters make each of them a scan."""


@blueprint.get("/apm/tags")
def tags() -> str:
    """The tags of one service, those that tell its errors apart first."""
    reader = context.reader()
    scope = current_scope()
    query = Query(request.args, context.now_unix_nano())
    services = reader.services(scope.window, scope.environment)
    name = query.text("service") or _worst(services)
    if name == EVERY_SERVICE:
        name = None
    where = query.attributes()
    asked = [tag.strip() for tag in query.texts("tag") if tag.strip()][:4]
    known = reader.tags(scope.window)
    wanted = _in_order(known, asked, where)
    most = _CARDS_WHEN_SCANNING if where else _CARDS
    shown = wanted[: max(most, len(asked))]
    cards = reader.breakdowns(name, shown, scope.window, where, _CARD_VALUES + 1, scope.environment)
    telling = [card for card in cards.values() if card.tag in asked or says_something(card)]
    narrowed = where.keys() <= set(known)
    points = reader.series(
        name,
        scope.window,
        _COLUMNS,
        environment=scope.environment,
        where=where if narrowed else None,
    )
    return render_template(
        "apm/tags.html",
        service=name,
        every=EVERY_SERVICE,
        services=sorted(services),
        where=where,
        metric=query.choice("metric", ("requests", "errors", "root", "p90")) or "requests",
        cards=sorted(
            telling, key=lambda card: (card.tag not in asked, *rank(card))
        ),  # stable: else as `wanted` has them
        limit=_CARD_VALUES,
        not_shown=[tag for tag in wanted if tag not in shown],
        charts=measure_charts.over_time(points, scope.window, scope.zone, name or "all services"),
        without=_without(where),
        with_filter=_with_filter,
        traces_href=_traces_href(name, where),
        all_values_href=partial(_all_values_href, name, where),
        amount=_amount,
        charts_unfiltered=not narrowed,
    )


def _worst(services: Mapping[str, Measure]) -> str | None:
    """The service in which most errors began, else the busiest; None where there is none."""
    ranked = sorted(services.items(), key=lambda pair: (-pair[1].origin_errors, -pair[1].requests, pair[0]))
    return ranked[0][0] if ranked else None


def _in_order(known: Sequence[str], asked: Sequence[str], where: Mapping[str, str]) -> list[str]:
    ranked = dict.fromkeys([*asked, *usual_first(known)])
    return [tag for tag in ranked if tag in asked or tag not in where]


def _amount(measure: Measure, metric: str) -> float:
    """The number that a card's bars compare."""
    if metric == "errors":
        return measure.errors
    if metric == "root":
        return measure.origin_errors
    if metric == "p90":
        return measure.latency.p90_ns or 0
    return measure.requests


def _with_filter(tag: str, value: str) -> str:
    """This page's address with one more filter."""
    pairs = [(key, text) for key, text in request.args.items(multi=True) if key not in ("cursor", "tag")]
    return address(request.path, [*pairs, ("attr", spell_attribute(tag, value))])


def _traces_href(name: str | None, where: Mapping[str, str]) -> str:
    """The traces of which any span carries what is filtered by; what is not set cannot be asked for there."""
    pairs = [("attr", spell_attribute(key, value)) for key, value in where.items() if value]
    if name:
        pairs.append(("service", name))
    return address("/apm/traces", [*pairs, *current_scope().args().items()])


def _all_values_href(name: str | None, where: Mapping[str, str], tag: str) -> str:
    """The API's answer for one card, which is not cut at the busiest values."""
    scope = current_scope()
    span = {"since": scope.since} if scope.since else range_args(scope.window)
    wanted = {"tag": tag, "service": name, "environment": scope.environment, **span}
    pairs = [(key, value) for key, value in wanted.items() if value]
    return address("/api/v1/apm/tags", [*pairs, *(("attr", spell_attribute(k, v)) for k, v in where.items())])


def _without(where: Mapping[str, str]) -> dict[str, str]:
    """For each filter, this page's address without it."""
    pairs = [(key, value) for key, value in request.args.items(multi=True) if key != "cursor"]
    return {
        name: address(
            request.path, [p for p in pairs if p[0] != "attr" or read_attribute(p[1]) != (name, value)]
        )
        for name, value in where.items()
    }
