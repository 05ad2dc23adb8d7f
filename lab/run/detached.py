"""The supervisor of a detached lab: `python -m lab.run.detached PIPE_FD`, with JSON on standard input.

The JSON is its options: an address in them may hold a password, and the list of processes shows arguments.
Reports progress to the waiting command over the pipe, closes it when ready, and
keeps no other file of the caller open.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lab import paths
from lab.errors import LabError
from lab.run import background, early
from lab.supervision import child_setup, lean_dataclasses

if TYPE_CHECKING:
    from lab.plan.lab_plan import LabPlan
    from lab.plan.options import Options


class ToCaller:
    """Reports to the waiting command until ready; afterwards to the supervisor's log."""

    def __init__(self, pipe: int, built: LabPlan, options: Options) -> None:
        self._pipe = pipe
        self._plan = built
        self._options = options
        self._last = ""

    def progress(self, text: str) -> None:
        """See `Reporter`."""
        if text != self._last:
            self._last = text
            send(self._pipe, json.dumps({"progress": text}))

    def event(self, text: str) -> None:
        """See `Reporter`."""
        from lab.run import messages

        messages.log_event(text)

    def ready(self, seconds: float, detail: str) -> None:
        """See `Reporter`."""
        from lab.run import messages

        block = messages.ready_block(self._plan, self._options, seconds, detached=True)
        send(self._pipe, json.dumps({"ready": block}))
        messages.log_event(f"ready after {seconds:.1f} s ({detail})")
        os.close(self._pipe)
        self._pipe = -1


def send(pipe: int, line: str) -> None:
    """Write one line to the caller; a caller that has gone is not an error."""
    with contextlib.suppress(OSError):
        if pipe >= 0:
            os.write(pipe, line.encode() + b"\n")


def _read_input() -> str:
    """What the caller gives; afterwards nothing of the caller's is open as standard input."""
    given = sys.stdin.read()
    with contextlib.suppress(OSError, ValueError):  # a test's has no file
        number = sys.stdin.fileno()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, number)
        os.close(nothing)
    return given


def main(argv: Sequence[str]) -> int:
    """Run a lab until a stop signal; returns the exit code."""
    pipe = int(argv[0])
    os.set_inheritable(pipe, False)
    child_setup.name_process("lab-supervisor")
    given = _read_input()
    # Where the caller started none: before what follows is imported, on another core.
    forks = early.of_this_program(paths.run_dir())
    from lab.run import launch, messages

    options = background.options_from_json(given)
    try:
        launch.supervise(options, lambda built, chosen: ToCaller(pipe, built, chosen), forks)
    except LabError as error:
        messages.log_event(str(error))
        send(pipe, launch.failure_message(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    lean_dataclasses.apply()
    raise SystemExit(main(sys.argv[1:]))
