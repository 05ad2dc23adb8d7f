"""What every benchmark needs: quantiles, a table, questions over HTTP. Must not know what is measured."""

from __future__ import annotations

import json
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import psutil

# The lab is on this machine: a proxy that the environment names must not stand between.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def quantile(values: Iterable[float], share: float) -> float:
    """The value below which that share of them lies; 0 when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def median(values: Iterable[float]) -> float:
    """The middle one; 0 when there are none."""
    return quantile(values, 0.5)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as wide as they must be: the first to the left, the others to the right."""
    lines = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if place else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def get_json(url: str, timeout_s: float = 10.0) -> Any:
    """The JSON that a GET answers. Raises OSError (of which HTTPError is one) or ValueError."""
    with _opener.open(url, timeout=timeout_s) as answer:
        return json.load(answer)


def is_missing(error: OSError) -> bool:
    """Whether a failed `get_json` means that there is no such thing (yet)."""
    return isinstance(error, urllib.error.HTTPError) and error.code == 404


def post(url: str, body: bytes, content_type: str, timeout_s: float = 10.0) -> int:
    """The status of a POST's answer. Raises OSError when there is none."""
    request = urllib.request.Request(url, body, {"Content-Type": content_type}, method="POST")
    try:
        with _opener.open(request, timeout=timeout_s) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def cpu_s(pids: Iterable[int]) -> float:
    """Seconds of CPU that these processes have used so far; those that ended count nothing."""
    used = 0.0
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        used += times.user + times.system
    return used


def open_files(pid: int) -> int:
    """File descriptors of a process; 0 if it is gone."""
    try:
        return psutil.Process(pid).num_fds()
    except psutil.NoSuchProcess:
        return 0


def free_port() -> int:
    """A loopback port that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(done: Callable[[], bool], what: str, within_s: float, pause_s: float = 0.05) -> float:
    """Ask until it holds and give the seconds it took. Raises SystemExit naming `what` when it does not."""
    begun = time.monotonic()
    while not done():
        if time.monotonic() - begun > within_s:
            raise SystemExit(f"not within {within_s:g} s: {what}")
        time.sleep(pause_s)
    return time.monotonic() - begun


def machine() -> str:
    """The class of the machine in a few words."""
    model = "CPU"
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return f"{psutil.cpu_count()} cores ({model}), {psutil.virtual_memory().total / 2**30:.0f} GiB"
