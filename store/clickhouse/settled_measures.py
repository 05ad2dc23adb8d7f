"""Requests and calls summed from the settler's tables: wide cells where they fit, rows at a window's ends."""

# ruff: noqa: S608 - what is put into SQL text are checked names and bound parameters

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from store.clickhouse.connection import Values
from store.clickhouse.own_tables import BLOCK, CALL_CELLS, CALLS, MINUTE_NS, REQUEST_CELLS, REQUESTS
from store.clickhouse.settled import Settled
from store.queries import Window
from store.tallies import Tally

FEW: Final = 1_001
"""Of so few the durations themselves give the percentiles."""
_MOST_KEYS: Final = 2_000
_READ_ONCE: Final = "SETTINGS optimize_functions_to_subcolumns = 0"
"""Else the server reads the tags of every request anew for each tag that is named."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Requests, or calls."""

    rows: str
    cells: str
    errors: str
    """SQL for the errors and origins of a row, and of a cell."""
    origins: str
    cell_errors: str
    cell_origins: str


REQUEST: Final = Kind(REQUESTS, REQUEST_CELLS, "Error", "Origin", "Errors", "Origins")
CALL: Final = Kind(CALLS, CALL_CELLS, "Error", "0", "Error * Requests", "0")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is summed: by which key, under which condition, each SQL over the columns of rows."""

    kind: Kind
    key: str
    condition: str
    window: Window
    summed: bool
    """Whether key and condition name columns that cells have, too."""


def tallies(settled: Settled, asked: Asked, values: Values) -> dict[Any, Tally]:
    """The sums by key, durations left out."""
    sql = " UNION ALL ".join(_parts(settled, asked))
    rows = settled.connections.rows(
        f"SELECT key, Bucket, sum(n) AS total, sum(e), sum(o) FROM ({sql}) "
        "GROUP BY key, Bucket HAVING total != 0",
        values,
    )
    found: dict[Any, Tally] = {}
    for name, bucket, number, errors, origins in rows:
        found.setdefault(name, Tally()).add(bucket, number, errors, origins)
    return found


def add_durations(settled: Settled, asked: Asked, values: Values, found: Mapping[Any, Tally],
                  few: Sequence[Any], name_of: Callable[[Any], Any]) -> None:  # fmt: skip
    """Add every duration to the tallies of keys that have few; `name_of` gives the key of a row's."""
    if not few:
        return
    among = ""
    if len(few) < _MOST_KEYS and all(isinstance(key, str) for key in few):
        among = f"AND key IN {values.texts(list(few))} "
    elif asked.kind is CALL and len(few) < _MOST_KEYS:
        # Not by the whole key: what is too much is left out below.
        sources, targets = (values.texts([str(key[place]) for key in few]) for place in (0, 1))
        among = f"AND Source IN {sources} AND Target IN {targets} "
    rows = settled.connections.rows(
        f"SELECT {asked.key} AS key, groupArray({FEW})(Duration) FROM {settled.source(asked.kind.rows)} "
        f"WHERE {_rows_of(settled, asked, asked.window)} {among}GROUP BY key",
        values,
    )
    names = set(few)
    for key, durations in rows:
        name = name_of(key)
        if name in names:
            found[name].values += durations


def tag_values(tag: str, *, received: bool = False) -> str:
    """SQL for the values of a tag, one of `SUMMED`; [''] without any."""
    found = f"Tags['{tag}']"
    if received:
        found = f"arrayFilter(each -> NOT has(OfCalls['{tag}'], each), {found})"
    return f"if(empty({found}), [''], {found})"


