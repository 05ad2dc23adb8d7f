"""Reads one TOML table strictly: a missing, misspelt or mistyped key raises an error with its remedy.

Knows TOML tables only; what an incident is stands in `incidents.loading`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_KINDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false"}


class IncidentError(ValueError):
    """Incident data that cannot be used; the message names the file, the key and the remedy."""

    def __init__(self, file: Path, key: str, problem: str, remedy: str) -> None:
        super().__init__(f"{file.name}: {key}: {problem}; {remedy}")
        self.file = file
        self.key = key
        self.problem = problem
        self.remedy = remedy


class Table:
    """A TOML table and its path in the file. Every key must be read before `done` is called."""

    def __init__(self, file: Path, place: str, values: Mapping[str, Any]) -> None:
        self.file = file
        self.place = place
        self._values = values
        self._read: set[str] = set()

    def key(self, name: str) -> str:
        """The full name of a key of this table, for error messages."""
        return f"{self.place}.{name}" if self.place else name

    def error(self, name: str, problem: str, remedy: str) -> IncidentError:
        """An error at one key of this table."""
        return IncidentError(self.file, self.key(name), problem, remedy)

    def text(self, name: str, default: str | None = None) -> str:
        """A text that is not blank, its edges trimmed; `default` makes it optional."""
        value = self._take(name, str, default)
        if default is None and not value.strip():
            raise self.error(name, "is blank", "write at least one sentence")
        return str(value).strip()

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number from 0 up."""
        value = self._take(name, int, default)
        if value < 0:
            raise self.error(name, f"is {value}", "write a whole number from 0 up")
        return int(value)

    def truth(self, name: str, default: bool) -> bool:
        """True or false."""
        return bool(self._take(name, bool, default))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; absent means none."""
        values = self._list(name)
        for value in values:
            if not isinstance(value, str):
                raise self.error(name, f"holds {value!r}", "write a list of texts")
        return tuple(values)

    def table(self, name: str) -> Table:
        """A table inside this one; absent means empty."""
        value = self.raw(name, {})
        if not isinstance(value, dict):
            raise self.error(name, f"is {value!r}", f"write a table: [{self.key(name)}]")
        return Table(self.file, self.key(name), value)

    def tables(self, name: str) -> tuple[Table, ...]:
        """A list of tables; absent means none."""
        found = []
        for index, value in enumerate(self._list(name)):
            if not isinstance(value, dict):
                raise self.error(name, f"holds {value!r}", "write a list of tables")
            found.append(Table(self.file, f"{self.key(name)}[{index}]", value))
        return tuple(found)

    def raw(self, name: str, default: Any = None) -> Any:
        """The value as TOML has it."""
        self._read.add(name)
        return self._values.get(name, default)

    def names(self) -> tuple[str, ...]:
        """The keys as they stand in the file, in order."""
        return tuple(self._values)

    def done(self) -> None:
        """Raise IncidentError for a key that was never read: a misspelt key must not be silently ignored."""
        unknown = sorted(set(self._values) - self._read)
        if unknown:
            allowed = ", ".join(sorted(self._read))
            raise self.error(unknown[0], "is not a known key", f"remove it or use one of: {allowed}")

    def _take(self, name: str, kind: type, default: object) -> Any:
        value = self.raw(name, default)
        if value is None:
            raise self.error(name, "is missing", f"add it as {_KINDS[kind]}")
        if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
            raise self.error(name, f"is {value!r}", f"write {_KINDS[kind]}")
        return value

    def _list(self, name: str) -> Sequence[Any]:
        value = self.raw(name, [])
        if not isinstance(value, list):
            raise self.error(name, f"is {value!r}", "write a list: [ ... ]")
        return value
