"""Whether the files that the writer writes are those that stand at the path. Cheap: three `stat` calls.

SQLite keeps writing to files that were deleted or moved away, and trusts what it has in memory of one
that was overwritten. Owns the comparison; what follows from it is decided in `writer`.
"""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path
from typing import Final

from store.sqlite.store_file import SUFFIXES, SUSPECT_SUFFIX

_MAGIC: Final = b"SQLite format 3\0"
_HEADER_BYTES: Final = 100
_PAGE_SIZE: Final = slice(16, 18)
_PAGES: Final = slice(28, 32)
_LARGEST_PAGE: Final = 65_536


class Loss(Enum):
    """What happened to the files."""

    GONE = "gone"
    """There is no file at the path: it was deleted or moved away."""
    REPLACED = "replaced"
    """Another file stands at the path."""
    LOG_GONE = "log gone"
    """The write-ahead log or its index was deleted or replaced."""
    DAMAGED = "damaged"
    """The file is cut off or does not begin like one of SQLite."""
    CHANGED = "changed"
    """Another program wrote into the file, or a reader found damage; it begins and ends as it should."""


_Identity = tuple[int, int] | None


class StoreGuard:
    """Remembers a store's files at the time of its making."""

    def __init__(self, path: Path) -> None:
        """Raise OSError if there is no file. Must be made after SQLite has opened all of them."""
        self._name = str(path)
        self._suspect = f"{path}{SUSPECT_SUFFIX}"
        self._beside = tuple(f"{path}{suffix}" for suffix in SUFFIXES[1:])
        # Kept open as long as the connection: closing any descriptor of a file gives up all locks that
        # this process holds on it, those of SQLite included.
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        stat = os.fstat(self._fd)
        self.identity = (stat.st_dev, stat.st_ino)
        self._shape = (stat.st_size, stat.st_mtime_ns)
        self._known = tuple(_identity(each) for each in self._beside)

    def look(self, *, own_change: bool) -> Loss | None:
        """What is wrong, None if nothing is.

        With `own_change` the writer may have changed the file itself since the last look (a checkpoint).
        """
        try:
            main = os.stat(self._name)  # noqa: PTH116 - with each commit; Path takes twice as long
        except PermissionError:
            # The folder may not be looked into any more: the file's own count of names tells.
            return None if os.fstat(self._fd).st_nlink else Loss.GONE
        except OSError:
            return Loss.GONE
        if (main.st_dev, main.st_ino) != self.identity:
            return Loss.REPLACED
        shape = (main.st_size, main.st_mtime_ns)
        if shape != self._shape:
            if not self._is_whole(main.st_size):
                return Loss.DAMAGED
            if not own_change:
                return Loss.CHANGED
            self._shape = shape
        if tuple(_identity(each) for each in self._beside) != self._known:
            return Loss.LOG_GONE
        if not own_change and self._is_suspected():
            return Loss.CHANGED
        return None

    def _is_suspected(self) -> bool:
        """Whether a reader found damage since the last look; it is asked once."""
        try:
            os.unlink(self._suspect)  # noqa: PTH108 - see above
        except OSError:
            return False
        return True

    def beside(self, *, own: bool) -> list[Path]:
        """The log and index at the path that are this store's `own`, or those that are another's."""
        return [
            Path(path)
            for path, known in zip(self._beside, self._known, strict=True)
            if (found := _identity(path)) is not None and (found == known) is own
        ]

    def close(self) -> None:
        """Must come after the connection was closed."""
        os.close(self._fd)

    def _is_whole(self, size: int) -> bool:
        """Whether the file begins like one of SQLite, and has all pages that it claims unless it is growing.

        A checkpoint beside a reader writes the new number of pages and leaves out those of which the log
        has a newer version than the reader may see: a file that grew may lack its last pages for a while.
        """
        header = os.pread(self._fd, _HEADER_BYTES, 0)
        if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
            return False
        page_bytes = int.from_bytes(header[_PAGE_SIZE], "big")
        if page_bytes == 1:
            page_bytes = _LARGEST_PAGE
        return size >= self._shape[0] or size >= page_bytes * int.from_bytes(header[_PAGES], "big")


def _identity(path: str) -> _Identity:
    try:
        stat = os.stat(path)  # noqa: PTH116 - see above
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
