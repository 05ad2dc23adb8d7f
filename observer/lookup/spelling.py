"""How a typed value is meant: as it is spelled in the telemetry, or as a part of several values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from signals.folding import fold
from store.api import Reader

Sense = Literal["attr", "like"]
"""The argument that filters by a value: by all of it, or by a part of it."""
_MOST = 50


def meant(reader: Reader, name: str, typed: str, is_there: Callable[[Sense, str], bool]) -> tuple[Sense, str]:
    """The argument to filter by, and its value.

    A value that is stored as typed, or that differs from it in case and Unicode form alone, is meant
    whole; else the text is a part, if any value holds it. `is_there` says whether anything that is
    listed fits such a filter.
    """
    known = reader.values_holding(name, typed, _MOST)
    if typed in known:
        return "attr", typed
    alike = [value for value in known if fold(value) == fold(typed)]
    if len(alike) == 1:
        return "attr", alike[0]
    if known:
        return "like", typed
    is_part = not is_there("attr", typed) and is_there("like", typed)
    return ("like", typed) if is_part else ("attr", typed)


def service_meant(reader: Reader, typed: str) -> str:
    """The name of the one service that is meant; the text itself where none or several fit."""
    known = [service.name for service in reader.services_holding(typed, _MOST)]
    alike = [name for name in known if fold(name) == fold(typed)]
    if typed in known:
        return typed
    return next(iter(alike), known[0] if len(known) == 1 else typed)
