"""`python -m tests.story.detour JSON`: a whole lab, some of whose processes get other addresses.

The JSON holds `data` (a folder) and `environments`: by process, the variables to
set over those of the lab's own plan. LAB_RUN_DIR names the lab's own folder.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lab.plan import planning
from lab.plan.lab_plan import LabPlan
from lab.plan.options import Options
from lab.run import launch


class Silent:
    """A reporter without output; the status file has it all."""

    def progress(self, text: str) -> None:
        """Nothing."""

    def event(self, text: str) -> None:
        """Nothing."""

    def ready(self, seconds: float, detail: str) -> None:
        """Nothing."""


def detoured(built: LabPlan, environments: Mapping[str, Mapping[str, str]]) -> LabPlan:
    """The plan with some processes' environment changed."""
    processes = tuple(
        replace(process, environment={**process.environment, **environments.get(process.name, {})})
        for process in built.processes
    )
    return replace(built, processes=processes)


def main(argument: str) -> None:
    """Run until a stop signal."""
    changes = json.loads(argument)
    straight = planning.build

    def build(*arguments: Any, **named: Any) -> LabPlan:
        return detoured(straight(*arguments, **named), changes["environments"])

    planning.build = build
    options = Options(free_ports=True, data=Path(changes["data"]), load=False)
    launch.supervise(options, lambda _built, _options: Silent())


if __name__ == "__main__":
    main(sys.argv[1])
