"""The API's routes of alerts and detectors, and what people may do to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from alerting import (
    ALERT_STATES,
    SEVERITIES,
    Alert,
    AlertFile,
    AlertQuery,
    Condition,
    Detector,
    Rule,
    Signal,
    Silence,
    Transition,
)
from observer import serializers
from observer.api.alert_schemas import ALERT, DETECTOR, EVALUATOR, SILENCE, TRANSITION
from observer.api.common_parameters import WINDOW, limit, limit_of
from observer.api.routing import Parameter, post_route, route
from observer.api.schemas import TRUNCATED, boolean, list_of, map_of, record, text, whole
from observer.lookup.alert_origin import Origin, origin_of
from observer.lookup.alerting_state import alerting_state
from observer.request import alert_links, context
from observer.request.desk_session import TOKEN_FIELD, desk_only_api
from observer.request.errors import Malformed, Unavailable, Unknown, refuse, shortened
from observer.request.parameters import Query
from runtime.installation import COMMAND

_NO_DATA: Final = "no_data"
_LIMIT: Final = 200
_MOST_ORIGINS: Final = 20
"""Alerts of a list whose first trace and session are looked up: those that come first."""
_LONGEST_MINUTES: Final = 7 * 24 * 60
_DESK: Final = "desk"
_MACHINE: Final = "somebody at this machine"


@route(
    "/alerts",
    record(
        {
            "alerts": list_of(ALERT, "firing, then pending, then resolved; in each the newest begin first"),
            "truncated": TRUNCATED,
            "evaluator": EVALUATOR,
        }
    ),
    tag="alerts",
    parameters=(
        Parameter(
            "state",
            "`no_data`: open alerts whose newest evaluation had no data; repeat it for several",
            text(words=(*ALERT_STATES, _NO_DATA)),
            repeated=True,
        ),
        Parameter("severity", "repeat it for several", text(words=SEVERITIES), repeated=True),
        Parameter("detector", "a rule's name", text()),
        *WINDOW,
        limit(_LIMIT),
    ),
)
def alerts(query: Query) -> serializers.Plain:
    """Alerts that were open in the time range."""
    now = context.now_unix_nano()
    file = context.alert_file()
    chosen = _alert_query(query)
    found, more = file.alerts(chosen, now) if file else ([], False)
    rules = _rules(file, now)
    return {
        "alerts": [
            _alert(each, rules.get(each.detector), now, look_up=place < _MOST_ORIGINS)
            for place, each in enumerate(found)
        ],
        "truncated": more,
        "evaluator": _evaluator(file, now),
    }


@route(
    "/alerts/<alert_id>",
    record({"alert": ALERT, "history": list_of(TRANSITION, "oldest first")}),
    tag="alerts",
    path_help={"alert_id": "the alert's id"},
)
def alert(_query: Query, alert_id: str) -> serializers.Plain:
    """One alert, with its history."""
    now = context.now_unix_nano()
    file = context.alert_file()
    found = file.alert(alert_id, now) if file else None
    if file is None or found is None:
        raise _unknown_alert(alert_id)
    rule = _rules(file, now).get(found.detector) or _rule_of(file, found.detector, now)
    return {
        "alert": _alert(found, rule, now, look_up=True),
        "history": [_transition(each) for each in file.history(found.alert_id)],
    }


@route(
    "/detectors",
    record({"detectors": list_of(DETECTOR, "by name"), "evaluator": EVALUATOR}),
    tag="alerts",
)
def detectors(_query: Query) -> serializers.Plain:
    """Rules with the state of their groups, and why a file cannot be used."""
    now = context.now_unix_nano()
    file = context.alert_file()
    found = file.detectors(now) if file else []
    return {"detectors": [_detector(each) for each in found], "evaluator": _evaluator(file, now)}


@post_route(
    "/alerts/<alert_id>/acknowledge",
    record({"alert": ALERT}),
    body={"type": "object", "properties": {"note": text(), "by": text("who; the desk by default")}},
    tag="alerts",
    path_help={"alert_id": "the alert's id"},
)
@desk_only_api
def acknowledge_alert(body: Mapping[str, object], alert_id: str) -> serializers.Plain:
    """Note that somebody has seen an alert."""
    _check(body, ("note", "by"))
    now = context.now_unix_nano()
    file = _file()
    found = file.acknowledge(alert_id, _by(body), _text(body, "note"), now)
    if found is None:
        raise _unknown_alert(alert_id)
    return {"alert": _alert(found, _rule_of(file, found.detector, now), now, look_up=False)}


@post_route(
    "/detectors/<name>/silence",
    record({"silence": SILENCE}),
    body={
        "type": "object",
        "required": ["minutes"],
        "properties": {
            "minutes": whole(f"1 to {_LONGEST_MINUTES}"),
            "labels": map_of(text(), "of the alerts that are meant; all of the rule by default"),
            "note": text(),
            "by": text("who; the desk by default"),
        },
    },
    tag="alerts",
    path_help={"name": "the rule's name"},
)
@desk_only_api
def silence_detector(body: Mapping[str, object], name: str) -> serializers.Plain:
    """Evaluate and show alerts of a rule, and send none, for some minutes."""
    _check(body, ("minutes", "labels", "note", "by"))
    now = context.now_unix_nano()
    file = _file()
    if file.detector(name, now) is None:
        raise Unknown(f"There is no rule {shortened(name)!r}.", "GET /api/v1/detectors lists them.")
    until = now + _minutes(body) * 60 * 10**9
    made = file.silence(name, until, _by(body), _text(body, "note"), now, _labels(body))
    return {"silence": _silence(made)}


@post_route(
    "/silences/<silence_id>/end",
    record({"ended": boolean("it was in force")}),
    body=record({}),
    tag="alerts",
    path_help={"silence_id": "the silence's number"},
)
@desk_only_api
def end_silence(_body: Mapping[str, object], silence_id: str) -> serializers.Plain:
    """End a silence now."""
    number = int(silence_id) if silence_id.isascii() and silence_id.isdigit() and len(silence_id) < 19 else 0
    return {"ended": _file().end_silence(number, context.now_unix_nano())}


def _alert_query(query: Query) -> AlertQuery:
    allowed = (*ALERT_STATES, _NO_DATA)
    for each in query.texts("state"):
        if each not in allowed:
            raise refuse("state", each, "one of: " + ", ".join(allowed))
    for each in query.texts("severity"):
        if each not in SEVERITIES:
            raise refuse("severity", each, "one of: " + ", ".join(SEVERITIES))
    window = query.window()
    return AlertQuery(
        states=frozenset(state for state in ALERT_STATES if state in query.texts("state")),
        no_data=_NO_DATA in query.texts("state"),
        from_unix_nano=window.from_unix_nano if window else None,
        to_unix_nano=window.to_unix_nano if window else None,
        detector=query.text("detector") or "",
        severities=frozenset(each for each in SEVERITIES if each in query.texts("severity")),
        limit=limit_of(query, _LIMIT),
    )


def _file() -> AlertFile:
    file = context.alert_file()
    if file is None:
        raise Unavailable(
            "No alerts are kept here: no process of alerts runs beside these screens.",
            f"Start the lab: `{COMMAND} up`.",
        )
    return file


def _rules(file: AlertFile | None, now: int) -> Mapping[str, Rule]:
    return {each.name: each.rule for each in (file.detectors(now) if file else ()) if each.rule}


def _rule_of(file: AlertFile, name: str, now: int) -> Rule | None:
    found = file.detector(name, now)
    return found.rule if found else None


def _unknown_alert(alert_id: str) -> Unknown:
    return Unknown(
        f"There is no alert {shortened(alert_id)!r}.", "GET /api/v1/alerts lists those that there are."
    )


def _check(body: Mapping[str, object], known: tuple[str, ...]) -> None:
    unknown = sorted(body.keys() - {*known, TOKEN_FIELD})
    if unknown:
        raise Malformed(f"There is no field {unknown[0][:40]!r} here.", f"Known: {', '.join(known)}.")


def _text(body: Mapping[str, object], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise Malformed(f"{name} is not a text.", f'Send {{"{name}": "..."}}.')
    return value


def _by(body: Mapping[str, object]) -> str:
    return _text(body, "by").strip() or (_DESK if context.settings().class_mode else _MACHINE)


def _minutes(body: Mapping[str, object]) -> int:
    value = body.get("minutes")
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 9:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= _LONGEST_MINUTES:
        raise Malformed("minutes is missing or out of bounds.", f"Send 1 to {_LONGEST_MINUTES}.")
    return value


def _labels(body: Mapping[str, object]) -> Mapping[str, str]:
    value = body.get("labels", {})
    if not isinstance(value, Mapping) or not all(isinstance(each, str) for each in value.values()):
        raise Malformed("labels is not an object of texts.", 'Send {"labels": {"version": "v1"}}.')
    return {str(name): str(text_) for name, text_ in value.items()}


def _alert(of: Alert, rule: Rule | None, now: int, *, look_up: bool) -> serializers.Plain:
    signal = rule.signal if rule else None
    window = alert_links.window_of(of, now)
    origin = origin_of(context.reader(), of, signal, window) if look_up else Origin()
    acknowledged = of.acknowledged
    return {
        "alert_id": of.alert_id,
        "detector": of.detector,
        "title": of.title,
        "description": of.description,
        "severity": of.severity,
        "state": of.state,
        "started_unix_nano": of.started_unix_nano,
        "fired_unix_nano": of.fired_unix_nano,
        "ended_unix_nano": of.ended_unix_nano,
        "end_reason": of.end_reason,
        "value": of.value,
        "threshold": of.threshold,
        "peak": of.peak,
        "comparison": of.comparison,
        "unit": of.unit,
        "labels": dict(of.labels),
        "evaluations": of.evaluations,
        "flapping": of.flapping,
        "crossings": of.crossings,
        "no_data_since_unix_nano": of.no_data_since_unix_nano,
        "no_data_reason": of.no_data_reason,
        "acknowledged": {
            "by": acknowledged.by,
            "at_unix_nano": acknowledged.at_unix_nano,
            "note": acknowledged.note,
        }
        if acknowledged
        else None,
        "silenced": of.silenced_until_unix_nano is not None,
        "silenced_until_unix_nano": of.silenced_until_unix_nano,
        "runbook": of.runbook,
        "links": {
            **alert_links.links(of, signal, window, origin.trace_id, origin.session_id),
            "more": dict(of.links),
        },
    }


def _transition(of: Transition) -> serializers.Plain:
    return {"at_unix_nano": of.at_unix_nano, "what": of.what, "value": of.value, "note": of.note}


def _silence(of: Silence) -> serializers.Plain:
    return {
        "silence_id": of.silence_id,
        "detector": of.detector,
        "labels": dict(of.labels),
        "until_unix_nano": of.until_unix_nano,
        "by": of.by,
        "note": of.note,
        "created_unix_nano": of.created_unix_nano,
    }


def _detector(of: Detector) -> serializers.Plain:
    rule = of.rule
    return {
        "name": of.name,
        "title": rule.title if rule else "",
        "description": rule.description if rule else "",
        "severity": rule.severity if rule else None,
        "runbook": rule.runbook if rule else "",
        "problem": of.problem,
        "state": of.state,
        "signal": _signal(rule.signal) if rule else None,
        "condition": _condition(rule.condition) if rule else None,
        "groups": [
            {
                "labels": dict(group.group),
                "state": group.state,
                "since_unix_nano": group.since_unix_nano,
                "value": group.value,
                "threshold": group.threshold,
                "evaluated_unix_nano": group.evaluated_unix_nano,
                "reason": group.reason,
                "alert_id": group.alert_id or None,
            }
            for group in of.groups
        ],
        "groups_left_out": of.left_out,
        "silences": [_silence(each) for each in of.silences],
    }


def _signal(of: Signal) -> serializers.Plain:
    return {
        "kind": of.kind,
        "measure": of.measure,
        "metric": of.name,
        "service": of.service,
        "operation": of.operation,
        "environment": of.environment,
        "where": dict(of.where),
        "by": list(of.by),
        "unit": of.unit,
    }


def _condition(of: Condition) -> serializers.Plain:
    return {
        "comparison": of.comparison,
        "threshold": of.threshold,
        "ratio": of.ratio,
        "minimum": of.minimum,
        "window_ns": of.window_ns,
        "for_ns": of.for_ns,
        "resolve_after_ns": of.resolve_after_ns,
        "no_data": of.no_data,
    }


def _evaluator(file: AlertFile | None, now: int) -> serializers.Plain:
    state = alerting_state(file, now)
    found = file.evaluator(now) if file else None
    return {
        "state": state.state,
        "interval_ns": state.interval_ns,
        "last_pass_unix_nano": state.last_pass_unix_nano,
        "message": state.message,
        "gaps": [
            {"from_unix_nano": begin, "to_unix_nano": end} for begin, end in (found.gaps if found else ())
        ],
        "notes": [{"at_unix_nano": at, "text": words} for at, words in (found.notes if found else ())],
    }
