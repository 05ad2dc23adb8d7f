"""`python -m tests.lab.fakes.run_plan PLAN_JSON`: a supervisor over a plan, as a process to be mistreated."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from lab.errors import LabError
from lab.plan.lab_plan import LabPlan, ProcessPlan
from lab.supervision.supervisor import Supervisor


class Lines:
    """Reports everything as lines."""

    def progress(self, text: str) -> None:
        sys.stdout.write(f"progress {text}\n")
        sys.stdout.flush()

    def event(self, text: str) -> None:
        sys.stdout.write(f"event {text}\n")
        sys.stdout.flush()

    def ready(self, seconds: float, detail: str) -> None:
        sys.stdout.write(f"ready {detail}\n")
        sys.stdout.flush()


def main() -> int:
    """Run it; exit 1 and say why when it gives up."""
    given = json.loads(sys.argv[1])
    plan = LabPlan(
        run_dir=Path(given["run_dir"]),
        processes=tuple(
            ProcessPlan(**{**entry, "after": tuple(entry.get("after", ()))}) for entry in given["processes"]
        ),
        environment=given["environment"],
        urls={"shop": "http://127.0.0.1:1"},
        preload=("json", "http.server"),
    )
    try:
        Supervisor(plan, Lines()).run()
    except LabError as error:
        sys.stdout.write(f"failed {error}\n")
        return error.exit_code
    return 0


raise SystemExit(main())
