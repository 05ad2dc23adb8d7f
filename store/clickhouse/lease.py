"""One settler at a time: a claim with an end, by the server's clock, in a table that all of them read.

A claim counts from its insert. Of several that are alive the earliest holds; a holder renews its claim, and
whose claim has ended, as its process was killed, is followed by the next. ClickHouse compares nothing when it
inserts: whoever claims waits a moment, for claims on their way, before reading who holds.
"""

# ruff: noqa: S608 - what is put into SQL text are checked names and bound parameters

from __future__ import annotations

import secrets
import threading
import time
from typing import Final

from store.clickhouse.connection import Connections, Values
from store.clickhouse.own_tables import LEASES

LASTS_S: Final = 30.0
"""After a holder was killed, the next begins so much later."""
SETTLE_S: Final = 1.0
"""So long an insert of another claimant may be on its way."""
_NOW: Final = "toUnixTimestamp64Milli(now64(3))"


class Lease:
    """A claim of one owner."""

    def __init__(
        self, connections: Connections, lasts_s: float = LASTS_S, settle_s: float = SETTLE_S
    ) -> None:  # fmt: skip
        self.owner = secrets.token_hex(8)
        self._connections = connections
        self._lasts_ms = int(lasts_s * 1000)
        self._settle_s = settle_s
        self._since: int | None = None
        self._stopped = threading.Event()
        address = connections.address
        self._local = f"{address.database}.{LEASES}"
        self._source = connections.source(LEASES)
        self._held_until_s = 0.0

    def hold(self) -> bool:
        """Whether this owner holds the lease now, for at least half of its time: claims or renews it."""
        if time.monotonic() < self._held_until_s:
            return True
        asked_s = time.monotonic()
        if self._since is not None and not self._is_holder():
            # It ended meanwhile, and another may have followed.
            self._since = None
        if self._since is None:
            if self._holder() is not None:
                return False
            self._claim()
            self._stopped.wait(self._settle_s)
            if not self._is_holder():
                self.release()
                return False
        else:
            self._write(0)
        self._held_until_s = asked_s + self._lasts_ms / 2000
        return True

    def still_held(self) -> bool:
        """Whether what was computed under the lease may be published: renewed where little of it is left."""
        return self._since is not None and self.hold()

    def release(self) -> None:
        """Let the next one begin at once. Idempotent."""
        self._held_until_s = 0.0
        if self._since is not None:
            self._write(1)
            self._since = None

    def stop(self) -> None:
        """Release it, and wait for nothing more."""
        self._stopped.set()
        self.release()

    def holder(self) -> str | None:
        """Who holds it now."""
        found = self._holder()
        return found[1] if found else None

    def _claim(self) -> None:
        values = Values()
        nonce = secrets.token_hex(8)
        self.owner = f"{self.owner.partition('/')[0]}/{nonce}"
        self._connections.run(
            f"INSERT INTO {self._local} (Owner, Since, Until, Gone) SELECT {values.text(self.owner)}, "
            f"{_NOW}, {_NOW} + {self._lasts_ms}, 0",
            values,
        )
        values = Values()
        rows = self._connections.rows(
            f"SELECT min(Since) FROM {self._source} WHERE Owner = {values.text(self.owner)}", values
        )
        self._since = int(rows[0][0])

    def _write(self, gone: int) -> None:
        values = Values()
        self._connections.run(
            f"INSERT INTO {self._local} (Owner, Since, Until, Gone) SELECT {values.text(self.owner)}, "
            f"{self._since}, {_NOW} + {self._lasts_ms}, {gone}",
            values,
        )

    def _is_holder(self) -> bool:
        found = self._holder()
        return found is not None and found == (self._since, self.owner)

    def is_held_sql(self) -> str:
        """A condition that is true in a statement of the holder alone, when the server executes it."""
        # Neither is text of others.
        return f"(SELECT (Since, Owner) FROM ({self._holder_sql()})) = ({self._since or 0}, '{self.owner}')"

    def _holder(self) -> tuple[int, str] | None:
        rows = self._connections.rows(self._holder_sql())
        return (int(rows[0][0]), str(rows[0][1])) if rows else None

    def _holder_sql(self) -> str:
        return (
            f"SELECT Since, Owner FROM {self._source} GROUP BY Since, Owner "
            f"HAVING max(Until) > {_NOW} AND max(Gone) = 0 ORDER BY Since, Owner LIMIT 1"
        )
