"""The flag file means to a real flagd evaluator what the incident says."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

import incidents
from incidents.flagd_document import PROBE
from incidents.model import FaultKind

WHO = {"people": "people", "synthetic": "synthetic", "nobody said": None}


def value_of(core: FlagdCore, key: str, default: object, traffic: str | None) -> object:
    context = EvaluationContext(attributes={"traffic": traffic} if traffic else {})
    if isinstance(default, bool):
        return core.resolve_boolean_value(key, not default, context).value
    if isinstance(default, float):
        return core.resolve_float_value(key, -1.0, context).value
    return core.resolve_object_value(key, {}, context).value


@pytest.mark.parametrize("name", incidents.names())
@pytest.mark.parametrize("who", WHO)
def test_flagd_gives_each_kind_of_traffic_its_own_value(name: str, who: str) -> None:
    incident = incidents.load(name)
    core = FlagdCore()
    core.set_flags(incidents.flagd_json(incident))
    for flag in incident.flags:
        wished = flag.synthetic if who == "synthetic" else flag.people
        wished = dict(wished) if isinstance(wished, Mapping) else wished
        told = value_of(core, flag.key, wished, WHO[who])
        assert told == wished, f"{name}: {flag.key} for {who} is {told!r} instead of {wished!r}"


def test_a_healthy_shop_has_no_flag_but_the_proofs_quick_provider() -> None:
    """For everybody else the provider takes as long as it does without any flag."""
    document = incidents.flagd_json(incidents.load("none"))
    assert list(json.loads(document)["flags"]) == ["buttercup_delay_ms"]
    core = FlagdCore()
    core.set_flags(document)
    for traffic, seat in (("people", "ana"), ("people", ""), ("synthetic", PROBE)):
        shopper = EvaluationContext(targeting_key=seat, attributes={"traffic": traffic, "seat": seat})
        assert core.resolve_object_value("buttercup_delay_ms", {}, shopper).value == {"min": 0, "max": 0}


def test_the_document_says_the_same_every_time() -> None:
    incident = incidents.load(incidents.DEFAULT)
    assert incidents.flagd_json(incident) == incidents.flagd_json(incident)


@pytest.mark.parametrize("name", incidents.names())
def test_the_seat_of_the_readiness_proof_is_spared_broken_telemetry_and_a_slow_provider(name: str) -> None:
    """The proof follows its order by that telemetry, and no other fault keeps a lab from being ready."""
    incident = incidents.load(name)
    core = FlagdCore()
    core.set_flags(incidents.flagd_json(incident))
    probe = EvaluationContext(targeting_key=PROBE, attributes={"traffic": "people", "seat": PROBE})
    assert core.resolve_object_value("buttercup_delay_ms", {}, probe).value == {"min": 1, "max": 2}
    for flag in incident.flags:
        spared = incident.question.kind is FaultKind.BROKEN_TELEMETRY
        wished = flag.healthy if spared else flag.people
        if flag.key == "buttercup_delay_ms":
            wished = {"min": 1, "max": 2}
        if isinstance(wished, bool):
            assert core.resolve_boolean_value(flag.key, not wished, probe).value is wished
        elif isinstance(wished, Mapping) and not flag.tenants:
            assert core.resolve_object_value(flag.key, {}, probe).value == dict(wished)
