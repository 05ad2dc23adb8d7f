"""The data folder of a lab: files of the store, the carts and alerts, among which a user may keep others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from lab.errors import LabError, unwritable
from lab.state.run_folder import ALERTS, CARTS, STORE


def prepare(folder: Path, *, empty: bool) -> None:
    """Make the folder and check that 64 KB can be written; `empty` removes the old store, carts and alerts.

    Raises LabError.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial = folder / ".writable"
        trial.write_bytes(b"\0" * 65_536)
        trial.unlink()
    except OSError as error:
        raise unwritable(folder, error) from error
    if empty:
        remove_files(folder)


def remove_files(folder: Path, names: Sequence[str] = (STORE, CARTS, ALERTS)) -> int:
    """Delete these files, nothing else; returns the bytes freed. Raises LabError."""
    freed = 0
    for path in _own_files(folder, names):
        try:
            size = path.stat().st_size
            path.unlink()
        except OSError as error:
            raise LabError(f"{path} could not be deleted: {error.strerror}.") from error
        freed += size
    return freed


def _own_files(folder: Path, names: Sequence[str]) -> Iterator[Path]:
    for name in names:
        # SQLite keeps a write-ahead log and an index of it beside the file.
        yield from folder.glob(f"{name}*")
