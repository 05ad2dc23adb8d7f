"""The names of attributes that a decoder met, handed to a writer with the rows that may carry them."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Final

MOST_NAMES: Final = 1_000
"""More than any honest fleet uses; beyond it, what was met is not known any more."""


class AttributeNames:
    """Names of attributes of spans, their events and links, and of logs: it grows only.

    A row may be handed over with it when all names of the row were added before. Safe for several threads.
    """

    __slots__ = ("_known", "_lock", "names", "overflows")

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._lock = threading.Lock()
        self.names: list[str] = []
        """Each once, in the order in which they were met."""
        self.overflows = False
        """There were more than are kept."""

    def add_all(self, names: Iterable[str]) -> None:
        """Take note of several names."""
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Take note of a name."""
        if name in self._known or self.overflows:
            return
        with self._lock:
            if len(self.names) >= MOST_NAMES:
                self.overflows = True
            elif name not in self._known:
                # Listed before it counts as known: whoever relies on that hands the list over.
                self.names.append(name)
                self._known.add(name)
