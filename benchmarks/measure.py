"""Helpers of all benchmarks: quantiles, a table, HTTP requests, CPU and memory."""

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

# The lab is on this machine, where a proxy of the environment cannot reach it.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def quantile(values: Iterable[float], share: float) -> float:
    """The value below which this share of them lies; 0 when there are none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def median(values: Iterable[float]) -> float:
    """The middle value; 0 when there are none."""
    return quantile(values, 0.5)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A text table: the first column aligned left, the others right."""
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
    """Whether an error of `get_json` is a 404."""
    return isinstance(error, urllib.error.HTTPError) and error.code == 404


def post(url: str, body: bytes, content_type: str, timeout_s: float = 10.0) -> int:
    """Send a POST; returns the status of the answer. Raises OSError when there is none."""
    request = urllib.request.Request(url, body, {"Content-Type": content_type}, method="POST")
    try:
        with _opener.open(request, timeout=timeout_s) as answer:
            answer.read()
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def cpu_s(pids: Iterable[int]) -> float:
    """Seconds of CPU of these processes so far, without those that have ended."""
    used = 0.0
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        used += times.user + times.system
    return used


def open_files(pid: int) -> int:
    """Number of file descriptors of a process; 0 if it has ended."""
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
    """Poll until `done`; returns the seconds it took. Raises SystemExit naming `what` after `within_s`."""
    started = time.monotonic()
    while not done():
        if time.monotonic() - started > within_s:
            raise SystemExit(f"not within {within_s:g} s: {what}")
        time.sleep(pause_s)
    return time.monotonic() - started


def machine() -> str:
    """The machine's cores, CPU model and memory as text."""
    model = "CPU"
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    except OSError:
        pass
    return f"{psutil.cpu_count()} cores ({model}), {psutil.virtual_memory().total / 2**30:.0f} GiB"
