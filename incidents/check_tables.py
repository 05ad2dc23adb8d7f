"""Checks and conditions of an incident's file, read from their TOML tables."""

from __future__ import annotations

import re
from types import MappingProxyType

from incidents.model import Check, Clue, Condition, Count, Related, Scalar, Source
from incidents.reading import IncidentError, Table

OPERATORS = (
    "is",
    "is_not",
    "in",
    "contains",
    "matches",
    "exists",
    "above",
    "below",
    "at_least",
    "at_most",
)
ORDERED = OPERATORS[-4:]
"""Those that compare numbers."""
NAME = re.compile(r"[a-z][a-z0-9-]*")
"""What checks and repairs may be called."""


def checks(tables: Table) -> dict[str, Check]:
    """The checks of a `[checks]` table by name."""
    return {name: _check(name, tables.table(name)) for name in tables.names()}


def _check(name: str, table: Table) -> Check:
    if not NAME.fullmatch(name):
        raise IncidentError(
            table.file, table.place, "is not a valid name", "use small letters, digits and dashes"
        )
    source = table.text("source", "api")
    if source not in {kind.value for kind in Source}:
        raise table.error("source", f"is {source!r}", "use api or visit")
    ask = table.text("ask", "")
    if (source == "api") != ask.startswith("/"):
        raise table.error("ask", f"is {ask!r}", "give a path from / for source api, none for visit")
    check = Check(
        name=name,
        title=table.text("title"),
        needs=table.texts("needs"),
        follows=table.texts("follows"),
        source=Source(source),
        ask=ask,
        find=table.text("find", ""),
        where=conditions(table, "where"),
        expect=conditions(table, "expect"),
        each=table.truth("each", False),
        has=tuple(_related(related) for related in table.tables("has")),
        count=count(table),
        keep=MappingProxyType({key: table.table("keep").text(key) for key in table.table("keep").names()}),
        expects=table.text("expects"),
        look=table.text("look"),
        clues=tuple(_clue(clue) for clue in table.tables("clues")),
        newest=table.text("newest", ""),
        across=table.text("across", ""),
    )
    table.done()
    if check.across and check.across not in check.needs:
        raise table.error("across", f"names {check.across!r}", "name one of the checks in needs")
    return check


def _related(table: Table) -> Related:
    related = Related(find=table.text("find"), where=conditions(table, "where"), count=count(table))
    table.done()
    return related


def _clue(table: Table) -> Clue:
    clue = Clue(
        ask=table.text("ask", ""),
        find=table.text("find", ""),
        where=conditions(table, "where"),
        message=table.text("message"),
    )
    table.done()
    return clue


def count(table: Table) -> Count:
    """The `count` of a table; absent means one or more."""
    value = table.raw("count")
    if value is None:
        return Count()
    if isinstance(value, int) and not isinstance(value, bool):
        return Count(value, value)
    counts = table.table("count")
    at_most = counts.raw("at_most")
    found = Count(
        at_least=counts.whole("at_least", 0), at_most=None if at_most is None else counts.whole("at_most")
    )
    counts.done()
    return found


def conditions(table: Table, name: str) -> tuple[Condition, ...]:
    """The conditions of a list of tables, such as `where`."""
    found: list[Condition] = []
    for entry in table.tables(name):
        field = entry.text("field")
        chosen = [operator for operator in OPERATORS if entry.raw(operator) is not None]
        if not chosen:
            raise entry.error(
                "field", f"{field} is compared with nothing", f"add one of: {', '.join(OPERATORS)}"
            )
        by = _distance(entry, chosen)
        found.extend(Condition(field, operator, _value(entry, operator), by) for operator in chosen)
        entry.done()
    return tuple(found)


def _distance(entry: Table, operators: list[str]) -> float:
    by = entry.raw("by", 0)
    if isinstance(by, bool) or not isinstance(by, int | float) or by < 0:
        raise entry.error("by", f"is {by!r}", "write a number from 0 up")
    if by and not set(operators) <= set(ORDERED):
        raise entry.error("by", "stands beside no distance", f"use it with {', '.join(ORDERED)} only")
    return float(by)


def _value(entry: Table, operator: str) -> Scalar | tuple[Scalar, ...]:
    value = entry.raw(operator)
    if operator == "in":
        if not isinstance(value, list) or not value:
            raise entry.error(operator, f"is {value!r}", "write a list of values")
        return tuple(value)
    if operator == "exists" and not isinstance(value, bool):
        raise entry.error(operator, f"is {value!r}", "write true or false")
    if operator == "matches":
        try:
            re.compile(value)
        except (re.error, TypeError) as error:
            raise entry.error(operator, f"is not a regular expression: {error}", "correct it") from error
    if not isinstance(value, bool | int | float | str):
        raise entry.error(operator, f"is {value!r}", "write a text, a number or true/false")
    return value
