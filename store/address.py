"""Where a store is: a file, `sqlite:///folder/file`, or `clickhouse://host:port/database`."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from store.api import StoreMismatch

Place = str | Path
"""A path, or an address with `://`."""
_SERVERS: Final = ("clickhouse", "chdb")


def file_of(place: Place) -> Path | None:
    """The file of a store; None where an address names a server. Raises StoreMismatch for another address."""
    scheme, mark, rest = str(place).partition("://")
    if isinstance(place, Path) or not mark:
        return Path(place)
    if scheme in _SERVERS:
        return None
    if scheme != "sqlite":
        raise StoreMismatch(
            f"{scheme[:40]!r} is no engine: give sqlite:///folder/file or clickhouse://host:port/database."
        )
    # Three slashes and no host: the path is absolute, as everywhere else.
    if not rest.startswith("/") or not rest.strip("/"):
        raise StoreMismatch("The address of a file has three slashes: give sqlite:///folder/file.")
    return Path(unquote(rest))


def shown(place: Place) -> str:
    """The place for people: an address without user and password."""
    if file_of(place) is not None:
        return str(file_of(place))
    parts = urlsplit(str(place))
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"
