"""The log file of each process: opening, rotation, the last lines, a readable form.

A process writes to its file directly, so a busy supervisor never delays it.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

MAX_BYTES = 8 * 1024 * 1024
_CARRYING = "carried over so far"
"""What the store writes of it (store/sqlite/write/older_files.py)."""
_MARKS = ("Error", "error", "refused", "in use", "must be", "cannot", "could not", "denied", "not understood")
_SHOWN_FIRST = ("timestamp", "level", "event", "message", "severity", "service.name", "service")
_HIDDEN = ("service.version", "deployment.environment", "deployment.environment.name", "service.instance.id")


def open_log(folder: Path, name: str) -> int:
    """The file that a process appends its output to, as an open file number. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    return os.open(folder / f"{name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)


def rotate(folder: Path, limit_bytes: int = MAX_BYTES) -> list[str]:
    """Move files over the limit to `<name>.log.1` (one generation); returns their names.

    Writers keep their open file and continue at its new start, because they append.
    """
    cut = []
    for path in folder.glob("*.log"):
        with contextlib.suppress(OSError):
            if path.stat().st_size > limit_bytes:
                shutil.copyfile(path, path.with_name(f"{path.name}.1"))
                os.truncate(path, 0)
                cut.append(path.name)
    return cut


def last_error(folder: Path, name: str, lines: int = 40) -> str:
    """The last error among the last lines of a process, else its last line; may be empty."""
    text = tail(folder / f"{name}.log", lines)
    for line in reversed(text):
        if any(mark in line for mark in _MARKS):
            return readable(line).strip()
    return readable(text[-1]).strip() if text else ""


def is_carrying_over(folder: Path, name: str, within_s: float = 10.0) -> bool:
    """Whether a process wrote just now how far it is with a file of an older version: it needs more time."""
    path = folder / f"{name}.log"
    try:
        age_s = time.time() - path.stat().st_mtime
    except OSError:
        return False
    return age_s < within_s and any(_CARRYING in line for line in tail(path, 1))


def tail(path: Path, lines: int) -> list[str]:
    """The last lines of a file, oldest first; none when it does not exist."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - 512 * max(lines, 40)))
            data = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    # Not [-lines:], which is everything for 0.
    found = [line for line in data.splitlines() if line.strip()]
    return found[max(0, len(found) - lines) :]


def readable(line: str, name: str = "") -> str:
    """A readable line: a JSON record becomes time, level, message and fields; other text is unchanged."""
    try:
        record = json.loads(line)
    except ValueError:
        return f"{'':12} {name:<22} {line.rstrip()}" if name else line.rstrip()
    if not isinstance(record, dict):
        return line.rstrip()
    message = record.get("message") or record.get("event") or ""
    level = str(record.get("level") or record.get("severity") or "").upper()
    rest = " ".join(
        f"{key}={_short(value)}" for key, value in record.items() if key not in _SHOWN_FIRST + _HIDDEN
    )
    who = name or str(record.get("service.name") or record.get("service") or "")
    return f"{_clock(record.get('timestamp')):12} {who:<22} {level:<5} {message} {rest}".rstrip()


def _clock(timestamp: Any) -> str:
    if isinstance(timestamp, int | float):
        seconds = timestamp / 1e9 if timestamp > 1e14 else timestamp / 1e3 if timestamp > 1e11 else timestamp
        return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S.%f")[:12]
    text = str(timestamp or "")
    return text.partition("T")[2].rstrip("Z")[:12] or text[:12]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, default=str)
    return json.dumps(text) if " " in text else text
