"""`python -m store.prepare [URL] [--dry-run]`: makes tables of our own beside those of a ClickHouse store.

Owns the words of the report. Exit codes: 0 when they are there, 1 when they cannot be made, 2 for an address
that is none.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from store.address import file_of, shown
from store.api import StoreError, StoreMismatch

if TYPE_CHECKING:
    from store.clickhouse.own_tables import OwnTable
    from store.clickhouse.preparing import Plan


def main(argv: Sequence[str] | None = None) -> int:
    """Say on standard output what will be made and why, make it, and copy what was there before."""
    parser = argparse.ArgumentParser(prog="python -m store.prepare")
    parser.add_argument("url", nargs="?", default=os.environ.get("STORE_URL", ""))
    parser.add_argument("--dry-run", action="store_true")
    args = parser.parse_args(argv)
    try:
        check_server(args.url)
    except StoreMismatch as error:
        sys.stderr.write(f"{error}\n")
        return 2
    from store.clickhouse.address import read_address
    from store.clickhouse.connection import Connections
    from store.clickhouse.preparing import execute, plan

    try:
        connections = Connections(read_address(args.url))
        planned = plan(connections)
        sys.stdout.write("\n".join(report(planned, shown(args.url), dry_run=args.dry_run)) + "\n")
        sys.stdout.flush()
        if not args.dry_run and not planned.complete:
            copied = execute(connections, planned, _print_progress)
            sys.stdout.write(
                f"Prepared: {copied:,} spans copied. A settler fills the rest: lab store settle.\n"
            )
        connections.close()
    except StoreError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def check_server(url: str) -> None:
    """Raises StoreMismatch where an address is none of a ClickHouse server."""
    if not url:
        raise StoreMismatch(
            "No store is named: give clickhouse://user:password@host:8123/database, or STORE_URL."
        )
    if file_of(url) is not None:
        raise StoreMismatch(
            f"{shown(url)} is a file, which needs no tables besides its own: "
            "give the address of a ClickHouse server, clickhouse://host:8123/database."
        )


def report(planned: Plan, where: str, *, dry_run: bool) -> list[str]:
    """The lines about what is made and why."""
    if planned.complete:
        return [f"{where} is prepared: every table of our own is there."]
    verb = "would be made" if dry_run else "are made"
    lines = [
        f"In {where} these tables {verb} (MB of a million spans); {planned.found.table.name} is not changed:"
    ]
    lines += [_line(table, made=table.name not in planned.missing) for table in planned.tables]
    total = sum(table.bytes_per_span for table in planned.tables)
    lines.append(
        f"  together about {total:,.0f} MB of a million spans, and as many again while parts are merged"
    )
    if planned.address.cluster:
        lines.append(f"  on every server of the cluster {planned.address.cluster}")
    if planned.found.max_age_s is None:
        lines.append(
            f"  The TTL of {planned.found.table.name} ({planned.found.ttl[:80]}) is followed by the copy of "
            "spans only: delete old partitions of the other tables by hand."
        )
    lines.append(
        "Views of the server fill the first of them at each insert, a settler the others some minutes later. "
        "Dropping all of them changes no answer, it makes them slower."
    )
    return lines


def _line(table: OwnTable, *, made: bool) -> str:
    there = "is there" if made else "is made"
    size = f"{table.bytes_per_span:6.1f} MB" if table.bytes_per_span else "    small"
    return f"  {table.name:18} {size}  {there}: {table.purpose}"


def _print_progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text}    ")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
