"""Which program listens on a port of this machine, as far as this user may see it. Standard library only."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_LISTENS = "0A"
_LONGEST_COMMAND = 80


def holder(port: int) -> str:
    """`python3 -m http.server 8080 (process 4711)`; empty where it is not known, as another user's is."""
    sockets = {f"socket:[{inode}]" for inode in _listening(port)}
    if not sockets:
        return ""
    for folder in Path("/proc").glob("[0-9]*"):
        if any(target in sockets for target in _open_files(folder)):
            return f"{_command(folder)} (process {folder.name})"
    return ""


def _listening(port: int) -> Iterator[str]:
    """The inodes of the sockets that listen on a port."""
    for table in _TABLES:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            fields = line.split()
            if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                yield fields[9]


def _open_files(folder: Path) -> Iterator[str]:
    try:
        numbers = os.listdir(folder / "fd")  # noqa: PTH208 - names only, thousands of them
    except OSError:
        return
    for number in numbers:
        try:
            yield os.readlink(folder / "fd" / number)  # noqa: PTH115 - the text of the link, which is no path
        except OSError:
            continue


def _command(folder: Path) -> str:
    try:
        words = (folder / "cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return "a program"
    text = " ".join("".join(filter(str.isprintable, word)) for word in words if word)
    return text if len(text) <= _LONGEST_COMMAND else f"{text[:_LONGEST_COMMAND]}…"
