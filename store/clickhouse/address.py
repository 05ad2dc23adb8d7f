"""The address of a ClickHouse store: `clickhouse://user:password@host:8123/database?secure=1`.

`chdb:///folder/database` opens the same engine inside this process, for tests and for trying it out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from store.api import StoreMismatch

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_OPTIONS: Final = frozenset({"cluster", "secure"})
DEFAULT_DATABASE: Final = "otel"


@dataclass(frozen=True, slots=True)
class Address:
    """Where the tables are."""

    host: str
    port: int
    user: str
    password: str
    database: str
    secure: bool = False
    cluster: str = ""
    """Read through `cluster(name, database, table)`; empty for one server."""
    path: str = ""
    """The folder of an engine inside this process; empty for a server."""

    @property
    def shown(self) -> str:
        """The address without its password."""
        return f"chdb://{self.path}" if self.path else f"clickhouse://{self.host}:{self.port}/{self.database}"


def read_address(url: str) -> Address:
    """The parts of an address. Raises StoreMismatch, which names what is wrong, never the password."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise StoreMismatch("The port in the store's address is no number: give host:port.") from None
    options = dict(parse_qsl(parts.query))
    if unknown := options.keys() - _OPTIONS:
        raise StoreMismatch(f"The store's address has the unknown option {min(unknown)!r}: remove it.")
    path, database = "", parts.path.strip("/")
    if parts.scheme == "chdb":
        path, _, database = unquote(parts.path).rpartition("/")
    elif parts.scheme != "clickhouse":
        raise StoreMismatch(f"{parts.scheme!r} is no engine: give clickhouse://host:port/database.")
    database = database or DEFAULT_DATABASE
    cluster = options.get("cluster", "")
    for name in filter(None, (database, cluster)):
        if not _NAME.fullmatch(name):
            raise StoreMismatch(f"{name[:80]!r} is no name of a database or cluster: use letters and digits.")
    secure = options.get("secure", "") in ("1", "true", "yes")
    return Address(
        host=parts.hostname or "localhost",
        port=port or (8443 if secure else 8123),
        user=unquote(parts.username or "default"),
        password=unquote(parts.password or ""),
        database=database,
        secure=secure,
        cluster=cluster,
        path=path,
    )
