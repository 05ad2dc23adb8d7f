"""Metrics of the process, its garbage collector and its thread pools, read when they are exported.

By the standard library, which has all of it: `opentelemetry-instrumentation-system-metrics` would bring
psutil for the same figures. What a system does not tell (macOS has no `/proc`) is left out.
"""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from opentelemetry.metrics import Meter

from services.common.telemetry.metrics import observe

_Points = Iterable[tuple[float, Mapping[str, str | int]]]
_STATM = Path("/proc/self/statm")
_STATUS = Path("/proc/self/stat")
_DESCRIPTORS = (Path("/proc/self/fd"), Path("/dev/fd"))
# Of /proc/self/stat, counted after the name, which may hold blanks and brackets.
_THREADS_FIELD = 17


class Occupancy(NamedTuple):
    """How full a pool of threads is: threads at work, threads in all, work that waits for one."""

    used: int
    size: int
    pending: int


def observe_process(meter: Meter) -> None:
    """Make the process's own metrics part of every export."""
    started = time.monotonic()
    observe(meter, "process.cpu.time", _cpu)
    observe(meter, "process.memory.usage", lambda: _memory(1))
    observe(meter, "process.memory.virtual", lambda: _memory(0))
    observe(meter, "process.thread.count", _threads)
    observe(meter, "process.unix.file_descriptor.count", _descriptors)
    observe(meter, "process.uptime", lambda: [(time.monotonic() - started, {})])
    for name, key in (
        ("collections", "collections"),
        ("collected_objects", "collected"),
        ("uncollectable_objects", "uncollectable"),
    ):
        # mypy infers no type for a lambda with a default, which binds each key by itself.
        observe(meter, f"cpython.gc.{name}", lambda key=key: _generations(key))  # type: ignore[misc]


def observe_pool(meter: Meter, name: str, occupancy: Callable[[], Occupancy]) -> None:
    """Make what `occupancy` returns of the pool `name` part of every export."""

    def threads() -> _Points:
        now = occupancy()
        for state, value in (("used", now.used), ("idle", now.size - now.used)):
            yield value, {"hipstershop.pool.name": name, "hipstershop.pool.state": state}

    observe(meter, "hipstershop.pool.threads", threads)
    observe(
        meter, "hipstershop.pool.pending", lambda: [(occupancy().pending, {"hipstershop.pool.name": name})]
    )


def _cpu() -> _Points:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return [(used.ru_utime, {"cpu.mode": "user"}), (used.ru_stime, {"cpu.mode": "system"})]


def _memory(field: int) -> _Points:
    with suppress(OSError):
        return [(int(_STATM.read_text().split()[field]) * resource.getpagesize(), {})]
    return []


def _threads() -> _Points:
    with suppress(OSError):
        return [(int(_STATUS.read_text().rpartition(")")[2].split()[_THREADS_FIELD]), {})]
    return []


def _descriptors() -> _Points:
    for folder in _DESCRIPTORS:
        with suppress(OSError):
            # One of them is the listing's own.
            return [(len(list(folder.iterdir())) - 1, {})]
    return []


def _generations(key: str) -> _Points:
    return [(each[key], {"cpython.gc.generation": number}) for number, each in enumerate(gc.get_stats())]
