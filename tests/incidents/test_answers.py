"""An answer is judged part by part, whatever its case and blanks, and hostile text is only looked up."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

import incidents
from incidents.answers import Answer, Judgement, judge
from incidents.checks import NoAnswer
from incidents.model import FaultKind, Source

BEGAN = 1_000
QUESTION = incidents.load("invalid-token").question
TRACE, OLD_TRACE, OTHER_TRACE = "ab" * 16, "0d" * 16, "cd" * 16
SPAN = {
    "service": "paymentservice",
    "operation": "grpc.hipstershop.PaymentService/Charge",
    "attributes": {"version": "v350.10"},
    "error": "origin",
    "start_unix_nano": BEGAN + 1,
}
LOG = {
    "service": "paymentservice",
    "body": "Failed payment processing through ButtercupPayments: Invalid API Token (test-1)",
    "time_unix_nano": BEGAN + 1,
}
API: dict[str, Any] = {
    f"/api/v1/apm/traces/{TRACE}": {"spans": [{"service": "frontend"}, SPAN]},
    f"/api/v1/apm/traces/{OLD_TRACE}": {"spans": [{**SPAN, "start_unix_nano": BEGAN - 1}]},
    f"/api/v1/apm/traces/{OTHER_TRACE}": {"spans": [{**SPAN, "error": "none"}]},
    "/api/v1/logs/17": LOG,
    "/api/v1/logs/18": {**LOG, "body": "Charging through ButtercupPayments"},
}
RIGHT = Answer("paymentservice", "version=v350.10", "configuration", TRACE)


def ask(source: Source, path: str) -> Any:
    assert source is Source.API
    assert urlsplit(path).path == path, "an id must not become another path or a query"
    if path not in API:
        raise NoAnswer("404")
    return API[path]


def judged(**changes: str) -> Judgement:
    given = {"service": RIGHT.service, "tag": RIGHT.tag, "kind": RIGHT.kind, "evidence": RIGHT.evidence}
    return judge(QUESTION, Answer(**{**given, **changes}), ask, {"began": BEGAN})


def test_the_right_answer_is_right() -> None:
    assert judged() == Judgement(True, True, True, True, ())
    assert judged().right


@pytest.mark.parametrize(
    "changes",
    [
        {"service": "  PaymentService \n"},
        {"service": "`paymentservice`"},
        {"service": "Payment Service"},
        {"service": "payment-service"},
        {"tag": "v350.10"},
        {"tag": " Version : V350.10 "},
        {"tag": '"version" = "v350.10"'.replace('"', "")},
        {"kind": "Configuration"},
        {"kind": FaultKind.CONFIGURATION.title.upper()},
        {"evidence": f"  {TRACE.upper()} "},
        {"evidence": "17"},
    ],
)
def test_case_blanks_and_form_do_not_matter(changes: dict[str, str]) -> None:
    assert judged(**changes).right, judged(**changes)


@pytest.mark.parametrize(
    ("part", "changes"),
    [
        ("service", {"service": "checkoutservice"}),
        ("service", {"service": "payment"}),
        ("tag", {"tag": "version=v350.9"}),
        ("tag", {"tag": "version"}),
        ("kind", {"kind": "network"}),
        ("evidence", {"evidence": OLD_TRACE}),
        ("evidence", {"evidence": OTHER_TRACE}),
        ("evidence", {"evidence": "18"}),
    ],
)
def test_a_wrong_part_is_wrong_and_the_others_stay_right(part: str, changes: dict[str, str]) -> None:
    found = judged(**changes)
    wrong = {name for name in ("service", "tag", "kind", "evidence") if not getattr(found, name)}
    assert wrong == {part}
    assert not found.problems, "what could be judged is no problem"
    assert not found.right


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"service": " "}, "Name a service."),
        ({"tag": ""}, "Name a tag, such as key=value."),
        ({"kind": "bad luck"}, "Choose a kind of fault."),
        ({"evidence": ""}, "Give the id of a trace or log as evidence."),
        ({"evidence": "../status"}, "That is not the id of a trace or log."),
        ({"evidence": "17?x=1"}, "That is not the id of a trace or log."),
        ({"evidence": "\u0661\u0667"}, "That is not the id of a trace or log."),
        ({"evidence": "9" * 65}, "That is not the id of a trace or log."),
        ({"evidence": "99"}, "No trace or log has this id."),
        ({"evidence": "ee" * 16}, "No trace or log has this id."),
        ({"evidence": "{began}"}, "That is not the id of a trace or log."),
    ],
)
def test_what_cannot_be_judged_is_said(changes: dict[str, str], problem: str) -> None:
    found = judged(**changes)
    assert found.problems == (problem,)
    assert not found.right


def test_where_no_tag_tells_none_is_asked_for() -> None:
    question = incidents.load("slow-provider").question
    slow = {"operation": "buttercup.payments.api", "kind": "client", "duration_ns": 2 * 10**9}
    answer = Answer("ButtercupPayments", "", "slow-dependency", TRACE)
    found = judge(question, answer, lambda *_: {"spans": [{**slow, "start_unix_nano": 1}]})
    assert found.right, found


@pytest.mark.parametrize("name", incidents.names())
def test_a_key_fits_any_pair_with_it(name: str) -> None:
    """Whatever a file accepts is accepted as it stands there."""
    question = incidents.load(name).question
    for tag in question.tags:
        answer = Answer(question.services[0], tag, question.kind.title, "")
        found = judge(question, answer, ask)
        assert (found.service, found.tag, found.kind, found.evidence) == (True, True, True, False)


def test_every_kind_has_a_title_of_its_own() -> None:
    assert len({kind.title.casefold() for kind in FaultKind}) == len(FaultKind)
