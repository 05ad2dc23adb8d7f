"""SQL that the settler and the readers of its tables share."""

# ruff: noqa: S608 - what is put into SQL text are checked names and numbers of our own

from __future__ import annotations

from typing import Final

from store.clickhouse.own_tables import BLOCK


def dirty_sql(arrivals: str, minutes: str, upto: int | None = None) -> str:
    """Rows (Minute, Spans) of the minutes whose number of spans is not the one that was settled."""
    seen = f"WHERE Version <= {upto} " if upto is not None else ""
    return (
        "SELECT Minute, sum(Have) AS Spans FROM ("
        f"SELECT Minute, Spans AS Have, toUInt64(0) AS Settled FROM {arrivals} UNION ALL "
        f"SELECT Minute, toUInt64(0) AS Have, argMax(Spans, Version) AS Settled FROM {minutes} {seen}"
        "GROUP BY Minute) GROUP BY Minute HAVING sum(Have) != sum(Settled)"
    )


def touched_sql(source: str, condition: str) -> str:
    """The ids of the traces with a span of these, or that answered a browser's request among them."""
    return (
        f"SELECT arrayJoin(if(LabLink = '', [TraceId], [TraceId, LabLink])) FROM {source} WHERE {condition}"
    )


IS_SUMMED: Final = "max(Newest) = argMax(Summed, Made) AND max(Made) > 0"
"""Of rows of `blocks_sql`, by block: whether its newest sums are of the versions that count."""


def blocks_sql(homes: str, blocks: str, upto: int, made: int | None = None) -> str:
    """Rows (Block, Made, Summed, Newest) of ten minutes, in two kinds.

    The version of their sums (up to `made`) and the version that was summed; the newest version of their
    minutes (up to `upto`). Sums follow what they sum, so that their version is greater.
    """
    made = upto if made is None else made
    return (
        "SELECT Home AS Block, Version AS Made, Of AS Summed, toUInt64(0) AS Newest "
        f"FROM {blocks} WHERE Version <= {made} UNION ALL "
        f"SELECT {block_of('Home')} AS Block, toUInt64(0) AS Made, toUInt64(0) AS Summed, "
        f"max(Version) AS Newest FROM {homes} WHERE Version <= {upto} GROUP BY Block"
    )


def block_of(column: str) -> str:
    """SQL for the ten minutes in which a minute lies, by their first."""
    return f"intDiv({column}, {BLOCK}) * {BLOCK}"
