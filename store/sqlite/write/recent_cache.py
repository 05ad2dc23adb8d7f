"""A cache that forgets about what was used least lately, at the price of a dictionary."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class RecentCache(Generic[K, V]):
    """At least the `most` entries used last, at most twice as many. Not thread-safe.

    Two dictionaries: when the newer one is full, the older one is dropped. `cachetools.LRUCache` takes
    1.2 µs to look up and 2.5 µs to store, which is a fifth of what a span may cost; this takes 0.15.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._new: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def get(self, key: K) -> V | None:
        """The value of a key, None if it is not there."""
        found = self._new.get(key)
        if found is None:
            found = self._old.get(key)
            if found is not None:
                self[key] = found
        return found

    def __setitem__(self, key: K, value: V) -> None:
        if len(self._new) >= self._most:
            self._old = self._new
            self._new = {}
        self._new[key] = value

    def clear(self) -> None:
        """Forget everything."""
        self._new.clear()
        self._old.clear()
