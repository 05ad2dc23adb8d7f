"""`store.api.DeploymentReader` over SQLite."""

from __future__ import annotations

from signals.deployments import Deployment, deployment_of
from store.api import Page, Window
from store.sqlite.read.log_blocks import LogBlocks
from store.sqlite.read.log_rows import LogRows
from store.sqlite.read.read_connection import SqlitePart
from store.sqlite.read.row_mapping import limited

_FIND = "SELECT seq FROM deployments WHERE time >= ? AND time < ? ORDER BY time DESC, seq DESC LIMIT ?"


class SqliteDeploymentReader(SqlitePart):
    """Finds deployment events."""

    def deployments(self, window: Window, limit: int = 200) -> Page[Deployment]:
        values = (window.from_unix_nano, window.to_unix_nano, limited(limit) + 1)
        with self._connections.session() as db:
            # A file of an earlier version gets the table when a writer opens it.
            known = db.one("SELECT 1 FROM sqlite_master WHERE name = 'deployments'")
            numbers = [seq for (seq,) in db.all(_FIND, values)] if known else []
            found = LogBlocks(db).places_of(numbers[:limit])
            logs = LogRows(db).logs(found)
        return Page([deployment_of(log) for log in logs], None, len(numbers) > limit)
