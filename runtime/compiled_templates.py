"""Keeps compiled templates beside the code, as Python keeps compiled modules.

Compiling the templates of the screens takes 1.4 s of CPU and leaves 4 MB of holes in the process's memory;
reading them takes 0.05 s. They lie in `__pycache__`, hold for the sources that they were made from, and are
made anew where they cannot be kept. Knows no template.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import jinja2
from jinja2.bccache import Bucket

_ROOMS = Path(__file__).parent.parent
_NAME = "template-%s.pyc"


class CompiledTemplates(jinja2.FileSystemBytecodeCache):
    """Of the templates in `room`. What they call while they are compiled lies in `rooms`."""

    def __init__(self, room: str, rooms: Sequence[str]) -> None:
        super().__init__(str(_folder(_ROOMS / room)), _NAME)
        self._rooms = rooms

    @cached_property
    def _sources(self) -> bytes:
        """Changes with the code: a template has results of filters in it, and settings of its application."""
        digest = hashlib.blake2b(jinja2.__version__.encode(), digest_size=16)
        for room in self._rooms:
            for path, size, changed_ns in sorted(_sources_in(str(_ROOMS / room))):
                digest.update(f"{path}\0{size}\0{changed_ns}\n".encode())
        return digest.digest()

    def get_source_checksum(self, source: str) -> str:
        """Of a template's text and of all code that it is compiled with."""
        return hashlib.blake2b(source.encode() + self._sources, digest_size=16).hexdigest()

    def load_bytecode(self, bucket: Bucket) -> None:
        """Read a template, if it is there and whole."""
        try:
            super().load_bytecode(bucket)
        except Exception:
            # Of a damaged file: no error of reading it is worth more than compiling anew.
            bucket.reset()

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep a template, if that is possible."""
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            super().dump_bytecode(bucket)


def _folder(room: Path) -> Path:
    """Where Python keeps the room's compiled modules."""
    return Path(importlib.util.cache_from_source(str(room / "templates.py"))).parent


def _sources_in(folder: str) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from _sources_in(entry.path)
            elif entry.name.endswith(".py"):
                found = entry.stat()
                yield entry.path, found.st_size, found.st_mtime_ns
