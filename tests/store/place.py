"""A store that is written and read, for tests of what happens to its files."""

from __future__ import annotations

from pathlib import Path

import store
from store.api import Batch, Reader
from store.sqlite.write.writer import SqliteWriter
from tests.store.build import log_row, row, span


class Place:
    """A store that is written and read, with three spans and two logs."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "data" / "store.db"
        self.writer = SqliteWriter(self.path, max_bytes=1 << 30, max_age_s=1e9)
        self.reader: Reader = store.open_reader(self.path)
        self.writer.write(Batch([row(span(n)) for n in (1, 2, 3)], [log_row("a", ms=1), log_row("b", ms=2)]))
        assert self.counts() == (3, 2)

    def counts(self) -> tuple[int, int]:
        status = self.reader.status()
        return status.spans, status.logs

    def notes(self) -> str:
        return " ".join(note.text for note in self.writer.health().notes)

    def close(self) -> None:
        self.writer.close()
        self.reader.close()

    def set_aside(self, word: str) -> list[Path]:
        found = self.path.parent.glob(f"{self.path.name}.{word}-*")
        return [each for each in found if not each.name.endswith(("-wal", "-shm"))]
