"""The flag file of a running lab. The faults are data of `incidents`; here they are only put in place."""

from __future__ import annotations

from pathlib import Path

from lab.errors import UsageError
from lab.runfile import write_atomically

FLAGS_FILE = "flags.json"


def content(name: str) -> str:
    """The flag file's text for an incident. Raises UsageError naming the known ones."""
    import incidents

    if name not in incidents.names():
        raise UsageError(
            f"There is no incident named {name}.", f"Use one of: {', '.join(incidents.names())}."
        )
    return incidents.flagd_json(incidents.load(name))


def write(run_dir: Path, text: str) -> None:
    """Put a flag file in place at once; the services notice by themselves. Raises LabError."""
    write_atomically(run_dir / FLAGS_FILE, text)
