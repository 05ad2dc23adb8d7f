"""`python -m store.settle [URL]`: settles a prepared ClickHouse store until it is ended.

Several may run, on any machine: one holds the lease and works, the others wait. Exit codes: 0 when it was
ended, 1 when the store is not prepared or does not answer at the start, 2 for a wrong address.
"""

from __future__ import annotations

import argparse
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from store.api import StoreError, StoreMismatch
from store.prepare import check_server

if TYPE_CHECKING:
    from store.clickhouse.settler import Settler

_PREPARED_S: Final = 10.0
"""So often it is looked for tables of our own where there are none yet."""


def main(argv: Sequence[str] | None = None) -> int:
    """Settle until SIGTERM, SIGINT or, with --with-parent, the end of standard input."""
    parser = argparse.ArgumentParser(prog="python -m store.settle")
    parser.add_argument("url", nargs="?", default=os.environ.get("STORE_URL", ""))
    parser.add_argument("--once", action="store_true", help="end when nothing is left to settle")
    parser.add_argument("--with-parent", action="store_true", help="end when standard input ends")
    args = parser.parse_args(argv)
    try:
        check_server(args.url)
    except StoreMismatch as error:
        sys.stderr.write(f"{error}\n")
        return 2
    from store.clickhouse.opening import open_settler

    try:
        settler = _wait_for(args.url) if args.with_parent else open_settler(args.url)
        if args.once and settler is not None:
            while settler.step():
                pass
            settler.close()
            return 0
    except StoreError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if settler is None:
        return 0
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: settler.stop())
    if args.with_parent:
        threading.Thread(target=_follow, args=(settler.stop,), daemon=True).start()
    settler.run()
    return 0


def _wait_for(url: str) -> Settler | None:
    """A settler as soon as the store is prepared; None when standard input ends before."""
    from store.clickhouse.opening import open_settler

    while True:
        try:
            return open_settler(url)
        except StoreError:
            if select.select([sys.stdin], [], [], _PREPARED_S)[0]:
                return None


def _follow(stop: Callable[[], None]) -> None:
    sys.stdin.read()
    stop()


if __name__ == "__main__":
    sys.exit(main())
