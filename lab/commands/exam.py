"""`lab exam`: hides a mystery from the class, ends it, prints the results."""

from __future__ import annotations

import argparse
import csv
import io
import json
from dataclasses import asdict
from pathlib import Path

from lab import paths, terminal
from lab.errors import LabError, NotRunning
from lab.state import class_file, runfile
from runtime.installation import COMMAND

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
DESCRIPTION = """\
Pick a mystery and hide its name and its lesson everywhere: who sits the exam finds out what is wrong
and answers with service, version or tag, kind of fault and evidence, on the workshop page or by
`POST /api/v1/exam/answer`. A seed draws nothing that the class had before, and in a class of the
same past the same mystery again. An exam that runs already, or a game day of the same seats, is in
its way and is ended with --replace only."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = DESCRIPTION
    parser.add_argument("--seed", type=int, metavar="N", help="picks the mystery (default: a random one)")
    parser.add_argument(
        "--seat", action="append", default=[], metavar="SEAT", help="only for this seat (repeatable)"
    )
    parser.add_argument(
        "--replace", action="store_true", help="end an exam that runs, or a game day of the same seats"
    )
    parser.add_argument("--end", action="store_true", help="end the exam and show what it was")
    parser.add_argument("--results", choices=("json", "csv"), help="print the results")


def run(args: argparse.Namespace) -> int:
    """Begin, end, or print results. Raises NotRunning or LabError."""
    from lab.run import control_client

    run_dir = paths.run_dir()
    running = runfile.read(run_dir)
    if running is None:
        raise NotRunning
    if args.results:
        terminal.write_line(results(Path(running.data), args.results))
    elif args.end:
        terminal.write_line(control_client.act(run_dir, {"action": "exam-end"}))
    else:
        action = {"action": "exam", "seed": args.seed, "seats": args.seat or "all", "replace": args.replace}
        terminal.write_line(control_client.act(run_dir, action))
    return 0


def results(data: Path, form: str) -> str:
    """The scores of the exam that runs or ran last, as JSON or CSV. Raises LabError without an exam."""
    from classroom import exam, exam_scores

    with class_file.opened(data) as store:
        last = exam(store)
        if last is None:
            raise LabError("There was no exam.", f"Begin one with: {COMMAND} exam")
        rows = [asdict(score) for score in exam_scores(store, last)]
    if form == "json":
        return json.dumps({"incident": last.incident, "seed": last.seed, "results": rows}, indent=2)
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else ["seat"])
    writer.writeheader()
    writer.writerows({key: _plain(value) for key, value in row.items()} for row in rows)
    return text.getvalue().rstrip("\n")


def _plain(value: object) -> object:
    """A cell that no spreadsheet takes for a formula."""
    computed = isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA_STARTS)
    return f"'{value}" if computed else value
