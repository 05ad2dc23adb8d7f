"""`lab incident`: lists the incidents, and switches the running lab to another one."""

from __future__ import annotations

import argparse

from lab import paths, terminal
from lab.errors import NotRunning
from lab.state import runfile

DESCRIPTION = """\
Without a name: list the incidents. With one: switch the running lab to it. The services
read their flags again within a second; nothing is restarted. `none` is a healthy shop. An exam
that runs would lose its mystery: it is ended with --replace only."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = DESCRIPTION
    parser.add_argument("name", nargs="?", metavar="NAME", help="the incident to switch to")
    parser.add_argument("--replace", action="store_true", help="end an exam that runs")
    parser.add_argument("--json", action="store_true", help="print the flags of an incident, change nothing")


def run(args: argparse.Namespace) -> int:
    """List or switch. Raises NotRunning, or UsageError for an unknown name."""
    import incidents
    from lab.run import control_client
    from lab.state import flag_file

    run_dir = paths.run_dir()
    running = runfile.read(run_dir)
    if args.name is None:
        terminal.write_line(listing(running.incident if running else ""))
        return 0
    incident = flag_file.find(args.name)
    if args.json:
        terminal.write_line(incidents.flagd_json(incident).rstrip())
        return 0
    if running is None:
        raise NotRunning
    action = {"action": "incident", "name": args.name, "seats": "all", "replace": args.replace}
    control_client.act(run_dir, action)
    terminal.write_line(f"The lab now runs the incident {args.name}.")
    return 0


def listing(current: str) -> str:
    """The incidents, one line each, the running one marked."""
    import incidents

    lines = []
    usable, problems = incidents.load_all()
    for name, incident in usable.items():
        mark = "*" if name == current else " "
        lines.append(f"{mark} {name:<20} {incident.title}")
    lines += [f"! {problem}" for problem in problems]
    if current:
        lines += ["", "* runs now"]
    return "\n".join(lines)
