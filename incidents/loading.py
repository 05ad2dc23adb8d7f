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
from typing import Any

from incidents import check_tables, flag_tables
from incidents.consistency import validate
from incidents.model import Check, Incident, Step
from incidents.question_tables import question
from incidents.reading import IncidentError, Table

DATA = Path(__file__).resolve().parent / "data"
COMMON = "_common.toml"
SAME_FAULT = "same_fault_as"
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
    return _incident(folder / f"{name}.toml", _Files(folder))


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
    files = _Files(folder)
    for file in _files(folder):
        try:
            good[file.stem] = _incident(file, files)
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


class _Files:
    """The files of a folder, each parsed once however many incidents name it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._values: dict[Path, Mapping[str, Any]] = {}
        self._common: Mapping[str, Check] | None = None

    def read(self, file: Path) -> Table:
        """The whole of a file. Raises IncidentError when it cannot be read."""
        if file not in self._values:
            self._values[file] = _parsed(file)
        return Table(file, "", self._values[file])

    def common(self) -> Mapping[str, Check]:
        """The checks that all incidents may name. Raises IncidentError when they are malformed."""
        if self._common is None:
            file = self.folder / COMMON
            self._common = check_tables.checks(self.read(file).table("checks")) if file.is_file() else {}
        return self._common


def _incident(file: Path, files: _Files) -> Incident:
    table = files.read(file)
    fault = _fault(table, files)
    own = check_tables.checks(table.table("checks"))
    inherited = {} if fault is table else check_tables.checks(fault.table("checks"))
    checks = {**files.common(), **inherited, **own}
    known = flag_tables.known_flags(files.read(flag_tables.known_in(files.folder, DATA)))
    flags = flag_tables.flags(fault.table("flags"), known)
    repairs = flag_tables.repairs(fault.tables("repairs"), flags)
    incident = Incident(
        name=file.stem,
        title=table.text("title"),
        summary=table.text("summary"),
        minutes=table.whole("minutes"),
        checkout_status=fault.whole("checkout_status"),
        flags=flags,
        steps=tuple(_step(step, checks) for step in table.tables("steps")),
        headline=fault.text("headline"),
        answer=fault.text("answer"),
        question=question(fault.table("question")),
        repairs=repairs,
        visits=max(1, fault.whole("visits", 1)),
        release=flag_tables.release(fault.table("release"), repairs),
        reaches_others=fault.text("reaches_others", ""),
        arrives_within_s=table.whole("arrives_within_s", 0),
        proofs=_chosen(table, "proofs", checks),
        same_fault_as=table.text(SAME_FAULT, ""),
    )
    table.done()
    unused = sorted(set(own) - {check.name for check in (*incident.checks, *incident.proofs)})
    if unused:
        raise table.error(f"checks.{unused[0]}", "is in no step", "name it in the checks of a step")
    validate(table, incident, frozenset(checks))
    return incident


def _fault(table: Table, files: _Files) -> Table:
    """The table that describes the fault: this one, or that of the incident of which it tells otherwise."""
    name = table.text(SAME_FAULT, "")
    if not name:
        return table
    known = names(files.folder)
    if name not in known or name == table.file.stem:
        raise table.error(SAME_FAULT, f"names {name!r}", f"use one of: {', '.join(known)}")
    fault = files.read(files.folder / f"{name}.toml")
    if fault.raw(SAME_FAULT) is not None:
        raise table.error(
            SAME_FAULT, f"names {name!r}, which has no fault of its own", "name the one that has"
        )
    return fault


def read(file: Path) -> Table:
    """The whole of a TOML file. Raises IncidentError when it cannot be read."""
    return Table(file, "", _parsed(file))


def _parsed(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise IncidentError(file, "file", f"cannot be read: {error}", "restore it") from error
    except tomllib.TOMLDecodeError as error:
        raise IncidentError(file, "file", f"is not TOML: {error}", "correct that line") from error
    except RecursionError as error:
        raise IncidentError(file, "file", "is nested too deeply", "write fewer brackets") from error


def _step(table: Table, checks: Mapping[str, Check]) -> Step:
    repair = table.text("repair", "")
    chosen = _chosen(table, "checks", checks)
    step = Step(
        name=table.text("name"),
        title=table.text("title"),
        screen=table.text("screen"),
        click=table.text("click"),
        look=table.text("look"),
        expected=table.text("expected"),
        hint=table.text("hint"),
        meaning=table.text("meaning"),
        checks=tuple(replace(check, repair=repair) for check in chosen),
        repair=repair,
    )
    table.done()
    return step


def _chosen(table: Table, key: str, checks: Mapping[str, Check]) -> tuple[Check, ...]:
    """The checks that a list names."""
    found = []
    for name in table.texts(key):
        if name not in checks:
            known = ", ".join(checks)
            raise table.error(key, f"names {name!r}", f"define [checks.{name}] or use one of: {known}")
        found.append(checks[name])
    return tuple(found)