def tag_tallies(
    settled: Settled, asked: Asked, tags: Sequence[str], values: Values, *, received: bool
) -> dict[str, dict[str, Tally]]:
    """The requests summed by each of these tags: each row is read once for all of them."""
    pairs = [
        f"arrayMap(each -> (toUInt16({place}), each), {tag_values(tag, received=received)})"
        for place, tag in enumerate(tags)
    ]
    rows = settled.connections.rows(
        f"SELECT arrayJoin(arrayConcat({', '.join(pairs)})) AS key, count() AS requests, sum(Error), "
        "sum(Origin), sumMap([Bucket], [toUInt64(1)]), "
        f"if(count() <= {FEW}, groupArray({FEW})(Duration), []) "
        f"FROM {settled.source(REQUESTS)} WHERE {_rows_of(settled, asked, asked.window)} "
        f"GROUP BY key {_READ_ONCE}",
        values,
    )
    found: dict[str, dict[str, Tally]] = {tag: {} for tag in tags}
    for (place, value), requests, errors, origins, (buckets, counts), durations in rows:
        tally = Tally(requests, errors, origins, dict(zip(buckets, counts, strict=True)), list(durations))
        found[tags[place]][value] = tally
    return found


def tags_within(settled: Settled, window: Window) -> set[str]:
    """The tags of the requests of a window that are settled."""
    asked = Asked(REQUEST, "''", "1", window, summed=False)
    rows = settled.connections.rows(
        f"SELECT DISTINCT arrayJoin(mapKeys(Tags)) FROM {settled.source(REQUESTS)} "
        f"WHERE {_rows_of(settled, asked, window)}"
    )
    return {str(tag) for (tag,) in rows}


def _parts(settled: Settled, asked: Asked) -> list[str]:
    window, kind = asked.window, asked.kind
    begin = -(-window.from_unix_nano // MINUTE_NS)
    end = window.to_unix_nano // MINUTE_NS
    if not asked.summed or end <= begin:
        return [_counted(settled, asked, window)]
    wide_begin, wide_end = -(-begin // BLOCK) * BLOCK, end // BLOCK * BLOCK
    parts = []
    cells = (
        f"SELECT {asked.key} AS key, Bucket, toInt64(Requests) AS n, toInt64({kind.cell_errors}) AS e, "
        f"toInt64({kind.cell_origins}) AS o FROM {settled.source(kind.cells)} WHERE {asked.condition} AND "
    )
    narrow = f"Slot >= {begin} AND Slot < {end}"
    if wide_begin < wide_end:
        wide = f"Slot >= {wide_begin} AND Slot < {wide_end}"
        parts.append(f"{cells}Width = {BLOCK} AND {wide} AND (Home, Version) GLOBAL IN ({settled.blocks()})")
        others = [f"Slot < {wide_begin}", f"Slot >= {wide_end}", settled.unsummed_rows()]
        narrow += f" AND ({' OR '.join(filter(None, others))})"
    parts.append(f"{cells}Width = 1 AND {narrow} AND {settled.published(window)}")
    for part in (
        Window(window.from_unix_nano, begin * MINUTE_NS),
        Window(end * MINUTE_NS, window.to_unix_nano),
    ):
        if part.duration_ns > 0:
            parts.append(_counted(settled, asked, part))
    if opened := settled.open_traces(window):
        # What the cells have of traces that are read from their spans.
        inside = _between(begin * MINUTE_NS, end * MINUTE_NS)
        parts.append(
            _select(settled, asked, -1)
            + f"{settled.published(window)} AND {inside} AND TraceId GLOBAL IN ({opened})"
        )
    return parts


def _counted(settled: Settled, asked: Asked, window: Window) -> str:
    return _select(settled, asked, 1) + _rows_of(settled, asked, window, bare=True)


def _select(settled: Settled, asked: Asked, sign: int) -> str:
    kind = asked.kind
    return (
        f"SELECT {asked.key} AS key, Bucket, toInt64({sign}) AS n, toInt64({sign} * {kind.errors}) AS e, "
        f"toInt64({sign} * {kind.origins}) AS o FROM {settled.source(kind.rows)} WHERE {asked.condition} AND "
    )


def _rows_of(settled: Settled, asked: Asked, window: Window, *, bare: bool = False) -> str:
    found = f"{settled.published(window)} AND {_between(window.from_unix_nano, window.to_unix_nano)}"
    if opened := settled.open_traces(asked.window):
        found += f" AND TraceId GLOBAL NOT IN ({opened})"
    return found if bare else f"{asked.condition} AND {found}"


def _between(begin: int, end: int) -> str:
    return f"Start >= {begin} AND Start < {end}"
