"""Reads one TOML table strictly: a missing, misspelt or mistyped key raises RuleError with its remedy."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from alerting.errors import RuleError

_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*(ms|s|m|h)")
_UNITS_NS: Final = {"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_LONGEST_TEXT: Final = 2_000
_MOST_ENTRIES: Final = 50


class Table:
    """A TOML table and its path in the file. Every key must be read before `done` is called."""

    def __init__(self, file: str, place: str, values: Mapping[str, Any]) -> None:
        self.file = file
        self.place = place
        self._values = values
        self._read: set[str] = set()

    def error(self, name: str, problem: str, remedy: str) -> RuleError:
        """An error at one key of this table."""
        key = f"{self.place}.{name}" if self.place else name
        return RuleError(self.file, key, problem, remedy)

    def has(self, name: str) -> bool:
        """Whether the key is there."""
        return name in self._values

    def text(self, name: str, default: str | None = None) -> str:
        """A text, its edges trimmed; it must be there and not blank unless there is a default."""
        value = self._take(name, default)
        if value is None:
            raise self.error(name, "is missing", "add it as a text")
        if not isinstance(value, str):
            raise self.error(name, f"is {_shown(value)}", "write a text in quotes")
        if default is None and not value.strip():
            raise self.error(name, "is blank", "write at least one word")
        if len(value) > _LONGEST_TEXT:
            raise self.error(name, f"has {len(value)} characters", f"write at most {_LONGEST_TEXT}")
        return value.strip()

    def choice(self, name: str, words: Sequence[str], default: str | None = None) -> str:
        """One of some words."""
        value = self.text(name, default)
        if value not in words:
            raise self.error(name, f"is {_shown(value)}", f"use one of: {', '.join(words)}")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """A finite number."""
        value = self._take(name, default)
        if value is None:
            raise self.error(name, "is missing", "add it as a number")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.error(name, f"is {_shown(value)}", "write a number without quotes")
        if not math.isfinite(value):
            raise self.error(name, f"is {value}", "write a finite number")
        return float(value)

    def whole(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number from `low` to `high`."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.error(name, f"is {_shown(value)}", f"write a whole number from {low} to {high}")
        return value

    def duration_ns(self, name: str, default: str, low: str, high: str) -> int:
        """A length of time such as `30s` or `5m`, from `low` to `high`, in ns."""
        value = self._take(name, default)
        found = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
        if found is None:
            raise self.error(name, f"is {_shown(value)}", 'write a length of time, such as "30s" or "5m"')
        length = duration_ns(found)
        if not _parsed(low) <= length <= _parsed(high):
            raise self.error(name, f"is {value}", f"write a length of time from {low} to {high}")
        return length

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts without repetition; absent means none."""
        values = self._take(name, [])
        if not isinstance(values, list) or any(not isinstance(each, str) or not each for each in values):
            raise self.error(name, f"is {_shown(values)}", 'write a list of texts, such as ["version"]')
        if len(set(values)) < len(values):
            raise self.error(name, f"is {_shown(values)}", "name each once")
        return tuple(values)

    def pairs(self, name: str) -> Mapping[str, str]:
        """A table of texts; absent means none."""
        value = self._take(name, {})
        if not isinstance(value, dict):
            raise self.error(name, f"is {_shown(value)}", 'write a table of texts, such as { team = "shop" }')
        for key, entry in value.items():
            if not isinstance(entry, str) or len(entry) > _LONGEST_TEXT or len(key) > _LONGEST_TEXT:
                raise self.error(f"{name}.{key[:40]}", f"is {_shown(entry)}", "write a text in quotes")
        if len(value) > _MOST_ENTRIES:
            raise self.error(name, f"has {len(value)} entries", f"write at most {_MOST_ENTRIES}")
        return value

    def table(self, name: str) -> Table:
        """A table inside this one, which must be there."""
        value = self._take(name, None)
        if not isinstance(value, dict):
            problem = "is missing" if value is None else f"is {_shown(value)}"
            raise self.error(name, problem, f"write a table: [{name}]")
        return Table(self.file, name, value)

    def done(self) -> None:
        """Raise RuleError for a key that was never read: a misspelt key must not be silently ignored."""
        unknown = sorted(set(self._values) - self._read)
        if unknown:
            allowed = ", ".join(sorted(self._read))
            raise self.error(unknown[0][:60], "is not a known key", f"remove it or use one of: {allowed}")

    def _take(self, name: str, default: Any) -> Any:
        self._read.add(name)
        return self._values.get(name, default)


def duration_ns(found: re.Match[str]) -> int:
    """The length of a matched length of time."""
    return round(float(found[1]) * _UNITS_NS[found[2]])


def _parsed(text: str) -> int:
    found = _DURATION.fullmatch(text)
    return duration_ns(found) if found else 0


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]}…"
