"""The file that says how often each seat of a class was freed: for a process that must not read the class.

The lab writes it, as JSON `{"NAME": GENERATION}`, whenever a seat is freed or leaves the roster; who is not
in it was never freed. It is looked at each time that a signature is verified, so that a freed seat is
closed at once.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from pathlib import Path

from runtime import seats

FILE_VARIABLE = "SEAT_GENERATIONS_FILE"


class SeatGenerations:
    """Reads one file, again whenever it was replaced. Safe for several threads."""

    def __init__(self, file: Path | None) -> None:
        """`file` is None where no seat can be freed: then every seat is of the first generation."""
        self._file = file
        self._lock = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._known: Mapping[str, int] | None = None

    def of(self, name: str) -> int | None:
        """The generation of a seat's name; None as long as the file could never be read."""
        if self._file is None:
            return 0
        with self._lock:
            self._refresh(self._file)
            return None if self._known is None else self._known.get(seats.name_or_empty(name), 0)

    def _refresh(self, file: Path) -> None:
        try:
            found = file.stat()
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            if seen != self._seen:
                self._known = _generations(file.read_text("utf-8"))
                self._seen = seen
        except (OSError, ValueError):
            # What was read last stays in force: a file that cannot be read frees and closes nobody.
            return


def document(generations: Mapping[str, int]) -> str:
    """What the file holds for these seats."""
    return json.dumps({name: number for name, number in generations.items() if number}, ensure_ascii=False)


def _generations(text: str) -> Mapping[str, int]:
    found = json.loads(text)
    if not isinstance(found, dict) or not all(isinstance(number, int) for number in found.values()):
        raise ValueError("the file of generations is not a JSON object of whole numbers")
    return found
