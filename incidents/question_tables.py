"""The question of an incident's file and the answers that are right."""

from __future__ import annotations

from incidents.check_tables import conditions, count
from incidents.model import Evidence, FaultKind, IncidentQuestion
from incidents.reading import Table
from incidents.references import in_conditions, references

GIVEN = frozenset({"evidence", "began"})
"""The names that evidence may use."""


def question(table: Table) -> IncidentQuestion:
    """The `[question]` of a file."""
    evidence = table.table("evidence")
    kinds = {kind.value: kind for kind in FaultKind}
    kind = table.text("kind")
    if kind not in kinds:
        raise table.error("kind", f"is {kind!r}", f"use one of: {', '.join(kinds)}")
    found = IncidentQuestion(
        ask=table.text("ask"),
        services=table.texts("services"),
        tags=table.texts("tags"),
        kind=kinds[kind],
        trace=_evidence(evidence, "trace"),
        log=_evidence(evidence, "log"),
    )
    evidence.done()
    table.done()
    if not found.services or any(not service.strip() for service in found.services):
        raise table.error("services", "names no service", "list every name that is a right answer")
    if any(not tag.strip() for tag in found.tags):
        raise table.error("tags", "holds a blank", "write key=value pairs, keys or values")
    if found.trace is None and found.log is None:
        raise table.error(
            "evidence", "is missing", f"add [{evidence.key('trace')}] or [{evidence.key('log')}]"
        )
    return found


def _evidence(tables: Table, name: str) -> Evidence | None:
    if tables.raw(name) is None:
        return None
    table = tables.table(name)
    found = Evidence(
        ask=table.text("ask"),
        find=table.text("find", ""),
        where=conditions(table, "where"),
        count=count(table),
    )
    table.done()
    if not found.ask.startswith("/") or "evidence" not in references(found.ask):
        raise table.error("ask", f"is {found.ask!r}", "give a path of the JSON API that names {evidence}")
    if not found.where:
        raise table.error("where", "is empty", "say what sets this incident's apart from any other")
    for reference in (*references(found.ask), *in_conditions(found.where)):
        if reference not in GIVEN:
            raise table.error(
                "where", f"uses {{{reference}}}", "use {evidence} or {began}, and no other name"
            )
    return found
