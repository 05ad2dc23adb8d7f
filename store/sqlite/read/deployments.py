"""`store.api.DeploymentReader` over SQLite."""

from __future__ import annotations

from signals.deployments import Deployment, deployment_of
from store.api import Page, Window
from store.sqlite.read.read_connection import SqlitePart
from store.sqlite.read.row_mapping import LOG_COLUMNS, LOG_TABLES, limited, log_of

_FIND = (
    f"SELECT {LOG_COLUMNS} FROM {LOG_TABLES} WHERE l.seq IN (SELECT seq FROM deployments "  # noqa: S608  # column names of our own
    "WHERE time >= ? AND time < ? ORDER BY time DESC, seq DESC LIMIT ?) ORDER BY l.time DESC, l.seq DESC"
)


class SqliteDeploymentReader(SqlitePart):
    """Finds deployment events."""

    def deployments(self, window: Window, limit: int = 200) -> Page[Deployment]:
        values = (window.from_unix_nano, window.to_unix_nano, limited(limit) + 1)
        with self._connections.session() as db:
            # A file of an earlier version gets the table when a writer opens it.
            known = db.one("SELECT 1 FROM sqlite_master WHERE name = 'deployments'")
            rows = db.all(_FIND, values) if known else []
        return Page([deployment_of(log_of(row)) for row in rows[:limit]], None, len(rows) > limit)
