"""Loads an `Incident` from its TOML file and validates it as a whole.

Owns the file format (described in incidents/README.md).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from incidents import check_tables, flag_tables
from incidents.consistency import validate
from incidents.model import Check, Incident, Step
from incidents.question_tables import question
from incidents.reading import IncidentError, Table

DATA = Path(__file__).resolve().parent / "data"
COMMON = "_common.toml"
_KEPT_READINGS = 4
"""The folder as it is, and a few states of it while files are written."""


def names(folder: Path | None = None) -> tuple[str, ...]:
    """The names of all incidents, sorted, those with malformed files too."""
    return tuple(path.stem for path in _files(folder or DATA))


def load(name: str, folder: Path | None = None) -> Incident:
    """The incident of that name; IncidentError when there is none or its data is malformed."""
    folder = folder or DATA
    if name not in names(folder):
        known = ", ".join(names(folder))
        raise IncidentError(folder / f"{name}.toml", "name", "no such incident", f"use one of: {known}")
    return _incident(folder / f"{name}.toml", folder)


def load_all(folder: Path | None = None) -> tuple[Mapping[str, Incident], tuple[IncidentError, ...]]:
    """Every incident that can be used, by name and sorted, and why others cannot.

    A malformed file takes no other down. Files that did not change are not read again.
    """
    folder = folder or DATA
    shared = (folder / COMMON, flag_tables.known_in(folder, DATA))
    return _load_all(folder, tuple(_stamp(path) for path in (*shared, *_files(folder))))


@lru_cache(maxsize=_KEPT_READINGS)
def _load_all(
    folder: Path, _stamps: tuple[object, ...]
) -> tuple[Mapping[str, Incident], tuple[IncidentError, ...]]:
    good: dict[str, Incident] = {}
    problems: list[IncidentError] = []
    for file in _files(folder):
        try:
            good[file.stem] = _incident(file, folder)
        except IncidentError as error:
            problems.append(error)
    return MappingProxyType(good), tuple(problems)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*.toml") if not path.name.startswith("_"))


def _stamp(path: Path) -> tuple[str, int, int]:
    try:
        status = path.stat()
    except OSError:
        return path.name, 0, 0
    return path.name, status.st_mtime_ns, status.st_size


def _incident(file: Path, folder: Path) -> Incident:
    table = read(file)
    common = read(folder / COMMON) if (folder / COMMON).is_file() else Table(folder / COMMON, "", {})
    own = check_tables.checks(table.table("checks"))
    checks = {**check_tables.checks(common.table("checks")), **own}
    known = flag_tables.known_flags(read(flag_tables.known_in(folder, DATA)))
    flags = flag_tables.flags(table.table("flags"), known)
    repairs = flag_tables.repairs(table.tables("repairs"), flags)
    incident = Incident(
        name=file.stem,
        title=table.text("title"),
        summary=table.text("summary"),
        minutes=table.whole("minutes"),
        checkout_status=table.whole("checkout_status"),
        flags=flags,
        steps=tuple(_step(step, checks) for step in table.tables("steps")),
        headline=table.text("headline"),
        answer=table.text("answer"),
        question=question(table.table("question")),
        repairs=repairs,
        visits=max(1, table.whole("visits", 1)),
        release=flag_tables.release(table.table("release"), repairs),
    )
    table.done()
    unused = sorted(set(own) - {check.name for check in incident.checks})
    if unused:
        raise table.error(f"checks.{unused[0]}", "is in no step", "name it in the checks of a step")
    validate(table, incident, frozenset(checks))
    return incident


def read(file: Path) -> Table:
    """The whole of a TOML file. Raises IncidentError when it cannot be read."""
    try:
        return Table(file, "", tomllib.loads(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise IncidentError(file, "file", f"cannot be read: {error}", "restore it") from error
    except tomllib.TOMLDecodeError as error:
        raise IncidentError(file, "file", f"is not TOML: {error}", "correct that line") from error
    except RecursionError as error:
        raise IncidentError(file, "file", "is nested too deeply", "write fewer brackets") from error


def _step(table: Table, checks: Mapping[str, Check]) -> Step:
    repair = table.text("repair", "")
    chosen = []
    for name in table.texts("checks"):
        if name not in checks:
            known = ", ".join(checks)
            raise table.error("checks", f"names {name!r}", f"define [checks.{name}] or use one of: {known}")
        chosen.append(replace(checks[name], repair=repair))
    step = Step(
        name=table.text("name"),
        title=table.text("title"),
        screen=table.text("screen"),
        click=table.text("click"),
        look=table.text("look"),
        expected=table.text("expected"),
        hint=table.text("hint"),
        meaning=table.text("meaning"),
        checks=tuple(chosen),
        repair=repair,
    )
    table.done()
    return step
