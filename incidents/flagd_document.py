"""An incident's flags as the flagd document that the shop reads, with what is different for some seats."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from incidents.model import NO_TENANTS, FaultKind, Flag, FlagValue, Incident

SCHEMA = "https://flagd.dev/schema/v0/flags.json"
TRAFFIC = "traffic"
"""The key of the evaluation context that names the kind of shopper: `people` or `synthetic`."""
SEAT = "seat"
"""The key that names the seat; empty or absent for shoppers without one."""
TENANT = "tenant"
"""The key that names the tenant level."""
PROBE = "lab-probe"
"""The seat whose order proves that a lab is ready. That proof follows the order by its telemetry, so this
seat is spared the incidents that break telemetry. The provider, another company, answers it at once."""
_PROVIDER = "buttercup_delay_ms"
_QUICK: FlagValue = MappingProxyType({"min": 1, "max": 2})
_ITS_OWN: FlagValue = MappingProxyType({"min": 0, "max": 0})
"""The provider takes as long as it does without a fault."""


@dataclass(frozen=True, slots=True)
class SeatState:
    """What one seat meets: an incident, and the names of the repairs that it made.

    A repair that the incident does not have changes nothing.
    """

    incident: Incident
    repaired: frozenset[str] = frozenset()


NO_SEATS: Mapping[str, SeatState] = MappingProxyType({})
"""Every seat meets the incident for all."""


def flagd_document(incident: Incident, for_seats: Mapping[str, SeatState] = NO_SEATS) -> dict[str, object]:
    """The incident as a flagd flag definition; its targeting rules decide by traffic, seat and tenant.

    Traffic that does not declare itself synthetic counts as people, and synthetic traffic always meets
    the incident for all. A flag that neither the incident nor that of a seat names is absent, which the
    shop reads as healthy; one that only a seat's incident names is healthy for everybody else.

    Raises:
        ValueError: a seat has no name, so that it would be everybody without a seat.
    """
    if "" in for_seats:
        raise ValueError("a seat needs a name")
    for_seats = {**_for_the_probe(incident), **for_seats}
    keys = dict.fromkeys(flag.key for flag in incident.flags)
    for state in for_seats.values():
        keys.update(dict.fromkeys(flag.key for flag in state.incident.flags))
    return {"$schema": SCHEMA, "flags": {key: _definition(key, incident, for_seats) for key in keys}}


def flagd_json(incident: Incident, for_seats: Mapping[str, SeatState] = NO_SEATS) -> str:
    """`flagd_document` as the text of the file, ending in a line feed."""
    return json.dumps(flagd_document(incident, for_seats), indent=2) + "\n"


def _for_the_probe(incident: Incident) -> Mapping[str, SeatState]:
    flags = {flag.key: flag for flag in incident.flags}
    provider = flags.get(_PROVIDER) or Flag(_PROVIDER, _ITS_OWN, _ITS_OWN, "", _ITS_OWN)
    flags[_PROVIDER] = replace(provider, people=_QUICK, tenants=NO_TENANTS)
    broken = incident.question.kind is FaultKind.BROKEN_TELEMETRY
    repaired = frozenset(repair.name for repair in incident.repairs if broken)
    return {PROBE: SeatState(replace(incident, flags=tuple(flags.values())), repaired)}


@dataclass(slots=True)
class _Variants:
    """The values of one flag, each with a name that is unique in it."""

    names: dict[str, str] = field(default_factory=dict)
    values: dict[str, object] = field(default_factory=dict)

    def name(self, value: FlagValue, preferred: str) -> str:
        """The name of a value: the preferred one for a new value, with a number if it is taken."""
        plain = dict(value) if isinstance(value, Mapping) else value
        text = json.dumps(plain, sort_keys=True)
        if text not in self.names:
            name, number = preferred, 2
            while name in self.values:
                name, number = f"{preferred}-{number}", number + 1
            self.names[text] = name
            self.values[name] = plain
        return self.names[text]


def _definition(key: str, incident: Incident, for_seats: Mapping[str, SeatState]) -> dict[str, object]:
    variants = _Variants()
    healthy = _healthy(key, incident, for_seats)
    flag = _flag(key, incident)
    people = _rule(flag, "people", healthy, variants)
    synthetic = _rule(flag, "synthetic", healthy, variants)
    groups: dict[str, tuple[object, list[str]]] = {}
    for seat, state in for_seats.items():
        own = None if _is_repaired(key, state) else _flag(key, state.incident)
        rule = _rule(own, "people", healthy, variants)
        if rule != people:
            groups.setdefault(json.dumps(rule), (rule, []))[1].append(seat)
    default = people if isinstance(people, str) else variants.name(flag.people if flag else healthy, "people")
    definition: dict[str, object] = {
        "state": "ENABLED",
        "variants": variants.values,
        "defaultVariant": default,
    }
    targeting = _targeting(people, synthetic, groups.values())
    if not isinstance(targeting, str):
        definition["targeting"] = targeting
    return definition


def _targeting(people: object, synthetic: object, groups: Iterable[tuple[object, list[str]]]) -> object:
    """Synthetic traffic first, then the seats that differ, then everybody."""
    branches: list[object] = []
    for rule, seats in groups:
        branches += [{"in": [{"var": SEAT}, seats]}, rule]
    if branches or synthetic != people:
        branches = [{"==": [{"var": TRAFFIC}, "synthetic"]}, synthetic, *branches]
    return {"if": [*branches, people]} if branches else people


def _rule(flag: Flag | None, traffic: str, healthy: FlagValue, variants: _Variants) -> object:
    """The variant for a kind of traffic: its name, or the choice by tenant level."""
    if flag is None:
        return variants.name(healthy, "healthy")
    otherwise = variants.name(flag.synthetic if traffic == "synthetic" else flag.people, traffic)
    branches: list[object] = []
    for level, value in flag.tenants.items():
        branches += [{"==": [{"var": TENANT}, level]}, variants.name(value, level)]
    return {"if": [*branches, otherwise]} if branches else otherwise


def _flag(key: str, incident: Incident) -> Flag | None:
    return next((flag for flag in incident.flags if flag.key == key), None)


def _healthy(key: str, incident: Incident, for_seats: Mapping[str, SeatState]) -> FlagValue:
    for known in (incident, *(state.incident for state in for_seats.values())):
        flag = _flag(key, known)
        if flag is not None:
            return flag.healthy
    raise KeyError(key)


def _is_repaired(key: str, state: SeatState) -> bool:
    made = (state.incident.repair(name) for name in state.repaired)
    return any(key in repair.flags for repair in made if repair is not None)
