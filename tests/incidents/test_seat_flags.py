"""The flag document gives each seat its own incident and repairs, whatever the seats are called."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest
from openfeature.contrib.tools.flagd.core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

import incidents
from incidents import SeatState
from incidents.model import Flag, FlagValue, Incident, Repair
from services.common import flags, telemetry
from services.common.seat import Shopper
from tests.helpers import eventually

QUESTION = incidents.load("none").question
LEVELS = ("gold", "silver", "bronze")
HEALTHY: Mapping[str, Any] = {
    "a_switch": False,
    "a_share": 0.0,
    "a_text": "",
    "a_range": {"min": 0, "max": 0},
}
PROVIDER = "buttercup_delay_ms"
"""Always there, for the seat of the readiness proof."""
OF_OTHERS: Mapping[str, Any] = {**HEALTHY, PROVIDER: {"min": 0, "max": 0}}
HOSTILE = (
    "synthetic",
    "people",
    "seat",
    '"]}, "x',
    '{"var": "seat"}',
    "\u00f8yvind",
    "\u202e",
    "a" * 200,
    "0",
    " ",
    "anna",
    "Anna",
    "anna ",
)


def any_value(chance: Random, key: str) -> FlagValue:
    values: Mapping[str, FlagValue] = {
        "a_switch": chance.random() < 0.5,
        "a_share": round(chance.random(), 2),
        "a_text": chance.choice(["", "a", '"', "people"]),
        "a_range": {"min": chance.randrange(3), "max": chance.randrange(3)},
    }
    return values[key]


def any_incident(chance: Random) -> Incident:
    keys = chance.sample(sorted(HEALTHY), chance.randint(0, len(HEALTHY)))
    flags = tuple(
        Flag(
            key=key,
            people=any_value(chance, key),
            synthetic=any_value(chance, key),
            imitates="It.",
            healthy=HEALTHY[key],
            tenants={level: any_value(chance, key) for level in chance.sample(LEVELS, chance.randint(0, 2))},
        )
        for key in keys
    )
    repairs = tuple(
        Repair(f"r{number}", "Mend it", tuple(chance.sample(keys, chance.randint(1, len(keys)))), "So.")
        for number in range(chance.randint(0, 2) if keys else 0)
    )
    return Incident("made", "T", "S", 1, 200, flags, (), "H", "A", QUESTION, repairs)


def any_class(chance: Random) -> dict[str, SeatState]:
    seats = chance.sample(HOSTILE, chance.randint(0, 5))
    made = ("r0", "r1", "unheard-of")
    return {
        seat: SeatState(any_incident(chance), frozenset(chance.sample(made, chance.randint(0, 3))))
        for seat in seats
    }


def expected(for_all: Incident, state: SeatState | None, key: str, traffic: str, level: str) -> FlagValue:
    """The value by the words of the README, written down a second time."""
    own = state if traffic == "people" else None
    incident = own.incident if own else for_all
    flag = next((flag for flag in incident.flags if flag.key == key), None)
    repairs = [repair for repair in incident.repairs if own and repair.name in own.repaired]
    if flag is None or any(key in repair.flags for repair in repairs):
        healthy: FlagValue = OF_OTHERS[key]
        return healthy
    return flag.tenants.get(level, flag.synthetic if traffic == "synthetic" else flag.people)


def value(core: FlagdCore, key: str, context: EvaluationContext) -> Any:
    nothing = OF_OTHERS[key]
    if isinstance(nothing, bool):
        return core.resolve_boolean_value(key, nothing, context).value
    if isinstance(nothing, float):
        return core.resolve_float_value(key, nothing, context).value
    if isinstance(nothing, str):
        return core.resolve_string_value(key, nothing, context).value
    return core.resolve_object_value(key, nothing, context).value


@pytest.mark.parametrize("seed", range(60))
def test_each_seat_gets_its_values_and_nobody_else(seed: int) -> None:
    """Evaluated by flagd itself, for seats, for strangers and for synthetic traffic of every tenant level."""
    chance = Random(seed)
    for_all, seats, other = any_incident(chance), any_class(chance), chance.choice(HOSTILE)
    document = incidents.flagd_document(for_all, seats)
    core = FlagdCore()
    core.set_flags(json.dumps(document))
    keys: Any = document["flags"]
    for seat in {*seats, other, ""}:
        for traffic in ("people", "synthetic"):
            for level in (*LEVELS, ""):
                context = EvaluationContext(seat, {"traffic": traffic, "seat": seat, "tenant": level})
                for key in keys:
                    right = expected(for_all, seats.get(seat), key, traffic, level)
                    assert value(core, key, context) == right, f"{key} of {seat!r}, {traffic}, {level!r}"


def test_a_seat_that_meets_what_all_meet_adds_no_rule() -> None:
    """A class of thirty that repaired nothing leaves the file as small as before."""
    incident = incidents.load(incidents.DEFAULT)
    seats = {f"seat-{number}": SeatState(incident) for number in range(30)}
    assert incidents.flagd_document(incident, seats) == incidents.flagd_document(incident)


def test_a_seat_needs_a_name() -> None:
    """A blank one would be everybody without a seat."""
    incident = incidents.load("none")
    with pytest.raises(ValueError, match="a seat needs a name"):
        incidents.flagd_document(incident, {"": SeatState(incident)})


def test_a_flag_that_only_a_seat_meets_is_healthy_for_others() -> None:
    """One student works on another incident than the class."""
    seats = {"anna": SeatState(incidents.load("price-typo"))}
    core = FlagdCore()
    core.set_flags(incidents.flagd_json(incidents.load("none"), seats))
    for seat, broken in (("anna", True), ("bert", False), ("", False)):
        context = EvaluationContext(seat, {"traffic": "people", "seat": seat, "tenant": "gold"})
        assert core.resolve_boolean_value("cart_price_typo", False, context).value is broken


def test_the_shops_own_reader_of_the_file_follows_it(tmp_path: Path) -> None:
    """Through OpenFeature's flagd provider, as services read it: only the repairer is served healthily."""
    incident = incidents.load("invalid-token")
    file = tmp_path / "flags.json"
    seats = {"anna": SeatState(incident, frozenset({"rollback"})), "bert": SeatState(incident)}
    file.write_text(incidents.flagd_json(incident, seats), "utf-8")
    read = flags.Flags(file, telemetry.make_logger({}, stream=io.StringIO()), [flags.PAYMENT_INVALID_TOKEN])
    try:
        eventually(lambda: read.checkout_stale_endpoint(Shopper("anna")), "the file is read", within_s=3)
        shares = {seat: read.payment_invalid_token(Shopper(seat)) for seat in ("anna", "bert", "", "Anna")}
        assert shares == {"anna": 0.0, "bert": 1.0, "": 1.0, "Anna": 1.0}
        assert read.payment_invalid_token(Shopper("anna", synthetic=True)) == 0.75
    finally:
        read.close()
