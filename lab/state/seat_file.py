"""The file by which the shop learns which seats were freed: it may not read the class's own."""

from __future__ import annotations

from pathlib import Path

from classroom import ClassStore
from lab.state.atomic_write import write_atomically
from runtime import seat_generations


def write(file: Path, store: ClassStore) -> None:
    """Write how often each seat of the class was freed; the shop follows at once. Raises LabError."""
    write_atomically(file, seat_generations.document(store.generations()))
