"""Loads an `Incident` from its TOML file and validates it as a whole.

Owns the file format (described in incidents/README.md).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

from incidents.model import (
    Check,
    Clue,
    Condition,
    Count,
    Flag,
    FlagValue,
    Incident,
    Related,
    Scalar,
    Source,
    Step,
)
from incidents.reading import IncidentError, Table

DATA = Path(__file__).resolve().parent / "data"
COMMON = "_common.toml"
GIVEN = frozenset({"seat", "shop", "began"})
"""Names that every template may reference; no check has to keep them."""
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
_REFERENCE = re.compile(r"\{([a-z_][a-z0-9_.]*)\}")
_NAME = re.compile(r"[a-z][a-z0-9-]*")


def names(folder: Path = DATA) -> tuple[str, ...]:
    """The names of all incidents, sorted."""
    return tuple(sorted(path.stem for path in folder.glob("*.toml") if not path.name.startswith("_")))


def load(name: str, folder: Path = DATA) -> Incident:
    """The incident of that name; IncidentError when there is none or its data is malformed."""
    if name not in names(folder):
        known = ", ".join(names(folder))
        raise IncidentError(folder / f"{name}.toml", "name", "no such incident", f"use one of: {known}")
    file = folder / f"{name}.toml"
    table = _read(file)
    common = _read(folder / COMMON) if (folder / COMMON).is_file() else Table(folder / COMMON, "", {})
    own = _checks(table.table("checks"))
    checks = {**_checks(common.table("checks")), **own}
    incident = Incident(
        name=name,
        title=table.text("title"),
        summary=table.text("summary"),
        minutes=table.whole("minutes"),
        checkout_status=table.whole("checkout_status"),
        flags=tuple(_flag(table.table("flags"), key) for key in table.table("flags").names()),
        steps=tuple(_step(step, checks) for step in table.tables("steps")),
        headline=table.text("headline"),
        answer=table.text("answer"),
    )
    table.done()
    unused = sorted(set(own) - {check.name for check in incident.checks})
    if unused:
        raise table.error(f"checks.{unused[0]}", "is in no step", "name it in the checks of a step")
    _consistent(table, incident, frozenset(checks))
    return incident


def references(text: str) -> tuple[str, ...]:
    """The names between braces in a template, in order."""
    return tuple(_REFERENCE.findall(text))


def _read(file: Path) -> Table:
    try:
        return Table(file, "", tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise IncidentError(file, "file", f"cannot be read: {error}", "restore it") from error
    except tomllib.TOMLDecodeError as error:
        raise IncidentError(file, "file", f"is not TOML: {error}", "correct that line") from error


def _flag(flags: Table, key: str) -> Flag:
    table = flags.table(key)
    both = table.raw("value")
    people = table.raw("people", both)
    synthetic = table.raw("synthetic", people)
    if people is None:
        raise table.error("value", "is missing", "add value = ..., or people = ... and synthetic = ...")
    flag = Flag(
        key=key,
        people=_flag_value(table, "people", people),
        synthetic=_flag_value(table, "synthetic", synthetic),
        imitates=table.text("imitates"),
    )
    if type(flag.people) is not type(flag.synthetic):
        raise table.error("synthetic", "is of another kind than for people", "use the same kind for both")
    table.done()
    return flag


def _flag_value(table: Table, name: str, value: object) -> FlagValue:
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict) and all(
        isinstance(part, int | float) and not isinstance(part, bool) for part in value.values()
    ):
        return MappingProxyType(dict(value))
    raise table.error(name, f"is {value!r}", "write true/false, a number, a text or a table of numbers")


def _step(table: Table, checks: Mapping[str, Check]) -> Step:
    chosen = []
    for name in table.texts("checks"):
        if name not in checks:
            known = ", ".join(checks)
            raise table.error("checks", f"names {name!r}", f"define [checks.{name}] or use one of: {known}")
        chosen.append(checks[name])
    step = Step(
        name=table.text("name"),
        title=table.text("title"),
        screen=table.text("screen"),
        click=table.text("click"),
        look=table.text("look"),
        meaning=table.text("meaning"),
        checks=tuple(chosen),
    )
    table.done()
    return step


def _checks(tables: Table) -> dict[str, Check]:
    return {name: _check(name, tables.table(name)) for name in tables.names()}


def _check(name: str, table: Table) -> Check:
    if not _NAME.fullmatch(name):
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
        where=_conditions(table, "where"),
        expect=_conditions(table, "expect"),
        each=table.truth("each", False),
        has=tuple(_related(related) for related in table.tables("has")),
        count=_count(table),
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
    related = Related(find=table.text("find"), where=_conditions(table, "where"), count=_count(table))
    table.done()
    return related


def _clue(table: Table) -> Clue:
    clue = Clue(
        ask=table.text("ask", ""),
        find=table.text("find", ""),
        where=_conditions(table, "where"),
        message=table.text("message"),
    )
    table.done()
    return clue


def _count(table: Table) -> Count:
    value = table.raw("count")
    if value is None:
        return Count()
    if isinstance(value, int) and not isinstance(value, bool):
        return Count(value, value)
    counts = table.table("count")
    at_most = counts.raw("at_most")
    count = Count(
        at_least=counts.whole("at_least", 0), at_most=None if at_most is None else counts.whole("at_most")
    )
    counts.done()
    return count


def _conditions(table: Table, name: str) -> tuple[Condition, ...]:
    found: list[Condition] = []
    for entry in table.tables(name):
        field = entry.text("field")
        chosen = [operator for operator in OPERATORS if entry.raw(operator) is not None]
        if not chosen:
            raise entry.error(
                "field", f"{field} is compared with nothing", f"add one of: {', '.join(OPERATORS)}"
            )
        found.extend(Condition(field, operator, _value(entry, operator)) for operator in chosen)
        entry.done()
    return tuple(found)


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


def _consistent(table: Table, incident: Incident, defined: frozenset[str]) -> None:
    """Validate the whole file: unique names, needs that come earlier, references that are kept."""
    if not incident.steps:
        raise table.error("steps", "is empty", "add at least one [[steps]]")
    _unique(table, "steps.name", (step.name for step in incident.steps))
    _unique(table, "steps.checks", (check.name for check in incident.checks))
    kept: dict[str, set[str]] = {}
    for check in incident.checks:
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
        for reference in _used(check):
            if reference not in known and not reference.startswith("item."):
                raise table.error(
                    f"checks.{check.name}",
                    f"uses {{{reference}}}, which is kept by none of its needs",
                    f"add the check that keeps it to needs; known: {', '.join(sorted(known))}",
                )
        kept[check.name] = known | set(check.keep)
    everywhere = GIVEN.union(*kept.values())
    for step in incident.steps:
        for reference in references(step.screen):
            if reference not in everywhere:
                raise table.error("steps.screen", f"uses {{{reference}}}", "use a name that a check keeps")


def _used(check: Check) -> Iterable[str]:
    groups = [check.where, check.expect, *(related.where for related in check.has)]
    groups += [clue.where for clue in check.clues]
    for conditions in groups:
        for condition in conditions:
            values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
            for value in values:
                if isinstance(value, str) and condition.operator != "matches":
                    yield from references(value)
    for text in (check.ask, check.look, check.expects, *(clue.ask for clue in check.clues)):
        yield from references(text)


def _unique(table: Table, key: str, found: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in found:
        if name in seen:
            raise table.error(key, f"{name!r} is repeated", "give each its own name")
        seen.add(name)
