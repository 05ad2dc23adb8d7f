"""The fork server of a lab that is about to start: it imports while its supervisor is not yet there.

The process that will be the supervisor starts it before it executes the supervisor's program, or, where it
is that already, before it imports what makes the plan.

Imports little itself, as all that it imports comes before the fork server.
"""

from __future__ import annotations

import os
from pathlib import Path

from lab import paths
from lab.child_environment import FEW_ARENAS, Purpose, environment_of
from lab.plan.topology import PRELOAD
from lab.state import logfiles
from lab.state.run_folder import LOGS
from lab.supervision.spawn import ForkServer

FORK_SERVER_LOG = "forkserver"
HANDED_OVER = "LAB_FORK_SERVER"
"""Says to the program that this process executes next which fork server it has."""


def fork_server(run_dir: Path) -> ForkServer | None:
    """A fork server of this process, which dies with it; None where there can be none.

    Each process that it forks takes the environment of its own plan.
    """
    if not ForkServer.is_available():
        return None
    try:
        log = logfiles.open_log(run_dir / LOGS, FORK_SERVER_LOG)
    except OSError:
        # What is wrong with the folder is said by those who need it.
        return None
    try:
        environment = {**environment_of(Purpose.PROCESS), **FEW_ARENAS}
        return ForkServer.start(PRELOAD, environment, log, os.fspath(paths.lab_python()))
    finally:
        os.close(log)


def for_the_next_program(run_dir: Path) -> dict[str, str]:
    """Start a fork server for the program that this process executes next; returns the variables it needs."""
    forks = fork_server(run_dir)
    return {HANDED_OVER: forks.hand_over()} if forks else {}


def of_this_program(run_dir: Path) -> ForkServer | None:
    """The fork server that was started for this program, else one that starts now; None as above."""
    handed = os.environ.pop(HANDED_OVER, "")
    return (ForkServer.taken_over(handed) if handed else None) or fork_server(run_dir)
