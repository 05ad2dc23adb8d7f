"""What a forked process allocates must not lie in the holes of the memory that it shares."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lab.paths import ROOT

# Prints the kB that 20,000 new objects make private in a forked process, of which they take 2,000 themselves.
_PROGRAM = """
import gc, os, sys
from lab.supervision import free_memory

def private_kb():
    with open("/proc/self/smaps_rollup") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Private_Dirty"))

gc.disable()
small = [bytes(64) for _ in range(400_000)]
large = [bytes(700) for _ in range(40_000)]
small = [each for number, each in enumerate(small) if number % 8]
large = [each for number, each in enumerate(large) if number % 8]
if sys.argv[1] == "filled":
    free_memory.fill()
if os.fork() == 0:
    before = private_kb()
    kept = [bytes(64) for _ in range(20_000)], [bytes(700) for _ in range(1_000)]
    print(private_kb() - before, flush=True)
    os._exit(0)
os.wait()
"""


def _private_kb(how: str) -> int:
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, how],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return int(done.stdout)


@pytest.mark.skipif(sys.platform != "linux", reason="the fork server exists on Linux only")
def test_new_objects_of_a_forked_process_leave_shared_pages_alone() -> None:
    filled, unfilled = _private_kb("filled"), _private_kb("holes")

    assert filled < 6_000, (filled, unfilled)
    assert filled * 2 < unfilled, (filled, unfilled)
