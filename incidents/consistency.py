"""What must hold between the parts of an incident's file: unique names, needs, references, repairs."""

from __future__ import annotations

from collections.abc import Iterable

from incidents.model import Check, Incident
from incidents.reading import Table
from incidents.references import references, used

GIVEN = frozenset({"seat", "shop", "began", "until"})
"""Names that every template may reference; no check has to keep them."""
REPAIRED = "repaired"
"""The name that the checks of a step with a repair may use too: when the seat made it."""


def validate(table: Table, incident: Incident, defined: frozenset[str]) -> None:
    """Raise IncidentError where parts of the file contradict each other; `defined` are all checks' names."""
    if not incident.steps:
        raise table.error("steps", "is empty", "add at least one [[steps]]")
    _unique(table, "steps.name", (step.name for step in incident.steps))
    _unique(table, "steps.checks", (check.name for check in (*incident.checks, *incident.proofs)))
    _unique(table, "repairs.name", (repair.name for repair in incident.repairs))
    _validate_repairs(table, incident)
    kept: dict[str, set[str]] = {}
    for check in (*incident.checks, *incident.proofs):
        _validate_check(table, check, kept, defined)
    until_then = set(GIVEN)
    for step in incident.steps:
        until_then.update(*(check.keep for check in step.checks))
        for reference in references(step.screen):
            if reference not in until_then:
                raise table.error(
                    "steps.screen",
                    f"uses {{{reference}}}",
                    "use a name that a check keeps in this step or before",
                )


def _validate_repairs(table: Table, incident: Incident) -> None:
    offered = [step.repair for step in incident.steps if step.repair]
    _unique(table, "steps.repair", offered)
    names = [repair.name for repair in incident.repairs]
    for name in offered:
        if name not in names:
            known = ", ".join(names) or "none yet"
            raise table.error("steps.repair", f"names {name!r}", f"add it to [[repairs]]; there: {known}")
    for name in names:
        if name not in offered:
            raise table.error(
                "repairs.name", f"{name!r} is offered by no step", "name it as repair of a step"
            )


def _validate_check(table: Table, check: Check, kept: dict[str, set[str]], defined: frozenset[str]) -> None:
    known = set(GIVEN)
    for need in check.needs:
        if need not in kept:
            raise table.error(
                f"checks.{check.name}.needs", f"names {need!r}", "name checks that are asked earlier"
            )
        known |= kept[need]
    for cause in check.follows:
        if cause not in defined or cause == check.name:
            raise table.error(
                f"checks.{check.name}.follows", f"names {cause!r}", "name another check that is defined"
            )
    for reference in used(check):
        if reference == REPAIRED:
            if not check.repair:
                raise table.error(
                    f"checks.{check.name}", f"uses {{{REPAIRED}}}", "use it in a step with a repair only"
                )
        elif reference not in known and not reference.startswith("item."):
            raise table.error(
                f"checks.{check.name}",
                f"uses {{{reference}}}, which is kept by none of its needs",
                f"add the check that keeps it to needs; known: {', '.join(sorted(known))}",
            )
    if REPAIRED in check.keep:
        raise table.error(f"checks.{check.name}.keep", f"keeps {REPAIRED!r}", "choose another name")
    kept[check.name] = known | set(check.keep)


def _unique(table: Table, key: str, found: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in found:
        if name in seen:
            raise table.error(key, f"{name!r} is repeated", "give each its own name")
        seen.add(name)
