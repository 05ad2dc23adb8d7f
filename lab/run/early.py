"""The fork server of a lab that is about to start: it imports while its supervisor still makes the plan.

Imports little itself, as all that it imports comes before the fork server.
"""

from __future__ import annotations

import os
from pathlib import Path

from lab.child_environment import FEW_ARENAS, Purpose, environment_of
from lab.plan.topology import PRELOAD
from lab.state import logfiles
from lab.state.run_folder import LOGS
from lab.supervision.spawn import ForkServer

FORK_SERVER_LOG = "forkserver"


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
        return ForkServer(PRELOAD, {**environment_of(Purpose.PROCESS), **FEW_ARENAS}, log)
    finally:
        os.close(log)
