"""`python -m tests.story.detour JSON`: a whole lab, some of whose processes are told other addresses.

The JSON holds `run_dir`, `data` and `environments`: by process, the variables to
set over those of the lab's own plan.
"""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path

import incidents
from lab import faults
from lab import plan
from lab.supervisor import Supervisor


class Silent:
    """Tells nobody anything: the status file says it all."""

    def progress(self, text: str) -> None:
        """Nothing."""

    def event(self, text: str) -> None:
        """Nothing."""

    def ready(self, seconds: float, detail: str) -> None:
        """Nothing."""


def main(argument: str) -> None:
    """Run until told to stop."""
    wish = json.loads(argument)
    run_dir, data = Path(wish["run_dir"]), Path(wish["data"])
    run_dir.mkdir(parents=True)
    data.mkdir(parents=True)
    fault = faults.find(incidents.DEFAULT)
    options = plan.Options(free_ports=True, data=data, load=False)
    built = plan.build(options, run_dir, checkout_status=fault.checkout_status)
    faults.write(run_dir, fault)
    detoured = tuple(
        replace(process, environment={**process.environment, **wish["environments"].get(process.name, {})})
        for process in built.processes
    )
    Supervisor(replace(built, processes=detoured), Silent()).run()


if __name__ == "__main__":
    main(sys.argv[1])
