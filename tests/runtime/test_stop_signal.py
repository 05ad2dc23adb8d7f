"""Waiting for the end: no signal is missed."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.helpers import REPO

# The signal is handled in a second thread while the main thread is blocked, so that no handler in
# Python can run: the state of a main thread that blocks just after a signal has arrived.
BLOCKED = """
import os, signal, sys, threading
from runtime.stop_signal import StopSignal
number = int(sys.argv[1])
stop = StopSignal()
signal.pthread_sigmask(signal.SIG_BLOCK, [number])
def wait():
    threading.Event().wait(0.3)  # for the main thread to block
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)
    stop.wait()
    os._exit(0)
threading.Thread(target=wait).start()
threading.Event().wait()
"""
OTHER = """
import os, signal, threading
from runtime.stop_signal import StopSignal
stop = StopSignal()
signal.signal(signal.SIGUSR1, lambda *_: None)
waiting = threading.Thread(target=stop.wait, daemon=True)
waiting.start()
os.kill(os.getpid(), signal.SIGUSR1)
waiting.join(0.2)
assert waiting.is_alive()
os.kill(os.getpid(), signal.SIGTERM)
waiting.join(10)
assert not waiting.is_alive()
"""


@pytest.mark.parametrize("number", [2, 15])
def test_a_signal_that_arrives_before_the_main_thread_blocks_is_not_missed(number: int) -> None:
    """One of some thirty stops under load hung: its SIGTERM came just before the wait."""
    done = subprocess.run([sys.executable, "-c", BLOCKED, str(number)], cwd=REPO, timeout=10, check=False)

    assert done.returncode == 0


def test_other_signals_do_not_end_the_wait() -> None:
    """A process may handle a signal of its own."""
    subprocess.run([sys.executable, "-c", OTHER], cwd=REPO, timeout=20, check=True)
