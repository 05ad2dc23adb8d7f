"""A `Reader` that records each question to the store with its time: what `?_explain=1` shows.

It wraps the methods of the `Reader` protocol and adds nothing to them: answers and errors
pass unchanged. One belongs to one request, so it needs no lock.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence, Sized
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from typing import Any, cast

from observer.request.local_time import iso_ms
from store.api import Breakdown, LogHistogram, Page, Reader, ServiceMap, Window

_SHOWN = 80
"""Characters of one argument that are kept."""
_METHODS = frozenset(
    name for name in dir(Reader) if not name.startswith("_") and callable(getattr(Reader, name))
)


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """One question to the store."""

    method: str
    arguments: str
    """Shortened to fit a line; may hold text from the address or from telemetry."""
    duration_ns: int
    rows: int | None
    """How many items the answer has; None if the question failed."""


class _RecordingReader:
    def __init__(self, reader: Reader, calls: list[RecordedCall]) -> None:
        self._reader = reader
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._reader, name)
        return self._recorded(name, method) if name in _METHODS else method

    def _recorded(self, name: str, method: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            begin = time.perf_counter_ns()
            rows = None
            try:
                answer = method(*args, **kwargs)
                rows = rows_of(answer)
            finally:
                elapsed = time.perf_counter_ns() - begin
                self._calls.append(RecordedCall(name, arguments_text(args, kwargs), elapsed, rows))
            return answer

        return call


def recording(reader: Reader, calls: list[RecordedCall]) -> Reader:
    """A reader that answers as this one does and appends every question to `calls`."""
    return cast(Reader, _RecordingReader(reader, calls))


def rows_of(answer: object) -> int:
    """How many items an answer has; a single value counts as 1, None as 0."""
    match answer:
        case None:
            return 0
        case Page(items=items) | Breakdown(values=items) | LogHistogram(columns=items):
            return len(items)
        case ServiceMap(nodes=nodes, edges=edges):
            return len(nodes) + len(edges)
        case (items, bool()) if isinstance(items, Sized):
            return len(items)
        case str():
            return 1
        case Sized():
            return len(answer)
        case _:
            return 1


def arguments_text(args: Sequence[object], kwargs: Mapping[str, object]) -> str:
    """The arguments of a call, in short: defaults of queries are left out, long values are cut."""
    parts = [_short(value) for value in args]
    parts += [f"{name}={_short(value)}" for name, value in kwargs.items()]
    return ", ".join(parts)


def _short(value: object) -> str:
    if isinstance(value, Window):
        return _window_text(value)
    if is_dataclass(value) and not isinstance(value, type):
        given = [
            f"{each.name}={_short(found)}"
            for each in fields(value)
            if (found := getattr(value, each.name)) != _default(each)
        ]
        return f"{type(value).__name__}({', '.join(given)})"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes) and len(value) > 3:
        return f"[{len(value)} items]"
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _default(of: Field[Any]) -> object:
    return of.default_factory() if of.default_factory is not MISSING else of.default


def _window_text(window: Window) -> str:
    if window == Window.ALL:
        return "all time"
    return f"{iso_ms(window.from_unix_nano // 1_000_000)} to {iso_ms(window.to_unix_nano // 1_000_000)}"
