"""The flags, repairs and release of an incident's file, checked against the flags that the shop knows.

`data/_flags.toml` lists those with their healthy values; a test compares it with what the services declare.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from incidents.check_tables import NAME
from incidents.model import Flag, FlagValue, Release, Repair
from incidents.reading import Table

KNOWN = "_flags.toml"
VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,39}")
TENANT_LEVELS = ("gold", "silver", "bronze")


def known_flags(table: Table) -> Mapping[str, FlagValue]:
    """The healthy value of every flag that the shop knows, by key."""
    return MappingProxyType({key: _value(table, key, table.raw(key)) for key in table.names()})


def flags(tables: Table, known: Mapping[str, FlagValue]) -> tuple[Flag, ...]:
    """The flags of a `[flags]` table."""
    return tuple(_flag(tables, key, known) for key in tables.names())


def _flag(tables: Table, key: str, known: Mapping[str, FlagValue]) -> Flag:
    table = tables.table(key)
    if key not in known:
        raise tables.error(key, "is no flag of the shop", f"use one of: {', '.join(sorted(known))}")
    both = table.raw("value")
    people = table.raw("people", both)
    synthetic = table.raw("synthetic", people)
    if people is None:
        raise table.error("value", "is missing", "add value = ..., or people = ... and synthetic = ...")
    tenants = table.table("tenants")
    flag = Flag(
        key=key,
        people=_value(table, "people", people),
        synthetic=_value(table, "synthetic", synthetic),
        imitates=table.text("imitates"),
        healthy=_value(table, "healthy", table.raw("healthy", known[key])),
        tenants=MappingProxyType(
            {level: _value(tenants, level, tenants.raw(level)) for level in tenants.names()}
        ),
    )
    if type(flag.people) is not type(flag.synthetic):
        raise table.error("synthetic", "is of another kind than for people", "use the same kind for both")
    for level in flag.tenants:
        if level not in TENANT_LEVELS:
            levels = ", ".join(sorted(TENANT_LEVELS))
            raise tenants.error(level, "is no tenant level", f"use one of: {levels}")
    for name, value in (("value", flag.people), ("healthy", flag.healthy), *flag.tenants.items()):
        if type(value) is not type(known[key]):
            place = tenants if name in flag.tenants else table
            raise place.error(
                name,
                f"is {_shown(value)}",
                f"write the kind of value that the shop reads: {_shown(known[key])}",
            )
    table.done()
    return flag


def _value(table: Table, name: str, value: object) -> FlagValue:
    if isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping) and all(
        isinstance(part, int | float) and not isinstance(part, bool) for part in value.values()
    ):
        return MappingProxyType(dict(value))
    raise table.error(name, f"is {value!r}", "write true/false, a number, a text or a table of numbers")


def _shown(value: FlagValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {part}" for key, part in value.items()) + " }"
    return repr(value)


def repairs(tables: tuple[Table, ...], own: tuple[Flag, ...]) -> tuple[Repair, ...]:
    """The `[[repairs]]` of a file, each with keys of this incident's flags."""
    return tuple(_repair(table, tuple(flag.key for flag in own)) for table in tables)


def _repair(table: Table, keys: tuple[str, ...]) -> Repair:
    repair = Repair(
        name=table.text("name"),
        title=table.text("title"),
        flags=table.texts("flags"),
        effect=table.text("effect"),
    )
    table.done()
    if not NAME.fullmatch(repair.name):
        raise table.error("name", f"is {repair.name!r}", "use small letters, digits and dashes")
    if not repair.flags:
        raise table.error("flags", "is empty", f"name at least one of: {', '.join(keys)}")
    for key in repair.flags:
        if key not in keys:
            raise table.error("flags", f"names {key!r}", f"use flags of this incident: {', '.join(keys)}")
    return repair


def release(table: Table, known: tuple[Repair, ...]) -> Release | None:
    """The `[release]` of a file, which one of its repairs rolls back; None without the table."""
    if not table.names():
        return None
    found = Release(version=table.text("version"), before=table.text("before"), repair=table.text("repair"))
    table.done()
    for name, version in (("version", found.version), ("before", found.before)):
        if not VERSION.fullmatch(version):
            raise table.error(name, f"is {version!r}", "write a version such as v350.10")
    if found.version == found.before:
        raise table.error("before", "is the version itself", "name the one that ran before it")
    names = [repair.name for repair in known]
    if found.repair not in names:
        there = ", ".join(names) or "none yet"
        raise table.error("repair", f"names {found.repair!r}", f"add it to [[repairs]]; there: {there}")
    return found


def known_in(folder: Path, house: Path) -> Path:
    """The file that lists the known flags: that of the folder, else that of the house."""
    return folder / KNOWN if (folder / KNOWN).is_file() else house / KNOWN
