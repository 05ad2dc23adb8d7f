"""The flag file of a running lab, written from the incidents of its seats."""

from __future__ import annotations

import sys
from pathlib import Path

import incidents
from classroom import ClassStore
from lab import terminal
from lab.errors import LabError, UsageError
from lab.state.atomic_write import write_atomically
from lab.state.run_folder import FLAGS


def find(name: str) -> incidents.Incident:
    """The incident of this name. Raises UsageError with the known names, or with what is malformed in it."""
    if name not in incidents.names():
        raise UsageError(
            f"There is no incident named {name}.", f"Use one of: {', '.join(incidents.names())}."
        )
    try:
        return incidents.load(name)
    except incidents.IncidentError as error:
        problem = f"{error.file.name}: {error.key}: {error.problem}."
        raise UsageError(problem, f"{error.remedy[:1].upper()}{error.remedy[1:]}.") from error


def write(run_dir: Path, incident: incidents.Incident) -> None:
    """Write an incident's flag file; the services watch the file and follow. Raises LabError."""
    write_atomically(run_dir / FLAGS, incidents.flagd_json(incident))


def write_for_class(file: Path, store: ClassStore) -> None:
    """Write the flags of the incident of all and of what holds for single seats. Raises LabError."""
    everybody = find(store.facts().incident or incidents.DEFAULT)
    for_seats = {
        fault.seat: incidents.SeatState(find(fault.incident), frozenset(fault.repaired))
        for fault in store.faults()
        if fault.incident
    }
    write_atomically(file, incidents.flagd_json(everybody, for_seats))


def main(argv: list[str]) -> int:
    """`python -m lab.state.flag_file NAME FOLDER`: put an incident's flag file into a (shared) folder."""
    if len(argv) != 2:
        return terminal.fail(UsageError("Two arguments are needed: the incident and a folder."))
    try:
        incident = find(argv[0])
        write(Path(argv[1]), incident)
    except LabError as error:
        return terminal.fail(error)
    terminal.write_line(f"{argv[1]}/{FLAGS}: {incident.title}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
