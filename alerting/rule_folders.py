"""Folders of rule files, read again when they change. One malformed file never stops the others."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from alerting import rules
from alerting.errors import RuleError
from alerting.model import Rule

SHIPPED: Final = Path(__file__).resolve().parent.parent / "detectors"
_MOST_FILES: Final = 200


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file of a folder as it was read: a rule, or why there is none."""

    name: str
    file: str
    text: str
    """Empty where it cannot be read."""
    rule: Rule | None
    problem: str = ""


_Stamp = tuple[str, int, int, int]


class RuleFolders:
    """Reads rules from folders; a rule of a later folder replaces one of the same name of an earlier one."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = tuple(folders)
        self._read: dict[Path, tuple[_Stamp, RuleFile]] = {}

    def missing(self) -> Sequence[Path]:
        """Folders that are not there or cannot be read now: what was read of them before stays."""
        return [folder for folder in self._folders if _listed(folder) is None]

    def files(self) -> Mapping[str, RuleFile]:
        """Every file by the name of its rule. Files that did not change are not read again."""
        found: dict[str, RuleFile] = {}
        read: dict[Path, tuple[_Stamp, RuleFile]] = {}
        for path, is_away in self._paths():
            stamp = _stamp(path)
            known = self._read.get(path)
            kept = known and (known[0] == stamp or is_away)
            read[path] = known if known and kept else (stamp, read_file(path))
            found[path.stem] = read[path][1]
        self._read = read
        return dict(sorted(found.items()))

    def _paths(self) -> Iterator[tuple[Path, bool]]:
        """Each file, and whether its folder is away."""
        for folder in self._folders:
            listed = _listed(folder)
            if listed is None:
                yield from ((path, True) for path in self._read if path.parent == folder)
            else:
                yield from ((path, False) for path in listed[:_MOST_FILES])


def read_file(path: Path) -> RuleFile:
    """One file."""
    text = ""
    try:
        text = rules.read(path)
        return RuleFile(path.stem, path.name, text, rules.parse(path.stem, path.name, text))
    except RuleError as error:
        return RuleFile(path.stem[:80], path.name[:100], text, None, str(error))


def _listed(folder: Path) -> Sequence[Path] | None:
    """The rule files of a folder by name; None if it is not there or cannot be read."""
    try:
        # Path.glob passes over a folder that may not be read, as if it were empty.
        names = sorted(os.listdir(folder))  # noqa: PTH208  its names are wanted, not paths
    except OSError:
        return None
    return [folder / name for name in names if name.endswith(".toml") and not name.startswith(("_", "."))]


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError:
        return path.name, 0, 0, 0
    return path.name, status.st_mtime_ns, status.st_size, status.st_ino
