"""`lab doctor`: checks this machine and prints a remedy for each problem."""

from __future__ import annotations

import argparse

from lab import terminal
from lab.setup import machine_checks

MARKS = {
    machine_checks.GOOD: ("ok  ", "green"),
    machine_checks.NOTE: ("note", "yellow"),
    machine_checks.BAD: ("BAD ", "red"),
}


def configure(parser: argparse.ArgumentParser) -> None:
    """There are no options."""
    parser.description = (
        "Check the lab's requirements: Python, npm, a browser, ports, disk, memory. Changes nothing. "
        "Exit code 1 when a problem prevents the lab from starting."
    )


def run(_: argparse.Namespace) -> int:
    """Print one line per check; 1 when any is bad."""
    findings = machine_checks.all_findings()
    for finding in findings:
        mark, style = MARKS[finding.verdict]
        terminal.write_line(f"{terminal.paint(mark, style)}  {finding.name:<18} {finding.detail}")
        if finding.remedy:
            terminal.write_line(f"{'':24} {finding.remedy}")
    bad = sum(finding.verdict == machine_checks.BAD for finding in findings)
    terminal.write_line()
    terminal.write_line(
        f"{bad} {'problem prevents' if bad == 1 else 'problems prevent'} the lab from starting."
        if bad
        else "The lab can start here."
    )
    return 1 if bad else 0
