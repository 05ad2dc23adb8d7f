"""`lab doctor`: checks this machine, or what a class needs of it, with a remedy for each problem."""

from __future__ import annotations

import argparse
import json
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from lab import paths, terminal
from lab.errors import UsageError
from lab.plan.options import Options
from lab.setup import machine_checks
from lab.setup.before_class import checks, reach_test
from lab.setup.findings import BAD, GOOD, NOTE, Finding
from lab.state.run_folder import CLASS
from runtime.installation import COMMAND

STYLES = {GOOD: "green", NOTE: "yellow", BAD: "red"}
DESCRIPTION = """\
Check the lab's requirements: Python, npm, a browser, ports, disk, memory. Changes nothing.

With --class, check what a class needs: addresses by which other devices reach this machine,
ports, firewall, client isolation, clock, sleep, memory, disk. No root is needed; what could
not be read is named. Exit code 1 when a problem stands in the way."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "--class",
        "--seats",
        dest="roster",
        nargs="?",
        const="",
        metavar="N|FILE",
        help=f"check for a class of N seats, or of the names in FILE (default: the class that is there, "
        f"else {checks.SEATS} seats)",
    )
    parser.add_argument(
        "--listen",
        action="store_true",
        help="with --class: serve a page on the observer's port for two minutes, count the devices that come",
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 when any is a problem. Raises UsageError or LabError."""
    if args.roster is not None:
        return _class(args)
    if args.listen:
        raise UsageError("--listen belongs to --class.", f"Write: {COMMAND} doctor --class --listen")
    found = machine_checks.all_findings()
    if args.json:
        _print_json(found)
    else:
        _print(found)
        _print_summary(found, "The lab can start here.", "the lab from starting")
    return _code(found)


def _class(args: argparse.Namespace) -> int:
    now = _situation(args.roster)
    if args.listen and now.host:
        raise UsageError(
            "The lab runs, so its own pages can be tried from a phone instead of a test page.",
            f"Open on it: {next((url for url, _ in now.join_urls), 'its address')}",
        )
    found = checks.findings(now)
    if not args.json:
        _print(found)
    isolation = checks.isolation(now, _listen(now) if args.listen else None)
    if args.json:
        urls = [{"url": url, **asdict(own)} for url, own in now.join_urls]
        _print_json([*found, isolation], addresses=urls)
    else:
        _print([isolation])
        _print_summary([*found, isolation], "A class can be held here.", "a class here")
    return _code([*found, isolation])


def _situation(roster: str) -> checks.Situation:
    """For what `--class` names: a number, a file, or without a value the class of this folder."""
    from lab.commands.up import roster_of

    kept, ports = _kept_class()
    return checks.situation(len(roster_of(roster)) or kept or checks.SEATS, ports)


def _kept_class() -> tuple[int, Mapping[str, int]]:
    """The seats of the class in this folder, and the ports that its links name; (0, {}) without one."""
    from lab.run import class_memory
    from lab.state import class_file

    data = paths.data_dir()
    if not (data / CLASS).exists():
        return 0, {}
    with class_file.opened(data) as store:
        return len(store.seats()), class_memory.completed(Options(data=data, class_mode=True), store).ports


def _listen(now: checks.Situation) -> list[str]:
    def arrived(address: str, count: int) -> None:
        terminal.note(f"{count}: {address} reached this machine.")

    test = reach_test.ReachTest(now.observer_port, [own.address for own in now.addresses], arrived)
    urls = [own.url(now.observer_port) for own in now.addresses]
    terminal.note(f"On a phone in the same network, open {' or '.join(urls) or 'this machine'}")
    terminal.note("Waiting two minutes for devices; Ctrl-C ends it earlier.")
    return test.run(threading.Event())


def _print(findings: Sequence[Finding]) -> None:
    for finding in findings:
        mark = terminal.paint(f"{finding.verdict:<7}", STYLES[finding.verdict])
        terminal.write_line(f"{mark}  {finding.name:<17} {finding.detail}")
        for line in (*finding.lines, *([finding.remedy] if finding.remedy else ())):
            terminal.write_line(f"{'':26} {line}")


def _print_summary(findings: Sequence[Finding], good: str, bad: str) -> None:
    problems = sum(finding.verdict == BAD for finding in findings)
    terminal.write_line()
    if problems:
        verb = "prevents" if problems == 1 else "prevent"
        terminal.write_line(f"{terminal.counted(problems, 'problem')} {verb} {bad}.")
    else:
        terminal.write_line(good)


def _print_json(findings: Sequence[Finding], **more: Any) -> None:
    document = {"ok": not _code(findings), "findings": [asdict(finding) for finding in findings], **more}
    terminal.write_line(json.dumps(document, indent=2))


def _code(findings: Sequence[Finding]) -> int:
    return int(any(finding.verdict == BAD for finding in findings))
