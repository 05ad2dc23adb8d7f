"""`python -m benchmarks.looking`: the observer's CPU for a page, and for a page's question what is new.

A lab under the load of ten users; one page after the other is opened as often as it answers for some
seconds, then its address for updates is asked in the same way.
"""

from __future__ import annotations

import argparse
import html
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import requests

from benchmarks import labs
from benchmarks.measure import cpu_s, machine, median, table

PAGES = ("/", "/apm", "/apm/traces", "/rum/sessions", "/logs", "/workshop")
FILL_S = 20.0


@dataclass(frozen=True, slots=True)
class Look:
    """CPU in ms of one page, and of its question for updates; None where it asks none."""

    path: str
    page_ms: float
    update_ms: float | None


def measure(seconds: float) -> list[Look]:
    """Every page. Raises SystemExit when no lab starts."""
    with labs.running("--users", "10") as lab:
        time.sleep(FILL_S)
        observer, pid, session = lab.url("observer"), lab.pids()["observer"], requests.Session()
        found = []
        for path in PAGES:
            page = session.get(observer + path, timeout=20)
            page.raise_for_status()
            asked = re.search(r'"(/[^"]*updates[^"]*)"', page.text)
            opened = _cpu_ms(pid, session, observer + path, seconds)
            update = None
            if asked:
                update = _cpu_ms(pid, session, observer + html.unescape(asked[1]), seconds)
            found.append(Look(path, opened, update))
    return found


def _cpu_ms(pid: int, session: requests.Session, address: str, seconds: float) -> float:
    """Of one answer; the first ones, which compile and fill caches, are not counted."""
    for _ in range(3):
        session.get(address, timeout=20)
    until, before, count = time.monotonic() + seconds, cpu_s([pid]), 0
    while time.monotonic() < until:
        session.get(address, timeout=20)
        count += 1
    return (cpu_s([pid]) - before) * 1_000 / count


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line for each page, and the median."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.looking", description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="for each page (default %(default)s)")
    found = measure(parser.parse_args(argv).seconds)
    updates = [look.update_ms for look in found if look.update_ms is not None]
    rows = [
        (look.path, f"{look.page_ms:.1f}", "" if look.update_ms is None else f"{look.update_ms:.1f}")
        for look in found
    ]
    rows.append(("median", f"{median(look.page_ms for look in found):.1f}", f"{median(updates):.1f}"))
    print(machine())
    print(table(("page", "CPU ms", "of its updates"), rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
