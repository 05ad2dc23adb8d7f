"""What all sessions of one store share: caches of what never changes, each bounded by bytes.

A number of a tag set or of a span is never given twice, so that what was read under it once holds for
every snapshot of the same file. When a cache is full the oldest entries go, not all of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast

K = TypeVar("K")
V = TypeVar("V")
C = TypeVar("C")


class BoundedCache(Generic[K, V]):
    """Values by key up to a number of bytes. Safe for several threads."""

    def __init__(self, most_bytes: int, bytes_of: Callable[[V], int]) -> None:
        """`bytes_of` estimates what a value takes, its key included, and always says the same of it."""
        self._most_bytes = most_bytes
        self._bytes_of = bytes_of
        self._values: dict[K, V] = {}
        self._lock = threading.Lock()
        self.bytes = 0
        """What it holds, by the estimates."""
        self.get = self._values.get
        """The value of a key, else None: the dictionary's own method, as breakdowns ask it by thousands."""

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def update(self, found: Mapping[K, V]) -> None:
        """Keep these; those go that were added first. What is larger than the bound is not kept."""
        with self._lock:
            for key, value in found.items():
                self._put(key, value)

    def keep(self, key: K, value: V) -> None:
        """Keep one, as `update`."""
        with self._lock:
            self._put(key, value)

    def _put(self, key: K, value: V) -> None:
        values, bytes_of = self._values, self._bytes_of
        known = values.pop(key, None)
        if known is not None:
            self.bytes -= bytes_of(known)
        size_bytes = bytes_of(value)
        if size_bytes > self._most_bytes:
            return
        values[key] = value
        self.bytes += size_bytes
        while self.bytes > self._most_bytes:
            self.bytes -= bytes_of(values.pop(next(iter(values))))


class Shared:
    """One object of each class that is asked for."""

    def __init__(self) -> None:
        self._made: dict[type[Any], object] = {}
        self._lock = threading.Lock()

    def of(self, kind: type[C]) -> C:
        """The one of a class, made without arguments when it is first asked for."""
        found = self._made.get(kind)
        if found is None:
            with self._lock:
                found = self._made.get(kind)
                if found is None:
                    found = self._made[kind] = kind()
        return cast("C", found)
