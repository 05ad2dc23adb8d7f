"""`python -m alerting.check [--folder DIR] [FILE…]`: a line for each rule, 1 if one cannot be used."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from alerting.model import Rule
from alerting.rule_folders import SHIPPED, RuleFile, RuleFolders, read_file


def main(argv: Sequence[str] | None = None) -> int:
    """Print the rules of files, or of all folders."""
    parser = argparse.ArgumentParser(prog="python -m alerting.check", description=__doc__)
    parser.add_argument("--folder", type=Path, help="a folder of rules beside those that ship")
    parser.add_argument("files", type=Path, nargs="*")
    arguments = parser.parse_args(argv)
    if arguments.files:
        found: Iterable[RuleFile] = [read_file(path) for path in arguments.files]
    else:
        folders = RuleFolders([SHIPPED, *([arguments.folder] if arguments.folder else [])])
        found = list(folders.files().values())
        for folder in folders.missing():
            sys.stdout.write(f"! The folder {folder} is not there or cannot be read.\n")
    for file in found:
        sys.stdout.write(f"{line(file)}\n")
    return int(any(file.rule is None for file in found))


def line(file: RuleFile) -> str:
    """The rule in one line, or why its file cannot be used."""
    if file.rule is None:
        return f"! {file.problem}"
    return f"  {file.name:<24} {file.rule.severity:<9} {file.rule.title}: {in_words(file.rule)}"


def in_words(rule: Rule) -> str:
    """What a rule measures and when it fires: `error_share of frontend above 0.05 over 20 s`."""
    signal, condition = rule.signal, rule.condition
    of = " ".join(part for part in (signal.name, signal.service, signal.operation) if part)
    by = f" by {', '.join(signal.by)}" if signal.by else ""
    limit = (
        f"{condition.ratio:g} times the hour before"
        if condition.threshold is None
        else f"{condition.threshold:g}"
    )
    lasting = f", for {condition.for_ns / 1e9:g} s" if condition.for_ns else ""
    unit = f" {signal.unit}" if signal.unit not in ("", "1") and condition.threshold is not None else ""
    measured = f"{signal.measure}{f' of {of}' if of else ''}{by}"
    return f"{measured} {condition.comparison} {limit}{unit} over {condition.window_ns / 1e9:g} s{lasting}"


if __name__ == "__main__":
    sys.exit(main())
